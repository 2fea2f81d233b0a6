"""What it costs to follow many runs."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.jobs import RunEnd
from app.jobs.runners.protocol import EVENTS
from app.remote import RemoteRunner, ResultPayload
from app.remote.rounds import Rounds
from app.storage import JobStore
from pipeline.engine import Availability
from tests.app.remote.test_runner import MemoryCloud

FAILED = RunEnd("failed")


@dataclass
class CountingCloud(MemoryCloud):
    """Runs that end once they are in `ended`; counts how often each is asked about."""

    ended: set[str] = field(default_factory=set)
    polls: Counter[str] = field(default_factory=Counter)
    is_read_often: asyncio.Event = field(default_factory=asyncio.Event)

    async def read_notes(self) -> Mapping[str, str]:
        if self.num_readings == 20:
            self.is_read_often.set()
        return await super().read_notes()

    async def poll(self, call_id: str) -> ResultPayload | None:
        self.polls[call_id] += 1
        return ResultPayload(FAILED) if call_id in self.ended else None


@pytest.mark.parametrize("number", [1, 200])
def test_many_runs_cost_as_many_readings_as_one(number: int, tmp_path: Path) -> None:
    async def follow() -> tuple[int, int]:
        runner = RemoteRunner(cloud, lambda _: Availability(available=True), capacity=number, poll_seconds=0.01)
        calls = {f"call-{index}": store.create() for index in range(number)}
        tasks = [asyncio.create_task(anext(runner.events(call, folder))) for call, (_, folder) in calls.items()]
        await asyncio.wait_for(cloud.is_read_often.wait(), 10)
        asked = (cloud.num_readings, cloud.polls.total())
        for call, (job_id, _) in calls.items():
            cloud.ended.add(call)
            cloud.values[f"{job_id}/progress"] = EVENTS.dump_json(FAILED).decode()
        assert await asyncio.wait_for(asyncio.gather(*tasks), 10) == number * [FAILED]
        return asked

    cloud, store = CountingCloud(), JobStore(tmp_path)
    num_readings, num_polls = asyncio.run(follow())
    store.close()
    assert num_readings <= 22
    assert num_polls <= 2 * num_readings
    assert cloud.values == {}


def test_each_call_has_its_turn() -> None:
    async def take_turns() -> list[frozenset[str]]:
        rounds = Rounds(MemoryCloud().read_notes, 0.0)
        for number in range(4):
            rounds.join(f"call-{number}")
        return [(await rounds.next()).turns for _ in range(4)]

    turns = Counter(handle for turn in asyncio.run(take_turns()) for handle in turn)
    assert turns == {f"call-{number}": 2 for number in range(4)}


def test_all_who_ask_within_a_second_share_a_reading() -> None:
    async def read() -> None:
        rounds = Rounds(cloud.read_notes, 0.0)
        for _ in range(5):
            assert await rounds.read(60.0) == {"job/progress": "half"}
        await rounds.read(-1.0)

    cloud = MemoryCloud(values={"job/progress": "half", "job/call": "call-1"})
    asyncio.run(read())
    assert cloud.num_readings == 2


def test_a_reading_that_breaks_ends_no_run(tmp_path: Path) -> None:
    class BreakingCloud(MemoryCloud):
        async def read_notes(self) -> Mapping[str, str]:
            if self.num_readings % 2 == 0:
                self.num_readings += 1
                raise OSError("Connection lost")
            return await super().read_notes()

        async def delete_value(self, key: str) -> None:  # noqa: ARG002 - the protocol's argument
            raise ConnectionError

    async def follow() -> object:
        runner = RemoteRunner(cloud, lambda _: Availability(available=True), capacity=1, poll_seconds=0.01)
        return await asyncio.wait_for(anext(runner.events("call-1", folder)), 10)

    store = JobStore(tmp_path)
    job_id, folder = store.create()
    note = EVENTS.dump_json(FAILED).decode()
    cloud = BreakingCloud(answers=[None, ResultPayload(FAILED)], values={f"{job_id}/progress": note})
    assert asyncio.run(follow()) == FAILED
    store.close()
