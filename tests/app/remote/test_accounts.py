"""The database of accounts, of which the volume has whole copies: one writes, others read and leave changes."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi import FastAPI

from app.accounts.command import KeyCommandError
from app.accounts.database import FILE_NAME, Database
from app.accounts.keys import KeyBook
from app.accounts.limits import KeyLimits
from app.errors import DataFolderError
from app.main import create_app
from app.remote import claim
from app.remote.accounts import AccountsCopy, command_keys, keep_accounts, take_changes
from app.settings import Settings

READER = """
import sys
from pathlib import Path
from app.remote.accounts import command_keys
counts = set()
for _ in range(15):
    lines = list(command_keys(["list"], Path(sys.argv[1]), lambda key: None, print))
    counts.add(sum("pair" in line for line in lines))
print(*sorted(counts))
"""


def test_a_reader_of_the_volume_never_sees_half_a_change(tmp_path: Path) -> None:
    volume, folder = tmp_path / "volume", tmp_path / "web"
    folder.mkdir()
    copy = AccountsCopy(volume, folder)
    database = Database(folder / FILE_NAME)
    reader = subprocess.Popen([sys.executable, "-c", READER, str(volume)], stdout=subprocess.PIPE, text=True)
    number = 0
    while reader.poll() is None:
        number += 1
        with database.write() as connection:
            for half in "ab":
                values = f"{number}{half}", f"{number}{half}".encode()
                connection.execute(
                    "INSERT INTO keys VALUES (?, 'pair', ?, 's', NULL, NULL, NULL, 1, NULL, NULL)", values
                )
        assert copy.save()
        assert not copy.save()
    counts = [int(count) for count in reader.communicate()[0].split()]
    assert len(counts) > 1
    assert [count for count in counts if count % 2] == []


def test_a_command_leaves_its_change_for_a_container_that_runs_and_for_the_next_one(tmp_path: Path) -> None:
    volume, store = tmp_path / "volume", dict[str, str]()

    def command(*words: str) -> str:
        return "\n".join(command_keys(words, volume, store.get, store.__setitem__))

    def start() -> list[tuple[str, bool]]:
        folder = tmp_path / f"web-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        AccountsCopy(volume, folder)
        keys = KeyBook(Database(folder / FILE_NAME))
        assert keys.asks
        return [(key.name, key.revoked_at is None) for key in keys.list_all()]

    made = command("create", "Anna", "--dollars-per-day", "2.5")
    assert ("$2.50 a day" in command("list"), start()) == (True, [("Anna", True)])
    assert list((volume / "accounts" / "changes").iterdir()) == []
    store.clear()  # as the cloud forgets after a week
    command("revoke", made.split()[1])
    assert start() == [("Anna", False)]
    assert start() == [("Anna", False)]
    for wrong in (("revoke", "nobody"), ("create", "\x1b[2J"), ("create", "x", "--jobs-at-once", "0"), ("drop",)):
        with pytest.raises(KeyCommandError):
            command(*wrong)


def test_a_change_that_the_cloud_forgets_stays_taken(tmp_path: Path) -> None:
    notes, keys = dict[str, str](), KeyBook(Database(tmp_path / FILE_NAME))
    list(command_keys(["create", "Anna"], tmp_path / "volume", notes.get, notes.__setitem__))
    taken = asyncio.run(take_changes(keys, notes, ""))
    assert asyncio.run(take_changes(keys, {}, taken)) == ""
    assert [key.name for key in keys.list_all()] == ["Anna"]


def test_a_container_that_was_replaced_retires_and_leaves_the_copy_to_the_next_one(tmp_path: Path) -> None:
    volume, store, commits = tmp_path / "volume", dict[str, str](), list[str]()

    def start(name: str) -> tuple[AccountsCopy, FastAPI]:
        settings = Settings(data_dir=tmp_path / name, page=False, live="off")
        settings.data_dir.mkdir()
        is_ours = claim(store.get, store.__setitem__)
        copy = AccountsCopy(volume, settings.data_dir, commit=lambda: commits.append(name), is_ours=is_ours)
        return copy, create_app(settings)

    async def serve_the_old() -> None:
        async with old_app.router.lifespan_context(old_app):
            while not old_app.state.jobs._is_draining:  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.01)

    (old, old_app), (new, new_app) = start("old"), start("new")
    KeyBook(old_app.state.database).create("of the old one", KeyLimits())
    KeyBook(new_app.state.database).create("of the new one", KeyLimits())
    assert (old.save(), new.save(), old.save(), commits) == (False, True, False, ["new"])
    keep_accounts(old_app, old, read_notes, seconds=0.0)
    asyncio.run(asyncio.wait_for(serve_the_old(), 10))
    assert commits == ["new"]
    assert "of the new one" in "".join(command_keys(["list"], volume, store.get, store.__setitem__))
    store.clear()  # as the cloud forgets after a week
    KeyBook(new_app.state.database).create("later", KeyLimits())
    assert new.save()


async def read_notes(_: float) -> dict[str, str]:
    return {}


def test_a_copy_that_cannot_be_used_opens_no_door(tmp_path: Path) -> None:
    (tmp_path / "accounts").mkdir()
    (tmp_path / "accounts" / FILE_NAME).write_bytes(b"no database" * 1000)
    (tmp_path / "web").mkdir()
    with pytest.raises(DataFolderError, match=r"cannot be used: .* Put back the copy"):
        AccountsCopy(tmp_path, tmp_path / "web")


def test_keys_that_were_merged_count_at_once_and_a_revoked_one_stays_so(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    here, there = (KeyBook(Database(path / FILE_NAME)) for path in (tmp_path, tmp_path / "other"))
    new = there.create("Anna", KeyLimits())
    rows = there.dump()
    here.merge(rows)
    assert here.find(new.token) == new.key
    here.revoke(new.key.id)
    here.merge(rows)
    assert here.find(new.token) is None
