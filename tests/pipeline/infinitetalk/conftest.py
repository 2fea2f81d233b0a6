"""A tiny model for the tests of this folder, written, prepared and loaded once."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.engine import EngineSettings
from pipeline.engines import get_profile
from pipeline.infinitetalk.checkpoint import LAYOUT
from pipeline.infinitetalk.engine import InfiniteTalkEngine
from pipeline.profiles import Sampling
from pipeline.scene import Scene, Speaker, Still, count_frames
from pipeline.types import FRAME_RATE, SPEECH_SAMPLING_RATE, Box, Face, Sound
from pipeline.weights.prepare import prepare
from tests.tiny_checkpoint import write_tiny_checkpoint

SIDE = 64
FACE = Face(Box(8, 8, 56, 56), 1.0, np.zeros((478, 3), np.float32))


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    """More threads only wait for one another at these sizes."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("released"))


@pytest.fixture(scope="session")
def prepared(released: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared") / "infinitetalk"
    prepare(released, folder, LAYOUT)
    return folder


@pytest.fixture
def own_weights(prepared: Path, tmp_path: Path) -> Path:
    """The prepared weights in a folder that a test may add to."""
    folder = tmp_path / "weights"
    folder.mkdir()
    for part in prepared.iterdir():
        (folder / part.name).symlink_to(part)
    return folder


@pytest.fixture(scope="session")
def engine(prepared: Path) -> InfiniteTalkEngine:
    engine = InfiniteTalkEngine(EngineSettings(prepared, "cpu"))
    engine.load(lambda _: None)
    return engine


@pytest.fixture(scope="session")
def make_scene() -> Callable[..., Scene]:
    return _make_scene


def _make_scene(
    seconds: float,
    profile: str = "fast",
    *,
    steps: int = 1,
    guidance: float = 1.0,
    seed: int = 7,
    side: int = SIDE,
    faces: tuple[Face, ...] = (FACE,),
    num_speakers: int = 1,
) -> Scene:
    """Build a checked request of a small picture and voices of noise; faces beyond the speakers' are bystanders'."""
    random = np.random.default_rng(0)
    frame = random.integers(0, 256, (side, side, 3), dtype=np.uint8)
    num_samples = round(seconds * SPEECH_SAMPLING_RATE)
    waveforms = (0.1 * random.standard_normal((num_speakers, num_samples))).astype(np.float32)
    num_frames = count_frames(num_samples, FRAME_RATE)
    return Scene(
        Still(frame),
        tuple(Speaker(*one, np.ones(num_frames, np.float32)) for one in zip(faces, waveforms, strict=False)),
        Sound(Path("voice.wav"), 0.0, seconds),
        FRAME_RATE,
        num_frames,
        "",
        seed,
        get_profile(profile),
        Sampling(steps, guidance, guidance),
        bystanders=faces[num_speakers:],
    )
