"""Pieces of a video play while the rest is made."""

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.errors import GenerationCancelledError
from pipeline.types import FrameSize, SoundTrack
from pipeline.video import LiveWriter

SIZE = FrameSize(64, 48)


def write_pieces(folder: Path, batches: Sequence[int]) -> list[Path]:
    tone = np.sin(np.arange(96_000) / 20)[None].astype(np.float32)
    with LiveWriter(folder, SIZE, SoundTrack(48_000, 1, iter([tone]))) as writer:
        for num_frames in batches:
            writer.write(np.full((num_frames, 48, 64, 3), 90, np.uint8))
    return sorted(folder.iterdir())


@pytest.mark.parametrize(
    ("batches", "pieces"), [([81, 72], [81, 72]), ([10] * 6, [30, 30]), ([30, 10], [30, 10]), ([10], [10])]
)
def test_pieces_last_at_least_a_second(batches: list[int], pieces: list[int], tmp_path: Path) -> None:
    paths = write_pieces(tmp_path / "live", batches)
    assert [path.name for path in paths] == [f"{index:03}.mp4" for index in range(len(pieces))]
    for path, num_frames in zip(paths, pieces, strict=True):
        with av.open(path) as container:
            assert container.streams.video[0].frames == num_frames


def test_every_piece_has_its_own_sound(tmp_path: Path) -> None:
    for path in write_pieces(tmp_path, [25, 25]):
        with av.open(path) as container:
            samples = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
        assert len(samples) == pytest.approx(48_000, abs=1_024)
        assert np.abs(samples[5_000:40_000]).max() == pytest.approx(1.0, abs=0.05)


def test_no_frame_waits_for_a_later_one(tmp_path: Path) -> None:
    (path,) = write_pieces(tmp_path, [25])
    with av.open(path) as container:
        assert all(packet.pts == packet.dts for packet in container.demux(video=0))


def test_leaves_only_whole_pieces_when_it_is_stopped(tmp_path: Path) -> None:
    def stop() -> None:
        with LiveWriter(tmp_path, SIZE, SoundTrack(48_000, 1, iter([]))) as writer:
            writer.write(np.zeros((30, 48, 64, 3), np.uint8))
            writer.write(np.zeros((10, 48, 64, 3), np.uint8))
            raise GenerationCancelledError

    with pytest.raises(GenerationCancelledError):
        stop()
    assert [path.name for path in tmp_path.iterdir()] == ["000.mp4"]
