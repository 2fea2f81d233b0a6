"""What becomes of a batch's rows where uploads go, disks know no links, decoders are busy, or the server stops."""

import asyncio
import errno
import os
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.accounts.database import Database
from app.batches.book import BatchBook, make_batch
from app.batches.names import choose_names
from app.batches.rows import Row, RowReader
from app.callers import Caller
from app.decoding import IdentifiedFile
from app.errors import BatchRowError, BatchTooLargeError, BudgetError, ServerStoppingError
from app.jobs import Jobs, held
from app.jobs.fair_queue import FairSemaphore
from app.quota import ByteQuota
from app.schemas.bodies import BatchRow
from app.settings import Settings
from app.storage import JobStore
from app.uploads import UploadShelf
from tests.app.jobs.rig import HandRunner

pytestmark = pytest.mark.anyio
ME, DAY = Caller("me"), 24 * 3600.0


class Cloud(HandRunner):
    """Notes which batches there were whenever it kept all files, and may be out of reach."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database, self.kept, self.most = database, [], 2

    async def persist(self, folder: object) -> None:
        del folder
        if len(self.kept) == self.most:
            raise ConnectionError
        self.kept.append(len(self.database.read("SELECT id FROM batches")))


@dataclass
class Place:
    """A service that lets no job begin, with two uploads."""

    folder: Path
    clock: list[float]
    database: Database
    shelf: UploadShelf
    jobs: Jobs
    cloud: Cloud
    reader: RowReader
    names: dict[str, str]

    async def read(self, num_rows: int = 3) -> list[Row]:
        return await self.reader.read([BatchRow(profile="fast", **self.names)] * num_rows, "b" * 22, ME)

    async def take(self, rows: Sequence[Row]) -> list[str]:
        book = BatchBook(self.database)
        taken: list[str] = []

        def commit(job_ids: Sequence[str]) -> None:
            book.add(make_batch(None, job_ids, 1.0, 0.0, "b" * 22))
            taken.extend(job_ids)

        await self.jobs.hold([row.draft for row in rows], ME.turn, commit)
        return taken

    @property
    def num_folders(self) -> int:
        return len(list((self.folder / "jobs").iterdir()))


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    clock, database = [time.time()], Database(tmp_path / "accounts.sqlite3")
    cloud = Cloud(database)
    settings = Settings(data_dir=tmp_path, live="off", content_credentials=False)
    store = JobStore(tmp_path)
    jobs = Jobs(settings, store, cloud, 1.0, database)
    await jobs.start()
    jobs._held.pause()
    shelf = UploadShelf(database, store.shelf, ByteQuota(10**9), DAY, lambda: clock[0])
    photo, voice = IdentifiedFile(medium="image"), IdentifiedFile(medium="audio", seconds=2.0)
    names = {}
    for name, found in {"image_id": photo, "audio_id": voice}.items():
        (tmp_path / "sent").write_bytes(name.encode())
        names[name] = (await shelf.add(tmp_path / "sent", found, ME)).id
    yield Place(tmp_path, clock, database, shelf, jobs, cloud, RowReader(jobs, shelf), names)
    await jobs.close()
    database.close()


async def test_what_accepts_a_batch_is_kept_elsewhere_too_before_it_is_answered(place: Place) -> None:
    assert len(await place.take(await place.read())) == 3
    assert place.cloud.kept == [0, 1]  # the folders first, then the row that accepts them
    place.cloud.most, before = 1 + len(place.cloud.kept), place.num_folders
    place.database.read("SELECT 1")
    with place.database.write() as connection:
        connection.execute("DELETE FROM batches")
    with pytest.raises(ConnectionError):
        await place.take(await place.read())
    assert (place.num_folders, place.jobs._held._taking.total()) == (before, 0)


async def test_photos_that_nobody_has_time_for_are_left_for_later(place: Place) -> None:
    place.jobs.media._turns = FairSemaphore(0, 0)  # all decoders are busy, and nobody else can wait
    assert await place.reader.look(await place.read(), ME) == 1


async def test_a_batch_keeps_its_uploads_and_names_the_row_whose_upload_is_gone(place: Place) -> None:
    place.clock[0] += DAY - 1
    rows = await place.read()
    place.clock[0] += DAY - 1
    place.shelf.sweep()
    voice = place.shelf.find(place.names["audio_id"], ME)
    place.shelf.path(voice).unlink()
    with pytest.raises(BatchRowError, match="is gone") as error:
        await place.take(rows)
    assert (error.value.field, place.num_folders) == ("jobs[0]", 0)


async def test_no_more_is_copied_than_a_batch_may_have(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    num_bytes = sum(file.stat().st_size for file in place.shelf._folder.iterdir())
    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(held, "_MOST_COPIED_BYTES", 3 * num_bytes)
    with pytest.raises(BatchTooLargeError, match="copies them for each row"):
        await place.take(await place.read(4))
    assert place.num_folders == 0
    (job_id, *_) = await place.take(await place.read(3))
    files = [file for file in (place.folder / "jobs" / job_id).iterdir() if file.name != "job.json"]
    assert (len(files), sum(file.stat().st_size for file in files)) == (2, num_bytes)


async def test_what_there_is_no_money_for_is_not_looked_at(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[object] = []
    monkeypatch.setattr(place.jobs.media, "check_held", lambda *_, **__: looks.append(1))
    (job_id, *_) = await place.take(await place.read(1))
    place.jobs.reserve("others", 0.9999)
    state = place.jobs._find(job_id)
    with pytest.raises(BudgetError):
        await place.jobs._admission.check_held(state, place.jobs._store.folder(job_id))
    assert looks == []


async def test_a_server_that_stops_takes_no_batch(place: Place) -> None:
    rows = await place.read()
    place.jobs.drain()
    with pytest.raises(ServerStoppingError):
        await place.take(rows)
    with pytest.raises(ServerStoppingError):
        place.jobs.check_open()


async def test_others_have_their_turn_while_rows_are_read(place: Place) -> None:
    num_turns = 0

    async def count() -> None:
        nonlocal num_turns
        while True:
            num_turns += 1
            await asyncio.sleep(0)

    counter = asyncio.create_task(count())
    await place.read(200)
    counter.cancel()
    assert num_turns >= 10


async def test_a_batch_is_forgotten_with_its_last_job(place: Place) -> None:
    book = BatchBook(place.database)
    for batch_id, job_id in {"d" * 22: "gone", "l" * 22: "there", "n" * 22: "gone"}.items():
        book.add(make_batch(None, [job_id, "gone"], 1.0, 0.0, batch_id))
    with place.database.write() as connection:
        connection.execute("UPDATE batches SET created_at = 0 WHERE id <> ?", ("n" * 22,))
    book.forget_dead(lambda job_id: job_id == "there")
    assert {batch.id[0] for batch in book.list(ME)} == {"l", "n"}


def test_a_thousand_videos_of_one_name_are_named_at_once() -> None:
    begun = time.process_time()
    names = choose_names(["a"] * 5_000, ".mp4")
    assert time.process_time() - begun < 1.5
    assert (names[1], names[-1], len(set(names))) == ("a-2.mp4", "a-5000.mp4", 5_000)
