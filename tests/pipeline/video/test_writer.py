"""Frames and sound come out of the mp4 as they went in."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.errors import GenerationCancelledError, OutputError
from pipeline.types import Floats, FrameSize, Pixels, SoundTrack
from pipeline.video import VideoWriter

SIZE = FrameSize(160, 96)


def make_frames(num_frames: int = 50, size: FrameSize = SIZE) -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (num_frames, size.height, size.width, 3), np.uint8)


def make_track(samples: Floats, sampling_rate: int = 48_000) -> SoundTrack:
    pieces: Iterator[Floats] = iter(np.array_split(samples, 7, axis=1))
    return SoundTrack(sampling_rate, len(samples), pieces)


def write_video(path: Path, frames: Pixels, track: SoundTrack, size: FrameSize = SIZE) -> Path:
    with VideoWriter(path, size, track, {"title": "A title"}) as writer:
        for batch in np.array_split(frames, 3):
            writer.write(batch)
    return path


def read_sound(path: Path) -> Floats:
    with av.open(path) as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)


def read_frames(path: Path) -> Pixels:
    with av.open(path) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


@pytest.mark.parametrize("sampling_rate", [16_000, 22_050, 24_000, 32_000, 44_100, 48_000])
def test_sound_is_in_time(sampling_rate: int, tmp_path: Path) -> None:
    click = np.zeros((1, 2 * sampling_rate), np.float32)
    click[0, sampling_rate : sampling_rate + sampling_rate // 100] = 0.9
    path = write_video(tmp_path / "video.mp4", make_frames(), make_track(click, sampling_rate))
    heard = np.argmax(np.abs(read_sound(path)[0]) > 0.3) / sampling_rate
    assert heard == pytest.approx(1.0, abs=0.002)


@pytest.mark.parametrize("num_channels", [1, 2])
def test_keeps_channels_and_loudness(num_channels: int, tmp_path: Path) -> None:
    time = np.arange(96_000) / 48_000
    tone = np.stack([0.5 * np.sin(2 * np.pi * pitch * time) for pitch in (440, 660)[:num_channels]]).astype(np.float32)
    sound = read_sound(write_video(tmp_path / "video.mp4", make_frames(), make_track(tone)))
    assert len(sound) == num_channels
    error = sound[:, 10_000:80_000] - tone[:, 10_000:80_000]
    assert np.sqrt(np.mean(error**2)) < 0.02


@pytest.mark.parametrize("seconds", [0.0, 0.5, 2.0, 5.0])
def test_sound_gets_the_length_of_the_frames(seconds: float, tmp_path: Path) -> None:
    sound = np.full((1, round(seconds * 48_000)), 0.1, np.float32)
    path = write_video(tmp_path / "video.mp4", make_frames(), make_track(sound))
    with av.open(path) as container:
        audio, video = container.streams.audio[0], container.streams.video[0]
        assert (video.frames, float(video.duration * video.time_base)) == (50, 2.0)
        assert float(audio.duration * audio.time_base) == pytest.approx(2.0, abs=0.001)


@pytest.mark.parametrize("color", [(200, 40, 40), (40, 180, 60), (30, 60, 200), (224, 172, 105), (128, 128, 128)])
def test_keeps_colors(color: tuple[int, int, int], tmp_path: Path) -> None:
    frames = np.broadcast_to(np.array(color, np.uint8), (5, SIZE.height, SIZE.width, 3))
    path = write_video(tmp_path / "video.mp4", frames, make_track(np.zeros((1, 1), np.float32)))
    np.testing.assert_allclose(read_frames(path).mean(axis=(0, 1, 2)), color, atol=2.5)


def test_says_which_colors_and_tags_it_has(tmp_path: Path) -> None:
    path = write_video(tmp_path / "video.mp4", make_frames(5), make_track(np.zeros((1, 1), np.float32)))
    with av.open(path) as container:
        context = container.streams.video[0].codec_context
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)
        assert (context.name, context.pix_fmt, container.streams.video[0].average_rate) == ("h264", "yuv420p", 25)
        assert container.metadata["title"] == "A title"


def test_can_be_played_while_it_is_loaded(tmp_path: Path) -> None:
    path = write_video(tmp_path / "video.mp4", make_frames(5), make_track(np.zeros((1, 1), np.float32)))
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_repeats_byte_for_byte(tmp_path: Path) -> None:
    frames, size = make_frames(40, FrameSize(416, 240)), FrameSize(416, 240)
    tone = np.sin(np.arange(80_000) / 20)[None].astype(np.float32)
    first, second = (write_video(tmp_path / name, frames, make_track(tone), size) for name in ("1.mp4", "2.mp4"))
    assert first.read_bytes() == second.read_bytes()


def test_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    with VideoWriter(path, SIZE, make_track(np.zeros((1, 1), np.float32)), {}) as writer:
        writer.write(make_frames())
        assert not path.exists()
    assert [file.name for file in tmp_path.iterdir()] == ["video.mp4"]


@pytest.mark.parametrize("num_frames", [0, 50])
@pytest.mark.parametrize("error", [GenerationCancelledError, KeyboardInterrupt])
def test_leaves_nothing_when_it_is_stopped(error: type[BaseException], num_frames: int, tmp_path: Path) -> None:
    def stop() -> None:
        with VideoWriter(tmp_path / "video.mp4", SIZE, make_track(np.zeros((1, 1), np.float32)), {}) as writer:
            writer.write(make_frames(num_frames))
            raise error

    with pytest.raises(error):
        stop()
    assert not list(tmp_path.iterdir())


def test_keeps_an_older_video_when_it_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(b"an older video")
    with pytest.raises(GenerationCancelledError), VideoWriter(path, SIZE, make_track(np.zeros((1, 1), np.float32)), {}):
        raise GenerationCancelledError
    assert path.read_bytes() == b"an older video"


def test_says_why_it_cannot_write(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"video\.mp4 could not be written: No such file or directory"):
        VideoWriter(tmp_path / "missing" / "video.mp4", SIZE, make_track(np.zeros((1, 1), np.float32)), {})


def test_says_that_the_disk_is_full(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    path.with_name("video.mp4.tmp").symlink_to("/dev/full")
    with pytest.raises(OutputError, match="No space left on device"):
        write_video(path, make_frames(), make_track(np.zeros((1, 1), np.float32)))
    assert not list(tmp_path.iterdir())
