"""Segments can be watched while the rest is made, and are the video itself."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.errors import GenerationCancelledError
from pipeline.types import FrameSize, Pixels, SoundTrack
from pipeline.video import VideoWriter

SIZE = FrameSize(160, 96)


def make_frames(num_frames: int) -> Pixels:
    """Return a picture that moves to the right."""
    picture = np.random.default_rng(0).integers(0, 256, (SIZE.height, SIZE.width, 3), np.uint8)
    return np.stack([np.roll(picture, shift, axis=1) for shift in range(num_frames)])


def make_track() -> SoundTrack:
    return SoundTrack(48_000, 1, iter([np.sin(np.arange(480_000) / 20)[None].astype(np.float32)]))


def write_video(folder: Path, batches: Sequence[int]) -> Iterator[int]:
    """Write a video with its segments; yield after each batch how many there are."""
    live = folder / "live"
    with VideoWriter(folder / "video.mp4", SIZE, make_track(), {}, live) as writer:
        for batch in np.split(make_frames(sum(batches)), np.cumsum(batches)[:-1]):
            writer.write(batch)
            yield len(list(live.glob("*.m4s")))


def join(live: Path) -> Path:
    """Return one file of all segments, as a player appends them."""
    segments = sorted(live.glob("*.m4s"), key=lambda path: int(path.stem))
    joined = live.with_name("joined.mp4")
    joined.write_bytes(b"".join(path.read_bytes() for path in (live / "init.mp4", *segments)))
    return joined


def read_packets(path: Path) -> dict[str, list[tuple[int | None, int | None, bytes]]]:
    packets: dict[str, list[tuple[int | None, int | None, bytes]]] = {"video": [], "audio": []}
    with av.open(path) as container:
        for packet in container.demux():
            packets[packet.stream.type].append((packet.pts, packet.dts, bytes(packet)))
    return packets


def read_frames(path: Path) -> list[tuple[int | None, bytes]]:
    with av.open(path) as container:
        return [(frame.pts, frame.to_ndarray().tobytes()) for frame in container.decode(video=0)]


@pytest.mark.parametrize("batches", [[10], [81, 72], [10] * 6])
def test_segments_hold_the_packets_of_the_video(batches: list[int], tmp_path: Path) -> None:
    list(write_video(tmp_path, batches))
    joined = join(tmp_path / "live")
    assert read_packets(joined) == read_packets(tmp_path / "video.mp4")
    assert read_frames(joined) == read_frames(tmp_path / "video.mp4")


def test_segments_appear_as_frames_come(tmp_path: Path) -> None:
    assert list(write_video(tmp_path, [25] * 4)) == [0, 1, 2, 3]
    assert len(list((tmp_path / "live").glob("*.m4s"))) == 4


def test_what_there_is_decodes_while_it_is_made(tmp_path: Path) -> None:
    for num_segments in write_video(tmp_path, [50, 50, 25]):
        frames = read_frames(join(tmp_path / "live"))
        assert num_segments * 22 < len(frames) < num_segments * 29
        pictures = [pts for pts, _ in frames]
        assert pictures == [512 * index for index in range(len(frames))]


def test_playlist_lists_them_from_the_first_and_ends(tmp_path: Path) -> None:
    playlist = tmp_path / "live" / "live.m3u8"
    for num_segments in write_video(tmp_path, [50, 50]):
        lines = playlist.read_text().splitlines()
        assert "#EXT-X-PLAYLIST-TYPE:EVENT" in lines
        assert '#EXT-X-MAP:URI="init.mp4"' in lines
        assert [line for line in lines if line[0] != "#"] == [f"{index}.m4s" for index in range(num_segments)]
        assert "#EXT-X-ENDLIST" not in lines
    assert playlist.read_text().endswith("3.m4s\n#EXT-X-ENDLIST\n")


def test_playlist_is_as_long_as_the_video(tmp_path: Path) -> None:
    list(write_video(tmp_path, [110]))
    lines = (tmp_path / "live" / "live.m3u8").read_text().splitlines()
    seconds = [float(line.removeprefix("#EXTINF:").rstrip(",")) for line in lines if line.startswith("#EXTINF:")]
    assert sum(seconds) == pytest.approx(110 / 25, abs=0.13)
    assert max(seconds) < 1.5


def test_only_whole_segments_are_left_when_it_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(GenerationCancelledError):
        stop(tmp_path)
    assert not list(tmp_path.rglob("*.tmp"))
    assert not (tmp_path / "video.mp4").exists()
    assert len(read_frames(join(tmp_path / "live"))) > 25


def stop(folder: Path) -> None:
    with VideoWriter(folder / "video.mp4", SIZE, make_track(), {}, folder / "live") as writer:
        writer.write(make_frames(60))
        raise GenerationCancelledError
