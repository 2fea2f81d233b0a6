"""A few work at once, and clients take turns."""

import asyncio

import pytest

from app.errors import QueueFullError
from app.jobs.fair_queue import FairSemaphore
from tests.app.jobs.rig import settle

pytestmark = pytest.mark.anyio


class Work:
    """Notes who works, until it is let go on."""

    def __init__(self, turns: FairSemaphore) -> None:
        self.turns = turns
        self.begun: list[str] = []
        self.doors: dict[str, asyncio.Event] = {}

    def begin(self, name: str) -> asyncio.Task[None]:
        self.doors[name] = asyncio.Event()
        return asyncio.create_task(self._work(name))

    async def _work(self, name: str) -> None:
        async with self.turns.acquire(name[0]):
            self.begun.append(name)
            await self.doors[name].wait()

    async def end(self, name: str) -> None:
        self.doors[name].set()
        await settle()


async def test_clients_take_turns() -> None:
    work = Work(FairSemaphore(1, 100))
    tasks = [work.begin(name) for name in ("a1", "a2", "a3", "b1")]
    await settle()
    for name in ("a1", "a2", "b1", "a3"):
        await work.end(name)
    await asyncio.gather(*tasks)
    assert work.begun.index("b1") < work.begun.index("a3")


async def test_no_more_work_than_may() -> None:
    work = Work(FairSemaphore(2, 100))
    tasks = [work.begin(f"a{number}") for number in range(4)]
    await settle()
    assert work.begun == ["a0", "a1"]
    for number in range(4):
        await work.end(f"a{number}")
    await asyncio.gather(*tasks)


@pytest.mark.parametrize("has_its_turn", [False, True])
async def test_who_gives_up_takes_no_place(*, has_its_turn: bool) -> None:
    work = Work(FairSemaphore(1, 100))
    first, gone, last = (work.begin(name) for name in ("a1", "b1", "c1"))
    await settle()
    if has_its_turn:
        work.doors["a1"].set()
        await asyncio.sleep(0)
        assert len(work.turns._waiting) == 1
    gone.cancel()
    await work.end("a1")
    await work.end("c1")
    await asyncio.gather(first, last)
    again = work.begin("d1")
    await settle()
    assert work.begun[-2:] == ["c1", "d1"]
    await work.end("d1")
    await again


async def test_each_client_may_have_a_share_of_the_places() -> None:
    work = Work(FairSemaphore(1, 10))
    tasks = [work.begin(f"a{number}") for number in range(9)]
    await settle()
    with pytest.raises(QueueFullError, match="uploads of yours"):
        async with work.turns.acquire("a"):
            pass
    tasks.append(work.begin("b1"))
    await settle()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert work.turns._num_free == 1
