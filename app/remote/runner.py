"""The web side: starts runs elsewhere, follows them and fetches their videos."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

from app.jobs import RunEnd, RunUpdate
from app.jobs.runners.protocol import EVENTS, read_end
from app.remote.cloud import Cloud, ResultPayload, RunExpiredError, RunLostError, RunTimeoutError
from app.remote.rounds import Rounds
from app.remote.store import JobKeys
from app.storage import JobFolder
from pipeline.engine import Availability
from pipeline.engines import get_engine_spec
from pipeline.notices import Notice
from pipeline.profiles import Model, Profile

_log = logging.getLogger(__name__)


class RemoteRunner:
    """Runs jobs elsewhere. Runs outlive this server; any later one finds them again by their handles."""

    durable = True

    def __init__(
        self,
        cloud: Cloud,
        find_availability: Callable[[Profile], Availability],
        *,
        capacity: int,
        num_parallel: int = 1,
        poll_seconds: float = 1.0,
    ) -> None:
        """Prepare the runner; nothing is started yet.

        Args:
            cloud: Where the runs are.
            find_availability: Says whether a profile can run there.
            capacity: How many jobs are handed over at a time; they may wait for a GPU there.
            num_parallel: How many of them can run there at a time.
            poll_seconds: Time between two looks at all runs.
        """
        self.capacity = capacity
        self.num_parallel = num_parallel
        self._cloud = cloud
        self._find_availability = find_availability
        self._rounds = Rounds(cloud.read_notes, poll_seconds)
        self._job_ids: dict[str, str] = {}
        self._starts: dict[str, asyncio.Task[str]] = {}

    @property
    def is_busy(self) -> bool:
        """Whether runs are under way, or wait."""
        return bool(self._job_ids or self._starts)

    def serves(self, model: Model) -> bool:
        """Say yes to what needs a GPU: that is paid for there, and nowhere else."""
        return get_engine_spec(model).needs_gpu

    def availability(self, profile: Profile) -> Availability:
        """Say whether the profile can run there."""
        return self._find_availability(profile)

    def can_wake(self, profile: Profile) -> bool:
        """Say whether a GPU that is woken now could make a video of the profile, and none is awake for others."""
        return not self.is_busy and self.availability(profile).available

    async def persist(self, folder: JobFolder) -> None:
        """Commit the job's files, before the job is accepted."""
        del folder
        await self._cloud.save_files()

    async def start(self, folder: JobFolder) -> str:
        """Start the job's run, unless an earlier server did and stopped before it could save the handle.

        A start is completed even if nobody waits for it any more: a second one would have to be paid for, too.
        """
        job_id = folder.path.name
        if job_id not in self._starts:
            self._starts[job_id] = task = asyncio.create_task(self._start(JobKeys(job_id)))
            task.add_done_callback(lambda _: self._starts.pop(job_id))
        return await asyncio.shield(self._starts[job_id])

    async def _start(self, keys: JobKeys) -> str:
        if call_id := await self._cloud.read_value(keys.call):
            return call_id
        call_id = await self._cloud.spawn(keys.job_id)
        await self._cloud.write_value(keys.call, call_id)
        return call_id

    async def events(self, handle: str, folder: JobFolder) -> AsyncIterator[RunUpdate | RunEnd]:
        """Yield the run's updates, then its end, with the video in the folder."""
        keys = JobKeys(folder.path.name)
        self._job_ids[handle] = keys.job_id
        self._rounds.join(handle)
        try:
            async for event in self._watch(handle, keys):
                yield event if isinstance(event, RunUpdate) else await asyncio.to_thread(_save, event, folder)
        except RunLostError as error:
            yield await self._explain_loss(error, folder)
        finally:
            self._rounds.leave(handle)
            del self._job_ids[handle]

    async def _watch(self, handle: str, keys: JobKeys) -> AsyncIterator[RunUpdate | ResultPayload]:
        """Yield the run's updates, then its result."""
        last: str | None = None
        while True:
            found = await self._rounds.next()
            note = found.notes.get(keys.progress)
            event = EVENTS.validate_json(note) if note else None
            may_have_ended = isinstance(event, RunEnd) or handle in found.turns
            if may_have_ended and (payload := await self._cloud.poll(handle)):
                await self._forget_note(keys)
                yield payload
                return
            if isinstance(event, RunUpdate) and note != last:
                last = note
                yield event

    async def cancel(self, handle: str) -> None:
        """Ask the run to stop between two steps, and take it out of the queue if it has not started."""
        if job_id := self._job_ids.get(handle):
            await self._cloud.write_value(JobKeys(job_id).cancelled, "yes")
        await self._cloud.stop(handle)
        if handle in self._job_ids:
            self._rounds.join(handle)  # its end may be found at once

    async def read_notes(self, most_seconds_old: float) -> Mapping[str, str]:
        """Return the live notes, at the cost of no reading of their own while runs are followed."""
        return await self._rounds.read(most_seconds_old)

    async def close(self) -> None:
        """Do nothing: the runs go on."""

    async def _explain_loss(self, error: RunLostError, folder: JobFolder) -> RunEnd:
        keys = JobKeys(folder.path.name)
        await self._forget_note(keys)
        end = read_end(folder)
        if end is not None and (end.status != "done" or folder.has_video):
            return end  # the worker wrote it into the folder before the result was lost
        if await self._is_cancelled(keys):
            return RunEnd("cancelled")
        _log.warning("job %.6s was lost: %r", folder.path.name, error)
        code = {RunTimeoutError: "remote.timeout", RunExpiredError: "remote.expired"}.get(type(error), "remote.lost")
        return RunEnd("failed", error=Notice(code, "request"))

    async def _forget_note(self, keys: JobKeys) -> None:
        try:
            await self._cloud.delete_value(keys.progress)
        except Exception as error:  # noqa: BLE001 - clouds fail in ways of their own; the sweep deletes it, too
            _log.warning("job %.6s: its note could not be deleted: %s", keys.job_id, type(error).__name__)

    async def _is_cancelled(self, keys: JobKeys) -> bool:
        try:
            return await self._cloud.read_value(keys.cancelled) is not None
        except Exception as error:  # noqa: BLE001 - as above; the job's end has a reason in any case
            _log.warning("job %.6s: nobody knows whether it was cancelled: %s", keys.job_id, type(error).__name__)
            return False


def _save(payload: ResultPayload, folder: JobFolder) -> RunEnd:
    if payload.end.status == "done":
        _write(folder.poster, payload.poster)
        _write(folder.video, payload.video)
    return payload.end


def _write(path: Path, data: bytes) -> None:
    partial = path.with_suffix(".part")
    partial.write_bytes(data)
    partial.replace(path)
