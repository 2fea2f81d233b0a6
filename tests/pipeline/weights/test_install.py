"""From released files to prepared weights, with a tiny model."""

import json
import shutil
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from pipeline.errors import WeightsError
from pipeline.infinitetalk.weights import WEIGHTS
from pipeline.weights import is_prepared
from pipeline.weights.install import install
from pipeline.weights.manifest import check_files, read_manifest
from tests.fake_hub import COMMIT, FakeHub
from tests.tiny_checkpoint import write_tiny_checkpoint


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("released"))


@pytest.fixture
def full_hub(hub: FakeHub, released: Path) -> FakeHub:
    hub.release(released, WEIGHTS.sources)
    return hub


def run(folder: Path, api: HfApi, *variants: str) -> str:
    said: list[str] = []
    install(WEIGHTS, folder, folder / "infinitetalk", api, said.append, variants)
    return "\n".join(said)


def test_makes_a_folder_that_is_whole(tmp_path: Path, full_hub: FakeHub, api: HfApi) -> None:
    run(tmp_path, api)
    check_files(tmp_path / "infinitetalk", with_checksums=True)


def test_keeps_the_commits_with_the_weights(tmp_path: Path, full_hub: FakeHub, api: HfApi) -> None:
    run(tmp_path, api)
    revisions = read_manifest(tmp_path / "infinitetalk").revisions
    assert revisions == {source.repository: COMMIT for source in WEIGHTS.sources}


def test_says_how_much_it_will_fetch_and_keep_before_it_begins(tmp_path: Path, full_hub: FakeHub, api: HfApi) -> None:
    said = run(tmp_path, api)
    assert said.index("To fetch: 0.0 GB of 0.0 GB.") < said.index("To keep: about 59.0 GB") < said.index("MB/s")


def test_prepares_variants_that_are_asked_for_later(tmp_path: Path, full_hub: FakeHub, api: HfApi) -> None:
    run(tmp_path, api)
    full_hub.ranges.clear()
    said = run(tmp_path, api, "fp8")
    assert said.index("To keep for the variant fp8: about 19.6 GB") < said.index("transformer: 0.0 GB prepared")
    check_files(tmp_path / "infinitetalk/variants/fp8", with_checksums=True)
    assert full_hub.ranges == []


def test_an_older_folder_gets_what_it_lacks_of_the_same_commit(tmp_path: Path, full_hub: FakeHub, api: HfApi) -> None:
    run(tmp_path, api)
    weights, lock = tmp_path / "infinitetalk", tmp_path / "sources.json"
    written = (weights / "manifest.json").stat().st_mtime_ns
    shutil.rmtree(weights / "overlays")
    lock.write_text(json.dumps([file for file in json.loads(lock.read_text()) if "multi/" not in file["path"]]))
    full_hub.ranges.clear()
    said = run(tmp_path, api)
    assert "To keep: about 5.0 GB" in said
    assert [path for path, _ in full_hub.ranges] == ["multi/infinitetalk.safetensors"]
    assert full_hub.revisions["MeiGen-AI/InfiniteTalk"] == COMMIT
    assert (weights / "manifest.json").stat().st_mtime_ns == written
    check_files(weights / "overlays/multi", with_checksums=True)


def test_names_a_variant_that_there_is_not_before_it_fetches(tmp_path: Path, full_hub: FakeHub, api: HfApi) -> None:
    with pytest.raises(WeightsError, match="got 'fp4'"):
        run(tmp_path, api, "fp4")
    assert full_hub.ranges == []


def test_deletes_what_it_fetched(tmp_path: Path, full_hub: FakeHub, api: HfApi) -> None:
    run(tmp_path, api)
    assert {path.name for path in tmp_path.iterdir()} == {"infinitetalk", "sources.json"}


def test_does_nothing_when_all_is_there(tmp_path: Path, full_hub: FakeHub, api: HfApi) -> None:
    run(tmp_path, api)
    full_hub.ranges.clear()
    assert run(tmp_path, api) == f"The weights are ready in {tmp_path / 'infinitetalk'}."
    assert full_hub.ranges == []


def test_goes_on_after_a_file_could_not_be_fetched(tmp_path: Path, full_hub: FakeHub, api: HfApi) -> None:
    full_hub.damaged.add("single/infinitetalk.safetensors")
    with pytest.raises(WeightsError, match=r"single/infinitetalk.safetensors"):
        run(tmp_path, api)
    assert not is_prepared(tmp_path / "infinitetalk")
    full_hub.damaged.clear()
    full_hub.ranges.clear()
    run(tmp_path, api)
    assert [path for path, _ in full_hub.ranges] == ["single/infinitetalk.safetensors"]


def test_names_a_tensor_that_does_not_fit(tmp_path: Path, full_hub: FakeHub, api: HfApi) -> None:
    adapter = full_hub.repositories["MeiGen-AI/InfiniteTalk"]
    adapter["single/infinitetalk.safetensors"] = full_hub.repositories["TencentGameMate/chinese-wav2vec2-base"][
        "model.safetensors"
    ]
    with pytest.raises(WeightsError, match=r"infinitetalk\.safetensors"):
        run(tmp_path, api)
    assert not is_prepared(tmp_path / "infinitetalk")
