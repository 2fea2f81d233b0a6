"""Fetching files from a hub that misbehaves."""

from pathlib import Path

import pytest
from huggingface_hub import HfApi
from huggingface_hub.constants import DOWNLOAD_CHUNK_SIZE

from pipeline.errors import TokenError, WeightsError
from pipeline.weights.download import download
from pipeline.weights.files import count_bytes, count_present_bytes, list_files
from tests.fake_hub import COMMIT, FakeHub
from tests.pipeline.weights.conftest import SOURCES


def fetch(folder: Path, api: HfApi) -> list[int]:
    reports: list[int] = []
    download(list_files(SOURCES, folder / "sources.json", api), folder, api, reports.append)
    return reports


def test_fetches_the_allowed_files_and_no_others(tmp_path: Path, hub: FakeHub, api: HfApi) -> None:
    fetch(tmp_path, api)
    names = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert names == {
        "sources.json",
        "base/transformer/1.safetensors",
        "base/transformer/2.safetensors",
        "base/config.json",
        "voice/model.safetensors",
    }


def test_fetches_every_byte(tmp_path: Path, hub: FakeHub, api: HfApi) -> None:
    fetch(tmp_path, api)
    data = (tmp_path / "base/transformer/1.safetensors").read_bytes()
    assert data == hub.repositories["owner/base"]["transformer/1.safetensors"]


def test_asks_for_the_revision_of_the_table_and_fetches_its_commit(tmp_path: Path, hub: FakeHub, api: HfApi) -> None:
    files = list_files(SOURCES, tmp_path / "sources.json", api)
    assert hub.revisions == {"owner/base": "main", "owner/voice": "refs/pr/1"}
    assert {file.commit for file in files} == {COMMIT}


def test_keeps_to_the_commits_that_it_found_first(tmp_path: Path, hub: FakeHub, api: HfApi) -> None:
    first = list_files(SOURCES, tmp_path / "sources.json", api)
    hub.repositories["owner/base"]["config.json"] = b'{"changed": true}'
    assert list_files(SOURCES, tmp_path / "sources.json", api) == first


def test_reports_all_bytes_at_the_end(tmp_path: Path, api: HfApi) -> None:
    assert fetch(tmp_path, api)[-1] == 550_002


def test_fetches_nothing_twice(tmp_path: Path, hub: FakeHub, api: HfApi) -> None:
    fetch(tmp_path, api)
    hub.ranges.clear()
    fetch(tmp_path, api)
    assert hub.ranges == []


def test_goes_on_from_the_bytes_of_an_earlier_run(tmp_path: Path, hub: FakeHub, api: HfApi) -> None:
    files = list_files(SOURCES, tmp_path / "sources.json", api)
    partial = files[0].partial_path_in(tmp_path)
    partial.parent.mkdir(parents=True)
    partial.write_bytes(hub.repositories["owner/base"]["transformer/1.safetensors"][:123_456])
    assert count_bytes(files) - count_present_bytes(files, tmp_path) == 550_002 - 123_456
    fetch(tmp_path, api)
    assert ("transformer/1.safetensors", "bytes=123456-") in hub.ranges


def test_goes_on_after_a_broken_connection(tmp_path: Path, hub: FakeHub, api: HfApi) -> None:
    hub.repositories["owner/voice"]["model.safetensors"] = bytes(3 * DOWNLOAD_CHUNK_SIZE)
    hub.breaking.add("model.safetensors")
    fetch(tmp_path, api)
    assert ("model.safetensors", f"bytes={DOWNLOAD_CHUNK_SIZE}-") in hub.ranges


def test_mends_a_file_that_was_damaged_on_this_machine(tmp_path: Path, hub: FakeHub, api: HfApi) -> None:
    fetch(tmp_path, api)
    damaged = tmp_path / "voice/model.safetensors"
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[::-1])
    fetch(tmp_path, api)
    assert damaged.read_bytes() == whole


def test_refuses_a_file_whose_checksum_is_wrong(tmp_path: Path, hub: FakeHub, api: HfApi) -> None:
    hub.damaged.add("model.safetensors")
    with pytest.raises(WeightsError, match=r"'model.safetensors' of owner/voice came damaged twice"):
        fetch(tmp_path, api)
    assert not list((tmp_path / "voice").iterdir())


def test_says_which_token_is_needed(tmp_path: Path, hub: FakeHub) -> None:
    hub.token = "hf_right"
    with pytest.raises(TokenError, match=r"refused HF_TOKEN \(401\) for owner/base at main. Make one"):
        fetch(tmp_path, HfApi(endpoint=hub.url, token="hf_wrong"))


def test_says_that_a_licence_has_to_be_accepted(tmp_path: Path, hub: FakeHub, api: HfApi) -> None:
    hub.refusals["owner/voice"] = (403, "GatedRepo")
    with pytest.raises(TokenError, match="licence accepted before it hands out owner/voice"):
        fetch(tmp_path, api)


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (403, "", r"refused HF_TOKEN \(403\)"),
        (404, "RevisionNotFound", "has no owner/base at main"),
        (500, "", "answered 500 for owner/base at main"),
    ],
)
def test_says_what_the_hub_refused(
    tmp_path: Path, hub: FakeHub, api: HfApi, status: int, code: str, message: str
) -> None:
    hub.refusals["owner/base"] = (status, code)
    with pytest.raises(WeightsError, match=message):
        fetch(tmp_path, api)


def test_names_a_file_that_the_repository_lacks(tmp_path: Path, hub: FakeHub, api: HfApi) -> None:
    del hub.repositories["owner/voice"]["model.safetensors"]
    with pytest.raises(WeightsError, match=r"Expected 'model.safetensors' in owner/voice at refs/pr/1"):
        fetch(tmp_path, api)


def test_says_that_the_disk_is_full(tmp_path: Path, hub: FakeHub, api: HfApi) -> None:
    files = list_files(SOURCES, tmp_path / "sources.json", api)
    partial = files[0].partial_path_in(tmp_path)
    partial.parent.mkdir(parents=True)
    partial.symlink_to("/dev/full")
    with pytest.raises(WeightsError, match="no space is left"):
        fetch(tmp_path, api)


def test_says_that_the_hub_cannot_be_reached(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="connection to the hub broke at owner/base"):
        fetch(tmp_path, HfApi(endpoint="http://127.0.0.1:9", token="hf_right"))


def test_says_that_its_own_list_is_damaged(tmp_path: Path, api: HfApi) -> None:
    (tmp_path / "sources.json").write_text("[{]")
    with pytest.raises(WeightsError, match=r"is damaged\. Delete it"):
        fetch(tmp_path, api)
