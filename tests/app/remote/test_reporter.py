"""What a run tells, and what ends it."""

import pytest

from app.jobs import RunUpdate
from app.jobs.runners.protocol import EVENTS
from app.remote.reporter import RemoteReporter, RunChannel
from pipeline.errors import GenerationCancelledError
from pipeline.progress import RunProgress
from pipeline.types import Progress


class Channel:
    """Keeps what is noted."""

    def __init__(self, *, cancelled: bool = False) -> None:
        self.written: list[str] = []
        self.cancelled = cancelled

    def report(self, limit_seconds: float) -> RemoteReporter:
        return RemoteReporter(RunChannel(self.written.append, lambda: self.cancelled), limit_seconds)


def test_ends_a_run_that_is_out_of_time() -> None:
    report = Channel().report(0.0)
    with pytest.raises(GenerationCancelledError):
        report(Progress("denoising", 39, 40, 97.9))
    assert report.is_late


@pytest.mark.parametrize(
    "progress",
    [Progress("frames", 72, 125, 80.0, is_ending=True), Progress("finishing", 0, 0, 0.0)],
    ids=lambda p: p.stage,
)
def test_ends_nothing_once_the_last_step_is_made(progress: Progress) -> None:
    report = Channel().report(0.0)
    RunProgress(report).report(progress)
    assert not report.is_late


def test_decoding_a_clip_before_the_last_may_be_out_of_time() -> None:
    with pytest.raises(GenerationCancelledError):
        RunProgress(Channel().report(0.0)).report(Progress("frames", 72, 125, 50.0))


def test_tells_a_cancelled_run_from_one_that_is_out_of_time() -> None:
    report = Channel(cancelled=True).report(60.0)
    with pytest.raises(GenerationCancelledError):
        report(Progress("denoising", 1, 40, 10.0))
    assert not report.is_late


def test_notes_when_it_began_and_how_long_it_has_gone_on() -> None:
    channel = Channel()
    report = channel.report(60.0)
    report(Progress("photo", 0, 0, 0.0))
    update = EVENTS.validate_json(channel.written[0])
    assert isinstance(update, RunUpdate)
    assert update.started_at == report.started_at
    assert 0.0 < update.seconds < 60.0


def test_notes_each_stage_at_once_and_steps_not_too_often() -> None:
    channel = Channel()
    report = channel.report(60.0)
    for step in range(100):
        report(Progress("denoising", step, 100, float(step)))
    report(Progress("finishing", 0, 0, 98.0))
    assert 2 <= len(channel.written) < 50
