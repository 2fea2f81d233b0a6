"""Forecasts of runs."""

from pathlib import Path

import pytest

from app.jobs.forecast import Forecaster, SpeedBook
from pipeline.engine import Availability
from pipeline.engines import get_profile
from pipeline.estimate import Estimate


def forecast(folder: Path, where: Availability) -> Estimate:
    forecaster = Forecaster(SpeedBook(folder / "speeds.json"), lambda _: where)
    return forecaster.estimate(get_profile("quality"), 10.0)


def test_knows_that_several_gpus_make_a_video(tmp_path: Path) -> None:
    one, four = (forecast(tmp_path, Availability(available=True, num_gpus=count)) for count in (1, 4))
    assert one.seconds == pytest.approx(3.2 * four.seconds, rel=0.02)
    assert four.dollars == pytest.approx(1.25 * one.dollars, rel=0.02)


def test_knows_which_gpu_makes_it(tmp_path: Path) -> None:
    a100, h100 = (forecast(tmp_path, Availability(available=True, gpu=gpu)) for gpu in ("A100-80GB", "H100"))
    assert h100.seconds < 0.5 * a100.seconds
    assert h100.dollars < a100.dollars
