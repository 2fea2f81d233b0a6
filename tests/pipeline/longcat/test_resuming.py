"""A run that takes over from one that was cut off goes on from the last finished segment, to the same file."""

from collections.abc import Callable
from pathlib import Path

from pipeline.longcat.engine import LongCatEngine
from pipeline.scene import Scene
from tests.pipeline.resuming import Maker

TWO_SEGMENTS = 4.0


def test_goes_on_after_a_segment_to_the_same_file(
    engine: LongCatEngine, make_scene: Callable[..., Scene], tmp_path: Path
) -> None:
    scene = make_scene(TWO_SEGMENTS, steps=1)
    whole = Maker(engine, scene, tmp_path / "whole").run_past(1, tmp_path / "cut")
    cut = Maker(engine, scene, tmp_path / "cut")
    assert cut.run() == whole
    assert cut.steps == {1: 1}
