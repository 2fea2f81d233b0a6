"""Lanes and their parts in this process, with a runner whose runs end when the test says so."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from app.jobs.clock import Clock
from app.jobs.entry import Entry
from app.jobs.forecast import Forecaster
from app.jobs.lane import Lane
from app.jobs.ledger import Ledger
from app.jobs.runner import RunEnd, RunLost, RunUpdate
from app.jobs.speed import SpeedBook
from app.records import JobRecord, JobRequest, JobResult
from app.storage import JobFolder, JobStore
from pipeline.engine import Availability
from pipeline.notices import Notice
from pipeline.profiles import Profile

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
    is_lasting: bool = False
    started: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    words: dict[str, "asyncio.Queue[RunUpdate | RunEnd | RunLost]"] = field(default_factory=dict)
    gate: asyncio.Event | None = None

    @property
    def num_parallel(self) -> int:
        return self.capacity

    def availability(self, profile: Profile) -> Availability:  # noqa: ARG002 - the protocol's argument
        return Availability(available=True)

    async def keep(self, folder: JobFolder) -> None:
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
    """A lane with its ledger, clock and forecaster, in a folder."""

    def __init__(self, path: Path, runner: HandRunner | None = None) -> None:
        self.time = Time()
        self.runner = runner or HandRunner()
        self.store = JobStore(path)
        self.clock = Clock(self.store.clock, lambda: self.time.wall, lambda: self.time.steady, "this boot")
        self.ledger = Ledger(self.store, self.clock)
        self.lane = Lane(self.runner, self.ledger, self.clock, self.end)
        self.forecaster = Forecaster(SpeedBook(self.store.speeds), self.runner.availability, lambda: self.time.steady)

    def end(self, entry: Entry, end: RunEnd) -> None:
        self.ledger.end(entry, end, KEPT)

    def add(self, client: str = "", **fields: object) -> Entry:
        """Put a job into the lane, as if it had been submitted."""
        entry = self.make(client, **fields)
        self.lane.add(entry)
        return entry

    def make(self, client: str = "", **fields: object) -> Entry:
        job_id, folder = self.store.create()
        folder.photo.write_bytes(b"photo")
        folder.voice.write_bytes(b"voice")
        given = {"request": JobRequest(profile="preview"), "created_at": self.clock.now(), "speech_seconds": 4.0}
        record = JobRecord(id=job_id, model="preview", **given | fields)
        folder.write(record)
        return self.ledger.add(record, client)

    async def say(self, entry: Entry, *words: RunUpdate | RunEnd | RunLost) -> None:
        """Have the job's run say something, and let everyone take note of it."""
        await settle()
        for word in words:
            self.runner.words[entry.record.id].put_nowait(word)
        await settle()

    async def finish(self, entry: Entry) -> None:
        self.ledger.folder(entry).video.write_bytes(b"mp4")
        await self.say(entry, DONE)

    def files(self, entry: Entry) -> set[str]:
        return {path.name for path in self.ledger.folder(entry).path.iterdir()}


async def settle() -> None:
    """Let all tasks go on that can."""
    for _ in range(20):
        await asyncio.sleep(0)
