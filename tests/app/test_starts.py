"""Starts of the GPU's containers are counted, told and given up."""

import json
from dataclasses import dataclass, field

import pytest

from app.starts import MAX_STARTS, TRIED_AGAIN_AFTER_SECONDS, StartWatch


class DriverError(Exception):
    """What a broken GPU raises."""


class ContainerKilledError(BaseException):
    """What ends a start from outside."""


@dataclass
class MemoryNotes:
    notes: dict[str, str] = field(default_factory=dict)

    def read_note(self, key: str) -> str | None:
        return self.notes.get(key)

    def write_note(self, key: str, note: str) -> None:
        self.notes[key] = note

    def change(self, **changes: object) -> None:
        self.notes["key"] = json.dumps(json.loads(self.notes["key"]) | changes)


def crash() -> None:
    raise DriverError("CUDA error: no device")


def be_killed() -> None:
    raise ContainerKilledError


@pytest.fixture
def notes() -> MemoryNotes:
    return MemoryNotes()


@pytest.fixture
def watch(notes: MemoryNotes) -> StartWatch:
    return StartWatch(notes, "key", lambda seconds: f", ${seconds:.0f}")


def give_up(watch: StartWatch) -> None:
    for _ in range(MAX_STARTS - 1):
        with pytest.raises(DriverError):
            watch.start(crash)
    assert watch.start(crash) is not None


def test_lets_another_container_try(watch: StartWatch) -> None:
    with pytest.raises(DriverError):
        watch.start(crash)
    assert watch.start(lambda: None) is None


def test_gives_up_with_the_reason_and_what_it_cost(watch: StartWatch, notes: MemoryNotes) -> None:
    give_up(watch)
    notes.change(seconds=90.0)
    refusal = watch.start(pytest.fail)
    assert refusal is not None
    assert (refusal.code, refusal.values["attempts"]) == ("remote.not_started", 3)
    assert "DriverError: CUDA error: no device. That took 90 seconds of the GPU, $90." in refusal.text


def test_counts_containers_that_were_killed(watch: StartWatch) -> None:
    for _ in range(MAX_STARTS):
        with pytest.raises(ContainerKilledError):
            watch.start(be_killed)
    refusal = watch.start(pytest.fail)
    assert refusal is not None
    assert "memory ran out" in refusal.text


def test_forgets_failures_once_it_has_started(watch: StartWatch) -> None:
    for _ in range(2 * MAX_STARTS):
        with pytest.raises(DriverError):
            watch.start(crash)
        assert watch.start(lambda: None) is None


def test_tries_again_after_an_hour(watch: StartWatch, notes: MemoryNotes) -> None:
    give_up(watch)
    notes.change(begun_at=json.loads(notes.notes["key"])["begun_at"] - TRIED_AGAIN_AFTER_SECONDS)
    assert watch.start(lambda: None) is None


def test_begins_to_count_anew_in_another_deployment(watch: StartWatch, notes: MemoryNotes) -> None:
    give_up(watch)
    assert StartWatch(notes, "another").start(lambda: None) is None
