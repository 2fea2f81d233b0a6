"""The preview's frames are those of before, to the byte."""

from hashlib import sha256
from pathlib import Path

import pytest

from pipeline.generate import prepare_scene
from pipeline.preview.engine import PreviewEngine
from pipeline.request import VideoRequest
from tests.photos import HOPPER, MONA_LISA
from tests.processors import known_processor
from tests.scenes import JOE


@known_processor
@pytest.mark.parametrize(
    ("photo", "seed", "expected"),
    [
        (HOPPER, 3, "c3e0ab9ee71b873eb932222dc97118291764d008fbccf78371fcd03e226dd6fc"),
        (HOPPER, 4, "ce062a645422bc0c8b868e3c1fcdaca46d268d1a399852fecae7690e62bae2ed"),
        (MONA_LISA, 3, "71adb2e975fb909dd76024f9b7f33831f34f697724abcb0813ebc022c7f8e121"),
        (MONA_LISA, 4, "51a538a4af3eb71646b023045a011d0b27e68404007e72f38b587849e85f4e7d"),
    ],
)
def test_a_photo_a_voice_and_a_seed_give_the_frames_they_always_gave(photo: Path, seed: int, expected: str) -> None:
    scene = prepare_scene(VideoRequest(max_duration_sec=2.3, seed=seed), {"image": photo, "audio": JOE})
    frames = sha256()
    for batch in PreviewEngine().generate(scene, lambda _: None):
        frames.update(batch.tobytes())
    assert frames.hexdigest() == expected
