"""Works on a sheet until every row has ended."""

import hashlib
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from app.batch.server import LaterError, RefusedError, Server, StoppedError
from app.batch.sheet import FILES, Row
from app.batch.state import Ledger, Standing

_ENDED = frozenset({"done", "failed", "cancelled"})
_GONE = frozenset({"job-not-found", "expired"})
_LONGEST_LOOK_SECONDS = 2.0
_SHORTEST_LOOK_SECONDS = 0.25
_DRY_ROWS = 1_000
_DRY_BYTES = 200_000_000
"""Of the files of a request: less than the server keeps of one client."""
_FILE_FIELDS = {f"{name}_id": name for name in FILES}
_PLACE = re.compile(r"jobs\[(\d+)\](?:\.(\w+))?.*")
"""A row of a request, from 0, and its field."""


class BatchRun:
    """Works on a sheet until every row has ended."""

    def __init__(self, server: Server, rows: Sequence[Row], folder: Path, ledger: Ledger, at_once: int) -> None:
        self._server, self._rows, self._folder = server, rows, folder
        self._ledger, self._at_once = ledger, at_once
        self._digests: dict[Path, str] = {}
        self._uploaded: set[str] = set()
        self._needs: Counter[str] = Counter()
        self._names = dict(zip((row.number for row in rows), self._tell_apart(), strict=True))
        self._submits_at = self._looks_at = 0.0
        self._reason = ""

    def run(self) -> dict[int, Standing]:
        """Make all videos; return how each row ended.

        Raises:
            StoppedError: It cannot go on now; nothing is lost.
        """
        left = [row for row in self._rows if self._prepare(row).outcome != "done"]
        flying = [row for row in left if self._standing(row).job_id is not None]
        waiting = [row for row in left if self._standing(row).job_id is None]
        self._count_needs(waiting)
        self._ledger.write()
        pause = _SHORTEST_LOOK_SECONDS
        while True:
            self._submit_some(waiting, flying)
            self._tell()
            if not flying and not waiting:
                self._ledger.write()
                return {row.number: self._standing(row) for row in self._rows}
            num_flying = len(flying)
            self._look_at_all(flying)
            pause = _SHORTEST_LOOK_SECONDS if len(flying) < num_flying else min(2 * pause, _LONGEST_LOOK_SECONDS)
            if len(flying) == num_flying:
                time.sleep(pause)

    def estimate(self) -> dict[str, float]:
        """Return what the rows would take; nothing is made."""
        self._count_needs(self._rows)
        seconds = dollars = 0.0
        for rows in self._cut():
            found = self._wait_until_taken(rows)
            seconds, dollars = seconds + found["seconds"], dollars + found["cost_usd"]
            for row in rows:
                self._release(row)
        return {"seconds": seconds, "cost_usd": dollars}

    def list_lines(self) -> Iterator[str]:
        """Yield a line for each row, and the sum."""
        for row in self._rows:
            one = self._standing(row)
            yield f"{row.number:>5}  {one.outcome:<7}  {one.video or f'{row.name}.mp4'}  {one.note}".rstrip()
        counts = Counter(self._standing(row).outcome for row in self._rows)
        yield f"{counts['done']} of {len(self._rows)} videos are done, {counts['failed']} failed."

    def _prepare(self, row: Row) -> Standing:
        """Return how far a row is; a video that was moved away is fetched again."""
        known = self._ledger.rows.setdefault(self._names[row.number], Standing())
        if known.outcome == "failed" or (known.outcome == "done" and not self._has_video(known)):
            known.outcome, known.note = "waiting", ""
        return known

    def _has_video(self, standing: Standing) -> bool:
        return bool(standing.video) and (self._folder / standing.video).exists()

    def _submit_some(self, waiting: list[Row], flying: list[Row]) -> None:
        """Ask for as many as are made at a time, unless the server said when to come again."""
        while waiting and len(flying) < self._at_once and time.monotonic() >= self._submits_at:
            row = waiting[0]
            try:
                is_taken = self._submit(row)
            except LaterError as error:
                self._submits_at = self._find_moment(error)
                return
            del waiting[0]
            if is_taken:
                flying.append(row)
            self._release(row)

    def _submit(self, row: Row) -> bool:
        """Ask for a row's video; return whether it is on its way."""
        standing = self._standing(row)
        # The same as long as no job of the row has failed: whatever got lost, a repetition gets the first answer.
        headers = {"Idempotency-Key": f"batch-{self._names[row.number][:40]}-{standing.attempt}"}
        try:
            job = self._send(row, headers)
            if not job.get("job_id"):
                raise StoppedError("The server took a row, but does not say as which job. Is it the app?")
            standing.job_id, standing.outcome = str(job["job_id"]), "running"
        except RefusedError as error:
            self._fail(row, error)
        except OSError as error:
            standing.outcome, standing.note = "failed", f"{error.filename}: {error.strerror}"
        self._ledger.write()
        return standing.job_id is not None

    def _send(self, row: Row, headers: dict[str, str]) -> dict[str, Any]:
        try:
            return self._server.ask("POST", "/jobs", json=self._describe(row), headers=headers)
        except RefusedError as error:
            if error.name != "upload-not-found":
                raise
        for file in row.files.values():  # they were deleted meanwhile
            self._ledger.uploads.pop(self._digest(file), None)
        return self._server.ask("POST", "/jobs", json=self._describe(row), headers=headers)

    def _look_at_all(self, flying: list[Row]) -> None:
        """Take those that have ended off the list."""
        for row in list(flying):
            if time.monotonic() < self._looks_at:
                return
            try:
                if self._look(row):
                    flying.remove(row)
            except LaterError as error:
                self._looks_at = self._find_moment(error)

    def _look(self, row: Row) -> bool:
        """Fetch a row's video if it is done; return whether the row has ended."""
        standing = self._standing(row)
        try:
            job = self._server.ask("GET", f"/jobs/{standing.job_id}")
            if job.get("status") not in _ENDED:
                return False
            if job["status"] == "done":
                self._fetch(row)
            else:
                reason = (job.get("error") or {}).get("message") or f"The job was {job['status']}."
                self._fail(row, RefusedError("expired", reason))
        except RefusedError as error:
            self._fail(row, error)
        self._ledger.write()
        return True

    def _fetch(self, row: Row) -> None:
        standing = self._standing(row)
        video = standing.video or self._choose_video(row)
        self._server.fetch(f"/jobs/{standing.job_id}/video", self._folder / video)
        for other in self._ledger.rows.values():
            if other.video == video:
                other.video = ""  # of a row that is not in the sheet any more
        standing.outcome, standing.note, standing.video = "done", "", video

    def _choose_video(self, row: Row) -> str:
        """Return a name that no other row of the sheet has: rows may have been moved since those were fetched."""
        taken = {self._standing(other).video for other in self._rows}
        names = (f"{row.name}{ending}.mp4" for ending in ("", *(f"-{n}" for n in range(2, len(self._rows) + 2))))
        return next(name for name in names if name not in taken)

    def _fail(self, row: Row, error: RefusedError) -> None:
        """Note why a row has no video. Only where its job is over for good, another one may be made."""
        standing = self._standing(row)
        standing.outcome, standing.note = "failed", str(error)
        if error.name in _GONE:
            standing.job_id, standing.attempt, standing.video = None, standing.attempt + 1, ""

    def _describe(self, row: Row) -> dict[str, Any]:
        return {**row.fields, **{f"{name}_id": self._upload(file) for name, file in row.files.items()}}

    def _upload(self, file: Path) -> str:
        """Return the id of a file, which is sent if it is not there."""
        digest = self._digest(file)
        upload_id = self._ledger.uploads.get(digest)
        if upload_id is None or (upload_id not in self._uploaded and not self._server.has_upload(upload_id)):
            with file.open("rb") as content:
                files = {"file": (f"file{file.suffix}", content)}
                upload_id = str(self._server.ask("POST", "/uploads", files=files).get("id", ""))
            self._ledger.uploads[digest] = upload_id
        self._uploaded.add(upload_id)
        return upload_id

    def _count_needs(self, rows: Sequence[Row]) -> None:
        self._needs.update(self._digest(file) for row in rows for file in row.files.values())

    def _release(self, row: Row) -> None:
        """Delete the uploads that no later row needs, so that there is room for those of the next ones."""
        for file in row.files.values():
            digest = self._digest(file)
            self._needs[digest] -= 1
            if self._needs[digest] <= 0 and (upload_id := self._ledger.uploads.pop(digest, None)) is not None:
                with suppress(RefusedError, LaterError):  # then it goes by itself, some hours later
                    self._server.ask("DELETE", f"/uploads/{upload_id}")

    def _cut(self) -> Iterator[list[Row]]:
        """Yield rows that go into one request."""
        rows, sizes = list[Row](), dict[str, int]()
        for row in self._rows:
            own = {self._digest(file): file.stat().st_size for file in row.files.values()}
            if rows and (len(rows) == _DRY_ROWS or sum((sizes | own).values()) > _DRY_BYTES):
                yield rows
                rows, sizes = [], {}
            rows.append(row)
            sizes |= own
        yield rows

    def _wait_until_taken(self, rows: Sequence[Row]) -> dict[str, float]:
        is_again = False
        while True:
            try:
                jobs = [self._describe(row) for row in rows]
                self._ledger.write()
                found: dict[str, float] = self._server.ask("POST", "/batches", json={"jobs": jobs, "dry_run": True})[
                    "estimate"
                ]
            except LaterError as error:
                time.sleep(max(0.0, self._find_moment(error) - time.monotonic()))
            except RefusedError as error:
                place = _PLACE.fullmatch(error.field)
                if place and place[2] in _FILE_FIELDS and not is_again:
                    self._uploaded.clear()  # some may have been deleted meanwhile: each is looked for, and sent again
                    is_again = True
                    continue
                raise _tell_line(error, rows) from None
            else:
                return found

    def _tell_apart(self) -> Iterator[str]:
        """Yield what tells each row from others, wherever it stands: what it says, and which of equal ones it is."""
        seen = Counter[str]()
        for row in self._rows:
            files = {name: self._digest(file) for name, file in row.files.items()}
            said = json.dumps([dict(row.fields), files], sort_keys=True)
            yield hashlib.sha256(f"{said} {seen[said]}".encode()).hexdigest()
            seen[said] += 1

    def _digest(self, file: Path) -> str:
        if file not in self._digests:
            with file.open("rb") as content:
                self._digests[file] = hashlib.file_digest(content, "sha256").hexdigest()
        return self._digests[file]

    def _standing(self, row: Row) -> Standing:
        return self._ledger.rows[self._names[row.number]]

    def _find_moment(self, error: LaterError) -> float:
        """Return when to come again, and say so once."""
        if str(error) != self._reason:
            self._reason = str(error)
            moment = datetime.now().astimezone() + timedelta(seconds=min(error.seconds, 10_000_000))
            sys.stderr.write(f"Waiting until {moment:%H:%M:%S}: {self._reason}\n")
        return time.monotonic() + error.seconds

    def _tell(self) -> None:
        """Say how far it is, where somebody looks on."""
        if sys.stderr.isatty():
            counts = Counter(self._standing(row).outcome for row in self._rows)
            told = ", ".join(f"{counts[name]} {name}" for name in ("done", "running", "waiting", "failed"))
            sys.stderr.write(f"\r{told}\x1b[K")
            sys.stderr.flush()


def _tell_line(error: RefusedError, rows: Sequence[Row]) -> RefusedError:
    """Return what is wrong with a row, by the line and the column of the sheet."""
    place = _PLACE.fullmatch(error.field)
    if place is None:
        return error
    line, column = rows[int(place[1])].number, _FILE_FIELDS.get(place[2], place[2])
    told = str(error).removeprefix(f"{error.field}: ")
    return RefusedError(error.name, f"Line {line}{f', {column}' if column else ''}: {told}", error.field)
