"""What listeners are told about jobs."""

from collections.abc import AsyncIterator

import pytest

from app.jobs.listeners import JobEvent
from app.jobs.runners.protocol import RunUpdate
from pipeline.types import Progress
from tests.app.jobs.rig import LOST, Rig, settle

pytestmark = pytest.mark.anyio

UPDATE = RunUpdate(Progress("frames", 1, 2, 50.0))


@pytest.fixture(autouse=True)
async def close(rig: Rig) -> AsyncIterator[None]:
    yield
    await rig.queue.close()


async def test_a_job_is_accepted_and_starts_and_progresses(rig: Rig) -> None:
    state = rig.add("a client")
    await rig.say(state, UPDATE)
    assert [event.kind for event in rig.events] == ["accepted", "started", "progressed"]
    assert [event.job.status for event in rig.events] == ["queued", "running", "running"]
    assert rig.events[0].job.position == 1
    assert {event.client for event in rig.events} == {"a client"}


async def test_a_run_that_is_lost_is_started_again(rig: Rig) -> None:
    state = rig.add()
    await rig.say(state, LOST)
    assert [event.kind for event in rig.events] == ["accepted", "started", "started"]


async def test_a_listener_hears_only_what_it_subscribed_to(rig: Rig) -> None:
    heard: list[JobEvent] = []
    rig.listeners.subscribe(heard.append, "progressed", "done")
    await rig.say(rig.add(), UPDATE)
    assert [event.kind for event in heard] == ["progressed"]


async def test_a_listener_that_fails_hurts_neither_job_nor_other_listeners(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(event: JobEvent) -> None:
        raise OSError(event.kind)

    rig.listeners.subscribe(fail)
    heard: list[JobEvent] = []
    rig.listeners.subscribe(heard.append)
    state = rig.add()
    await settle()
    await rig.finish(state)
    assert state.record.status == "done"
    assert [event.kind for event in heard] == ["accepted", "started"]
    assert "a listener failed on 'started'" in caplog.text
