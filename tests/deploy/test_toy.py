"""A model that is put into the table of engines has GPU classes of its own."""

from pathlib import Path

from tests.deploy.loopback.plane import Loopback
from tests.toy_engine import copy_with_toys


def test_each_model_that_needs_a_gpu_has_its_classes(tmp_path: Path) -> None:
    tree = copy_with_toys(tmp_path / "tree")
    settings = {"VIDEO_LAB_MODAL_OPEN": "1", "VIDEO_LAB_MODAL_GPU": "H100"}
    loopback = Loopback(tree, settings, tmp_path / "containers.log")
    loopback.plane.secrets["HF_SECRET"] = {"HF_TOKEN": "hf_test"}
    with loopback.running():
        loopback.modal("deploy", "deploy.py")
        declared = loopback.declared()
    singles = {"InfiniteTalkGenerator.*", "LongCatGenerator.*", "BigToyGenerator.*"}
    assert {name for name, one in declared.items() if one.gpus} == singles | {
        "InfiniteTalkTeamGenerator.*",
        "LongCatTeamGenerator.*",
        "BigToyTeamGenerator.*",
    }
    assert [declared[name].gpus for name in singles] == 3 * [["H100:1"]]
