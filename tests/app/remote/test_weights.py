"""Whether the weights are there, as the web's side sees it."""

import threading
from pathlib import Path

from app.remote import WeightsWatch
from pipeline.engines import get_profile
from pipeline.weights.manifest import MANIFEST

FAST = get_profile("fast")


def test_names_the_command_that_fetches_them(tmp_path: Path) -> None:
    watch = WeightsWatch(tmp_path, lambda: None, "modal run deploy.py --download-weights")
    availability = watch.find_availability(FAST)
    assert not availability.available
    assert availability.reason.endswith("Fetch them: modal run deploy.py --download-weights")
    (tmp_path / MANIFEST).touch()


def test_finds_them_when_they_come(tmp_path: Path) -> None:
    looked = threading.Event()

    def look() -> None:
        (tmp_path / MANIFEST).touch()
        looked.set()

    watch = WeightsWatch(tmp_path, look, "fetch", seconds=0.01)
    assert looked.wait(10)
    assert watch.find_availability(FAST).available
