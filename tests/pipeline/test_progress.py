"""A run's percent goes as its time does."""

import pytest

from pipeline.infinitetalk.pace import find_pace
from pipeline.progress import RunPlan, RunProgress
from pipeline.types import FrameSize, Progress

SQUARE = FrameSize(640, 640)


def tell(plan: RunPlan, *told: tuple[str, float]) -> list[float]:
    """Return the percent of the whole run after each of a stage's own."""
    seen: list[Progress] = []
    run = RunProgress(seen.append)
    run.enter("voice")
    run.plan(plan)
    for stage, percent in told:
        run.report(Progress(stage, 0, 0, percent))
    return [progress.percent for progress in seen[1:]]


def test_all_seconds_of_a_run_are_as_long() -> None:
    plan = RunPlan(loading=10, engine=80, finishing=7)
    assert tell(plan, ("loading", 50), ("loading", 100), ("frames", 50), ("frames", 100), ("finishing", 50)) == (
        pytest.approx([8, 13, 53, 93, 96.5])
    )


def test_a_model_in_memory_leaves_its_loading_to_what_follows() -> None:
    plan = RunPlan(loading=10, engine=80, finishing=7)
    assert tell(plan, ("loading", 0), ("conditioning", 0), ("frames", 50), ("frames", 100)) == (
        pytest.approx([3, 3, 48, 93])
    )


def test_a_run_without_checks_begins_at_zero() -> None:
    seen: list[Progress] = []
    run = RunProgress(seen.append)
    run.plan(RunPlan(loading=10, engine=80, finishing=10))
    for stage, percent in (("loading", 0), ("loading", 100), ("frames", 50), ("finishing", 0)):
        run.report(Progress(stage, 0, 0, percent))
    assert [progress.percent for progress in seen] == pytest.approx([0, 10, 50, 90])


def test_an_hour_of_painting_leaves_nothing_for_the_end() -> None:
    assert tell(RunPlan(loading=15, engine=3600, finishing=3), ("denoising", 100))[-1] > 99.9


def test_the_percent_never_falls() -> None:
    percents = tell(RunPlan(0, 80, 20), ("frames", 60), ("frames", 50), ("loading", 10), ("finishing", 0))
    assert percents == sorted(percents)


def test_decoding_has_the_share_that_was_measured() -> None:
    pace = find_pace(SQUARE, 81, num_steps=4, num_passes=1, tea_cache=False, gpu="NVIDIA H100 80GB HBM3")
    assert pace.share(4) == pytest.approx(12.0 / (12.0 + 3.7), abs=0.01)  # docs/benchmarks.md, bf16
    assert pace.share(4, decoded=0.5) == pytest.approx((1 + pace.share(4)) / 2)
    assert pace.share(4, decoded=1.0) == 1


def test_the_first_steps_take_longer_where_later_ones_are_left_out() -> None:
    pace = find_pace(SQUARE, 81, num_steps=20, num_passes=3, tea_cache=True, gpu="")
    assert pace.step_seconds[4] == 2 * pace.step_seconds[5]
