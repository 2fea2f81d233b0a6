"""Which weights a video may go on with."""

from pathlib import Path

from pipeline.distributed.engine import GpuEngine
from pipeline.engine import EngineSettings
from pipeline.weights.manifest import MANIFEST, overlay_path


class Engine(GpuEngine):
    name = "infinitetalk"
    runtime = "none"


def test_a_video_goes_on_with_the_same_weights_alone(tmp_path: Path) -> None:
    def identify() -> str | None:
        return Engine(EngineSettings(tmp_path, "cpu")).identify()

    assert Engine(EngineSettings(None, "cpu")).identify() is None
    assert identify() is None  # nothing says what those are that were released
    names = [None]
    for folder in (tmp_path, overlay_path(tmp_path, "multi"), tmp_path / "variants/turbo-fp8"):
        folder.mkdir(parents=True, exist_ok=True)
        for table in ("{}", "{ }"):
            (folder / MANIFEST).write_text(table)
            names.append(identify())
            assert names[-1] == identify()
    assert len(set(names)) == len(names) == 7
