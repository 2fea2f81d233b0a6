"""When a job's files, and then the job, are forgotten."""

from datetime import UTC, datetime, timedelta

import pytest

from app.jobs.registry import RetentionStep, find_retention_step
from app.records import JobRecord
from pipeline.request import VideoRequest

END = datetime(2026, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("after", "erased", "duty"),
    [
        (timedelta(seconds=59), False, None),
        (timedelta(seconds=60), False, "delete live segments"),
        (timedelta(hours=24), False, "erase"),
        (timedelta(hours=24), True, None),
        (timedelta(hours=23, minutes=59), False, "delete live segments"),
        (timedelta(hours=24 + 7 * 24 - 1), True, None),
        (timedelta(hours=24, days=7), True, "forget"),
    ],
)
def test_forgets_in_steps(after: timedelta, duty: RetentionStep | None, *, erased: bool) -> None:
    record = JobRecord(
        id="x",
        status="done",
        model="preview",
        request=VideoRequest(profile="preview"),
        created_at=END,
        finished_at=END,
        expires_at=END + timedelta(hours=24),
        speech_seconds=1,
        erased=erased,
    )
    assert find_retention_step(record, END + after) == duty


def test_leaves_a_job_alone_that_has_not_ended() -> None:
    record = JobRecord(
        id="x", model="preview", request=VideoRequest(profile="preview"), created_at=END, speech_seconds=1
    )
    assert find_retention_step(record, END + timedelta(days=400)) is None
