"""A queue and its parts in this process, with a runner whose runs end when the test says so."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from app.jobs.clock import Clock
from app.jobs.forecast import Forecaster, SpeedBook
from app.jobs.job import JobState, read_job
from app.jobs.listeners import JobEvent, Listeners
from app.jobs.queue import JobQueue
from app.jobs.registry import Registry
from app.jobs.runners.protocol import RunEnd, RunLost, RunUpdate
from app.records import JobRecord, JobResult
from app.storage import JobFolder, JobStore
from pipeline.engine import Availability
from pipeline.notices import Notice
from pipeline.profiles import Model, Profile
from pipeline.request import VideoRequest

RESULT = JobResult(num_frames=1, speech_seconds=1, compute_seconds=1, width=8, height=8, frame_rate=25, seed=1)
DONE = RunEnd("done", RESULT)
LOST = RunLost(Notice("job.killed", "request"))
KEPT = timedelta(hours=24)


@dataclass
class Time:
    """A computer's two clocks, set by hand."""

    wall: float = 1_700_000_000.0
    steady: float = 1_000.0

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


@dataclass
class HandRunner:
    """Runs jobs that say what the test puts into `words`, by the job's id; `started` has them in order."""

    capacity: int = 1
    durable: bool = False
    started: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    words: dict[str, "asyncio.Queue[RunUpdate | RunEnd | RunLost]"] = field(default_factory=dict)
    gate: asyncio.Event | None = None

    @property
    def num_parallel(self) -> int:
        return self.capacity

    def serves(self, model: Model) -> bool:  # noqa: ARG002 - the protocol's argument
        return True

    def availability(self, profile: Profile) -> Availability:  # noqa: ARG002 - the protocol's argument
        return Availability(available=True)

    async def persist(self, folder: JobFolder) -> None:
        """The folder is on a disk already."""

    async def start(self, folder: JobFolder) -> str:
        if self.gate is not None:
            await self.gate.wait()
        job_id = folder.path.name
        self.words[job_id] = asyncio.Queue()
        self.started.append(job_id)
        return job_id

    async def events(self, handle: str, folder: JobFolder) -> AsyncIterator[RunUpdate | RunEnd | RunLost]:
        del folder
        while True:
            word = await self.words[handle].get()
            yield word
            if not isinstance(word, RunUpdate):
                return

    async def cancel(self, handle: str) -> None:
        self.cancelled.append(handle)
        self.words[handle].put_nowait(RunEnd("cancelled"))

    async def close(self) -> None:
        """Nothing is held."""


class Rig:
    """A queue with its registry, clock, listeners and forecaster, in a folder."""

    def __init__(self, path: Path, runner: HandRunner | None = None) -> None:
        self.time = Time()
        self.runner = runner or HandRunner()
        self.store = JobStore(path)
        self.clock = Clock(self.store.clock, lambda: self.time.wall, lambda: self.time.steady, "this boot")
        self.registry = Registry(self.store, self.clock)
        self.events: list[JobEvent] = []
        self.listeners = Listeners(lambda state: read_job(state, self.clock, self.queue.find_position(state), None))
        self.listeners.subscribe(self.events.append)
        self.queue = JobQueue(self.runner, self.registry, self.clock, self.end, self.listeners)
        self.forecaster = Forecaster(SpeedBook(self.store.speeds), self.runner.availability, lambda: self.time.steady)

    def end(self, state: JobState, end: RunEnd) -> None:
        self.registry.end(state, end, KEPT)

    def add(self, client: str = "", **fields: object) -> JobState:
        """Put a job into the queue, as if it had been submitted."""
        state = self.make(client, **fields)
        self.queue.add(state)
        return state

    def make(self, client: str = "", **fields: object) -> JobState:
        job_id, folder = self.store.create()
        folder.photo.write_bytes(b"photo")
        folder.voice.write_bytes(b"voice")
        given = {
            "model": "preview",
            "request": VideoRequest(profile="preview"),
            "created_at": self.clock.now(),
            "speech_seconds": 4.0,
        }
        record = JobRecord(id=job_id, **given | fields)
        folder.write(record)
        return self.registry.add(record, client)

    async def say(self, state: JobState, *words: RunUpdate | RunEnd | RunLost) -> None:
        """Have the job's run say something, and let everyone take note of it."""
        await settle()
        for word in words:
            self.runner.words[state.record.id].put_nowait(word)
        await settle()

    async def finish(self, state: JobState) -> None:
        self.registry.folder(state).video.write_bytes(b"mp4")
        await self.say(state, DONE)

    def files(self, state: JobState) -> set[str]:
        return {path.name for path in self.registry.folder(state).path.iterdir()}


async def settle() -> None:
    """Let all tasks go on that can."""
    for _ in range(20):
        await asyncio.sleep(0)
