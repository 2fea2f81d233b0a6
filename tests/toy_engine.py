"""Copies of the project: as it is, or with two more rows in the table of engines and not one other line changed."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]

SPEC = """
from dataclasses import dataclass, replace

from pipeline.engine_spec import EngineSpec
from pipeline.profiles import EngineOptions, Profile


@dataclass(frozen=True)
class ToyOptions(EngineOptions):
    brightness: int = 77


def _create(settings):
    from pipeline.toy.engine import ToyEngine

    return ToyEngine()


PROFILE = Profile("toy", "Toy video", "A grey rectangle.", "toy", options=ToyOptions())
TOY = EngineSpec("toy", "Toy", (PROFILE,), _create, lambda profile, sampling, seconds, device, num_gpus: 3 * seconds)
BIG = replace(PROFILE, name="big_toy", title="Big toy video", model="bigtoy", max_minutes=7)
BIG_TOY = replace(TOY, name="bigtoy", title="Big Toy", profiles=(BIG,), needs_gpu=True)
"""

ENGINE = """
import numpy as np

from pipeline.engine import Availability


class ToyEngine:
    name = "toy"

    def availability(self, profile):
        return Availability(available=profile.model == "toy", reason="It needs a toy GPU.")

    def load(self, report):
        pass

    def generate(self, scene, report):
        size = scene.source.size
        shape = (scene.num_frames, size.height, size.width, 3)
        yield np.full(shape, scene.profile.options.brightness, np.uint8)
"""


def copy_project(target: Path) -> Path:
    """Copy there what the project runs with."""
    for name in ("app", "pipeline", "requirements"):
        shutil.copytree(ROOT / name, target / name)  # with what is compiled, which is as new
    shutil.copy(ROOT / "deploy.py", target)
    (target / "assets").symlink_to(ROOT / "assets")
    return target


def copy_with_toys(target: Path) -> Path:
    """Copy the project there, and put the toys into its table."""
    copy_project(target)
    toy = target / "pipeline" / "toy"
    toy.mkdir()
    for name, text in (("__init__", ""), ("spec", SPEC), ("engine", ENGINE)):
        (toy / f"{name}.py").write_text(text)
    table = target / "pipeline" / "engines.py"
    before = table.read_text()
    after = before.replace("(PREVIEW, INFINITETALK, LONGCAT)", "(PREVIEW, INFINITETALK, LONGCAT, TOY, BIG_TOY)")
    after = after.replace("import PREVIEW\n", "import PREVIEW\nfrom pipeline.toy.spec import BIG_TOY, TOY\n")
    assert after.count("TOY") == 4, "the table of engines looks different"
    table.write_text(after)
    return target
