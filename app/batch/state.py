"""What was done so far, kept in a file beside the videos."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from app.batch.sheet import SheetError

_STATE = ".video-lab-batch.json"
_LOCK = ".video-lab-batch.lock"

Outcome = Literal["waiting", "running", "done", "failed"]


@dataclass
class Standing:
    """How far a row is.

    Attributes:
        job_id: Of the job that makes it, once that was accepted; none again when it failed or is gone.
        outcome: How it is.
        note: Why it failed.
        attempt: How many jobs of it failed. Nothing else makes a new one: it is a part of the `Idempotency-Key`.
        video: Name of the file, once it was fetched.
    """

    job_id: str | None = None
    outcome: Outcome = "waiting"
    note: str = ""
    attempt: int = 0
    video: str = ""


@dataclass
class Ledger:
    """What was done so far.

    Attributes:
        path: Of its file.
        url: Of the server.
        key_id: Of the key that asked for what has not ended.
        rows: By what tells them from others, wherever they stand in the sheet.
        uploads: Ids by what tells the files from others.
    """

    path: Path
    url: str
    key_id: str | None = None
    rows: dict[str, Standing] = field(default_factory=dict)
    uploads: dict[str, str] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path, url: str) -> "Ledger":
        """Read what an earlier run left, if there was one.

        Raises:
            SheetError: It cannot be read, or another server made what is in the folder.
        """
        ledger = cls(folder / _STATE, url)
        with suppress(FileNotFoundError):
            try:
                kept = json.loads(ledger.path.read_text())
                other, ledger.key_id, ledger.uploads = str(kept["url"]), kept["key_id"], dict(kept["uploads"])
                ledger.rows = {name: Standing(**row) for name, row in kept["rows"].items()}
            except (ValueError, TypeError, KeyError, AttributeError):
                raise SheetError(f"{ledger.path} cannot be read. Move it away, or choose another folder.") from None
            if other != url:
                raise SheetError(
                    f"The videos in {folder} are made by {other}, not by {url}. Give that URL, or choose another "
                    f"folder; if it is the same server under a new address, write that into {ledger.path}."
                )
        return ledger

    def check_key(self, key_id: str | None) -> None:
        """Note whose key asks.

        Raises:
            SheetError: With another one, jobs that have not ended would not be found, and be made twice.
        """
        if key_id != self.key_id and any(row.outcome in {"waiting", "running"} for row in self.rows.values()):
            before = f"the key {self.key_id}," if self.key_id else "no key, or the password,"
            raise SheetError(
                f"The rows that have not ended were asked for with {before} whose jobs no other one finds. "
                "Use it again, or choose another folder, where everything is made anew."
            )
        self.key_id = key_id

    def write(self) -> None:
        """Write the file whole, so that a power cut leaves the old one or the new one."""
        partial = self.path.with_suffix(".part")
        rows = {name: asdict(row) for name, row in self.rows.items()}
        with partial.open("w") as file:
            json.dump({"url": self.url, "key_id": self.key_id, "uploads": self.uploads, "rows": rows}, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.path)


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Keep others that run the command from the folder.

    Raises:
        SheetError: Somebody works in it.
    """
    with (folder / _LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SheetError(f"Another run works in {folder}. Wait for its end, or choose another folder.") from None
        yield
