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
class MemoryStore:
    values: dict[str, str] = field(default_factory=dict)

    def read_value(self, key: str) -> str | None:
        return self.values.get(key)

    def write_value(self, key: str, value: str) -> None:
        self.values[key] = value

    def change(self, **changes: object) -> None:
        self.values["key"] = json.dumps(json.loads(self.values["key"]) | changes)


def crash() -> None:
    raise DriverError("CUDA error: no device")


def be_killed() -> None:
    raise ContainerKilledError


@pytest.fixture
def values() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def watch(values: MemoryStore) -> StartWatch:
    return StartWatch(values, "key", lambda seconds: f", ${seconds:.0f}")


def give_up(watch: StartWatch) -> None:
    for _ in range(MAX_STARTS - 1):
        with pytest.raises(DriverError):
            watch.start(crash)
    assert watch.start(crash) is not None


def test_lets_another_container_try(watch: StartWatch) -> None:
    with pytest.raises(DriverError):
        watch.start(crash)
    assert watch.start(lambda: None) is None


def test_gives_up_with_the_reason_and_what_it_cost(watch: StartWatch, values: MemoryStore) -> None:
    give_up(watch)
    values.change(seconds=90.0)
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


def test_tries_again_after_an_hour(watch: StartWatch, values: MemoryStore) -> None:
    give_up(watch)
    values.change(begun_at=json.loads(values.values["key"])["begun_at"] - TRIED_AGAIN_AFTER_SECONDS)
    assert watch.start(lambda: None) is None


def test_begins_to_count_anew_in_another_deployment(watch: StartWatch, values: MemoryStore) -> None:
    give_up(watch)
    assert StartWatch(values, "another").start(lambda: None) is None
