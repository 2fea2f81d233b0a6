"""The web's side: begins runs elsewhere, follows them, fetches their videos."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from app.jobs import RunEnd, RunUpdate
from app.jobs.messages import EVENTS
from app.remote.cloud import Cloud, Delivery, RunExpiredError, RunLostError, RunTimeoutError
from app.remote.notes import NoteKeys
from app.remote.outcome import read_end
from app.storage import JobFolder
from pipeline.engine import Availability
from pipeline.notices import Notice
from pipeline.profiles import Profile

_WAITING_LOOKED_AT_EACH_TIME = 20
_log = logging.getLogger(__name__)


class RemoteRunner:
    """Runs jobs elsewhere. They go on when this server ends; any later one finds them again by their handles."""

    is_lasting = True

    def __init__(
        self,
        cloud: Cloud,
        find_availability: Callable[[Profile], Availability],
        *,
        capacity: int,
        num_parallel: int = 1,
        poll_seconds: float = 1.0,
    ) -> None:
        """Prepare it; nothing is begun yet.

        Args:
            cloud: Where the runs are.
            find_availability: Says whether a profile can run there.
            capacity: How many jobs are handed over at the same time; they may wait for a GPU there.
            num_parallel: How many of them can run there at the same time.
            poll_seconds: Between two looks at a run.
        """
        self.capacity = capacity
        self.num_parallel = num_parallel
        self._cloud = cloud
        self._find_availability = find_availability
        self._poll_seconds = poll_seconds
        self._job_ids: dict[str, str] = {}
        self._starts: dict[str, asyncio.Task[str]] = {}

    def availability(self, profile: Profile) -> Availability:
        """Say whether the profile can run there."""
        return self._find_availability(profile)

    async def keep(self, folder: JobFolder) -> None:
        """Make the job's files visible there, and lasting, before the job is promised."""
        del folder
        await self._cloud.save_files()

    async def start(self, folder: JobFolder) -> str:
        """Begin the job's run, unless an earlier server began it and was gone before it could keep the handle.

        Once begun, a start goes on though nobody waits for it any more: a second one would be paid for, too.
        """
        job_id = folder.path.name
        if job_id not in self._starts:
            self._starts[job_id] = task = asyncio.create_task(self._start(NoteKeys(job_id)))
            task.add_done_callback(lambda _: self._starts.pop(job_id))
        return await asyncio.shield(self._starts[job_id])

    async def _start(self, keys: NoteKeys) -> str:
        if call_id := await self._cloud.read_note(keys.call):
            return call_id
        call_id = await self._cloud.spawn(keys.job_id)
        await self._cloud.write_note(keys.call, call_id)
        return call_id

    async def events(self, handle: str, folder: JobFolder) -> AsyncIterator[RunUpdate | RunEnd]:
        """Yield the run's progress as it is noted, and its end, with the video in the folder."""
        keys = NoteKeys(folder.path.name)
        last: str | None = None
        self._job_ids[handle] = keys.job_id
        try:
            while (delivery := await self._cloud.poll(handle)) is None:
                note = await self._cloud.read_note(keys.progress)
                if note is not None and note != last:
                    last = note
                    yield EVENTS.validate_json(note)
                await asyncio.sleep(self._poll_seconds * self._find_patience(has_begun=last is not None))
            yield await asyncio.to_thread(_keep, delivery, folder)
        except RunLostError as error:
            yield await self._explain_loss(error, folder)
        finally:
            del self._job_ids[handle]

    def _find_patience(self, *, has_begun: bool) -> float:
        """Return how many times less often to look: the more runs wait, the less each is likely to have begun."""
        return 1.0 if has_begun else max(1.0, len(self._job_ids) / _WAITING_LOOKED_AT_EACH_TIME)

    async def cancel(self, handle: str) -> None:
        """Ask the run to end between two steps, and take it out of the queue if it has not begun."""
        if job_id := self._job_ids.get(handle):
            await self._cloud.write_note(NoteKeys(job_id).cancelled, "yes")
        await self._cloud.stop(handle)

    async def close(self) -> None:
        """Do nothing: the runs go on."""

    async def _explain_loss(self, error: RunLostError, folder: JobFolder) -> RunEnd:
        end = read_end(folder)
        if end is not None and (end.status != "done" or folder.video.is_file()):
            return end  # the worker left it in the folder before the answer was lost
        if await self._cloud.read_note(NoteKeys(folder.path.name).cancelled):
            return RunEnd("cancelled")
        _log.warning("job %.6s was lost: %r", folder.path.name, error)
        code = {RunTimeoutError: "remote.timeout", RunExpiredError: "remote.expired"}.get(type(error), "remote.lost")
        return RunEnd("failed", error=Notice(code, "request"))


def _keep(delivery: Delivery, folder: JobFolder) -> RunEnd:
    if delivery.end.status == "done":
        _write(folder.poster, delivery.poster)
        _write(folder.video, delivery.video)
    return delivery.end


def _write(path: Path, data: bytes) -> None:
    partial = path.with_suffix(".part")
    partial.write_bytes(data)
    partial.replace(path)
