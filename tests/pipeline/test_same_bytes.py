"""The video that a photo, a voice and a seed give stays the same, packet for packet, watched live or not."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.engine import Reporter
from pipeline.generate import generate, prepare_scene
from pipeline.preview.engine import PreviewEngine
from pipeline.request import VideoRequest
from pipeline.scene import Scene
from pipeline.types import Pixels
from tests.processors import known_processor
from tests.voices import SPEAKER

PHOTOS = Path("assets/photos").resolve()
KNOWN = {
    ("grace_hopper.jpg", 1): ("f6dc4b12a8eb8451", "0b2e12e081d44e01", "9b950f01920272c3"),
    ("grace_hopper.jpg", 7): ("56fdf6acabea5896", "ff570a6b34365564", "9b950f01920272c3"),
    ("mona_lisa.jpg", 1): ("8df5b37768db196b", "c9ee46effb85a459", "9b950f01920272c3"),
    ("mona_lisa.jpg", 7): ("0433b2bb56d49958", "730ff1895080dde8", "9b950f01920272c3"),
}
"""Hashes of frames, video packets and audio packets."""

ENCODER = "threads=2 sliced_threads=1 slices=2 bframes=3 b_pyramid=2 keyint=250 rc_lookahead=10 rc=crf crf=20.0 subme=2"
"""Some of what x264 writes into its first packet about itself."""


class WatchedEngine(PreviewEngine):
    """Notes the frames that it draws."""

    def __init__(self) -> None:
        super().__init__()
        self.frames = hashlib.sha256()

    def generate(self, scene: Scene, report: Reporter) -> Iterator[Pixels]:
        for frames in super().generate(scene, report):
            self.frames.update(np.ascontiguousarray(frames))
            yield frames


def make_video(folder: Path, photo: str, seed: int, live: Path | None = None) -> tuple[Path, str]:
    """Return the video and the hash of its frames before they were encoded."""
    request = VideoRequest(max_duration_sec=2.0, seed=seed)
    scene = prepare_scene(request, {"image": PHOTOS / photo, "audio": SPEAKER})
    engine, path = WatchedEngine(), folder / f"{live is None}.mp4"
    generate(scene, engine, path, lambda _: None, live)
    return path, engine.frames.hexdigest()[:16]


def hash_packets(path: Path) -> tuple[str, str]:
    """Return hashes of the video's and the audio's packets, with their times."""
    hashes = {"video": hashlib.sha256(), "audio": hashlib.sha256()}
    with av.open(path) as container:
        for packet in container.demux():
            hashes[packet.stream.type].update(f"{packet.pts} {packet.dts} ".encode() + bytes(packet))
    return hashes["video"].hexdigest()[:16], hashes["audio"].hexdigest()[:16]


@known_processor
@pytest.mark.parametrize(("photo", "seed"), KNOWN)
def test_preview_is_the_known_one(photo: str, seed: int, tmp_path: Path) -> None:
    path, frames = make_video(tmp_path, photo, seed)
    assert (frames, *hash_packets(path)) == KNOWN[photo, seed]


def test_encoder_has_the_known_settings(tmp_path: Path) -> None:
    path, _ = make_video(tmp_path, "grace_hopper.jpg", 7)
    with av.open(path) as container:
        first = bytes(next(container.demux(video=0)))
    assert set(ENCODER.encode().split()) <= set(first.partition(b"options: ")[2].partition(b"\0")[0].split())


def test_video_is_the_same_file_when_it_is_watched_live(tmp_path: Path) -> None:
    plain, _ = make_video(tmp_path, "mona_lisa.jpg", 1)
    watched, _ = make_video(tmp_path, "mona_lisa.jpg", 1, live=tmp_path / "live")
    assert len(list((tmp_path / "live").glob("*.m4s"))) == 2
    assert watched.read_bytes() == plain.read_bytes()
