"""A place elsewhere, in memory, and an engine whose frames are grey."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from app.records import JobRecord
from app.remote import RemoteWorker, TimeLimits
from app.storage import JobFolder, JobStore
from pipeline.engine import Availability, Engine, Reporter
from pipeline.notices import Notice
from pipeline.profiles import Profile
from pipeline.request import VideoRequest
from pipeline.scene import Scene
from pipeline.types import Pixels, Progress

ASSETS = Path(__file__).parents[3] / "assets"


@dataclass
class GreyEngine:
    """Yields grey frames, four at a time. `on_step` is called with each step's number first."""

    name: str = "infinitetalk"
    on_step: Callable[[int], None] = lambda _: None
    num_runs: int = 0

    def availability(self, profile: Profile) -> Availability:  # noqa: ARG002 - the protocol's argument
        return Availability(available=True)

    def load(self, report: Reporter) -> None:
        pass

    def generate(self, scene: Scene, report: Reporter) -> Iterator[Pixels]:
        self.num_runs += 1
        num_frames = scene.num_frames
        for step, first in enumerate(range(0, num_frames, 4)):
            self.on_step(step)
            report(Progress("denoising", step, num_frames // 4, 100.0 * first / num_frames))
            yield np.full(
                (min(4, num_frames - first), scene.source.size.height, scene.source.size.width, 3), 128, np.uint8
            )


@dataclass
class MemoryContext:
    """A store in memory; files need nothing here."""

    values: dict[str, str] = field(default_factory=dict)
    written: list[tuple[str, str]] = field(default_factory=list)
    num_saves: int = 0
    folder: Path | None = None
    inputs_at_saves: list[bool] = field(default_factory=list)

    def load_files(self) -> None:
        pass

    def save_files(self) -> None:
        self.num_saves += 1
        if self.folder:
            self.inputs_at_saves.append((self.folder / "photo").exists())

    def read_value(self, key: str) -> str | None:
        return self.values.get(key)

    def write_value(self, key: str, value: str) -> None:
        self.values[key] = value
        self.written.append((key, value))

    def delete_value(self, key: str) -> None:
        self.values.pop(key, None)

    def stages(self, job_id: str) -> list[str]:
        """The stages that the run noted, each once, in turn."""
        notes = [json.loads(value).get("progress") for key, value in self.written if key == f"{job_id}/progress"]
        return list(dict.fromkeys(note["stage"] for note in notes if note))


@pytest.fixture
def context() -> MemoryContext:
    return MemoryContext()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[JobFolder]:
    """A job of the profile `fast` with the example photo and voice."""
    store = JobStore(tmp_path)
    job_id, folder = store.create()
    shutil.copyfile(ASSETS / "photos/grace_hopper.jpg", folder.photo)
    shutil.copyfile(ASSETS / "voices/joe.wav", folder.voice)
    request = VideoRequest(profile="fast", max_duration_sec=1.2, seed=3)
    folder.write(
        JobRecord(id=job_id, model="infinitetalk", request=request, created_at=datetime.now(UTC), speech_seconds=1.2)
    )
    yield folder
    store.close()


class FixedLimits(TimeLimits):
    """Lets runs take just as long as they may, however long they are expected to take."""

    def find(self, request: VideoRequest, *_: object) -> float:
        return self.bounds[request.profile]


def make_worker(
    folder: JobFolder,
    context: MemoryContext,
    engine: Engine,
    limit_seconds: float = 60.0,
    limits: TimeLimits | None = None,
    refusal: Notice | None = None,
) -> RemoteWorker:
    context.folder = folder.path
    return RemoteWorker(
        folder.path.parent,
        context,
        lambda _: engine,
        limits or FixedLimits({"fast": limit_seconds}),
        "NVIDIA H100 80GB HBM3",
        refusal=refusal,
        retry_seconds=0.0,
    )
