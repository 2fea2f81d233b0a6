"""Forecasts of runs."""

from pathlib import Path

import pytest

from app.jobs.forecast import Forecaster
from app.jobs.speed import SpeedBook
from pipeline.profiles import get_profile


def test_knows_that_several_gpus_make_a_video(tmp_path: Path) -> None:
    profile = get_profile("quality")
    one, four = (
        Forecaster(SpeedBook(tmp_path / "speeds.json"), lambda _, count=count: count).estimate(profile, 10.0)
        for count in (1, 4)
    )
    assert one.seconds == pytest.approx(3.2 * four.seconds)
    assert four.dollars == pytest.approx(1.25 * one.dollars)
