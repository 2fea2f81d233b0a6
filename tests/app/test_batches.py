"""Many videos at once: all or none, none lost, none twice, and fetched as one file."""

import io
import json
import sys
import time
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from app.batches.names import choose_names
from app.batches.zip_stream import Entry, EntryChangedError, measure_zip, write_zip
from tests.app.conftest import Starter, cut_voice
from tests.app.server import ENDED, Server

NUM_JOBS = 12


def upload(server: Server, content: bytes) -> str:
    answer = server.client.post("/uploads", files={"file": content})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def wait_for_batch(server: Server, batch_id: str) -> dict[str, Any]:
    ends_at = time.monotonic() + 200
    while set((batch := server.client.get(f"/batches/{batch_id}").json())["counts"]) - ENDED:
        assert time.monotonic() < ends_at, batch
        time.sleep(0.2)
    return dict(batch)


@pytest.fixture
def quick(start_server: Starter, tmp_path: Path) -> Any:  # noqa: ANN401 - a function
    """Start servers that copy the voice where a video should be, and write down each run."""
    command = (sys.executable, "-m", "tests.app.quick_server", str(tmp_path / "runs"))
    return lambda: start_server(command=command, queue_size=3, content_credentials="off", watermark="off")


def test_a_batch_larger_than_the_queue_outlasts_a_kill_and_each_video_is_made_once(
    quick: Any,  # noqa: ANN401
    photo: bytes,
    voice: bytes,
    tmp_path: Path,
) -> None:
    server = quick()
    names = {"image_id": upload(server, photo), "profile": "balanced"}
    voices = [upload(server, voice), upload(server, cut_voice(1.5))]
    rows = [{"audio_id": voices[number % 2], "reference": f"lesson/{number % 10}"} for number in range(NUM_JOBS)]
    body = {"defaults": names, "jobs": rows}
    check_refusals(server, body, voices[0])
    dry = server.client.post("/batches", json=body | {"dry_run": True})
    assert (dry.status_code, dry.json()["batch_id"]) == (200, None)
    assert (dry.json()["jobs"], dry.json()["counts"]) == ([], {})
    assert dry.json()["estimate"]["seconds"] > 0
    assert list((server.data_dir / "jobs").iterdir()) == []
    answer = server.client.post("/batches", json=body)
    assert answer.status_code == 202, answer.text
    batch = answer.json()
    assert batch["estimate"] == dry.json()["estimate"]
    assert [job["reference"] for job in batch["jobs"]] == [row["reference"] for row in rows]
    for upload_id in (names["image_id"], *voices):
        server.client.delete(f"/uploads/{upload_id}")
    for job in batch["jobs"][:2]:
        server.wait_for(job["job_id"], "done")
    server.kill()
    orphan = make_orphan(server, batch["jobs"][-1]["job_id"])
    server = quick()
    assert not orphan.exists()
    done = wait_for_batch(server, batch["batch_id"])
    assert (done["counts"], done["percent"]) == ({"done": NUM_JOBS}, 100)
    assert [job["job_id"] for job in done["jobs"]] == [job["job_id"] for job in batch["jobs"]]
    runs = Counter((tmp_path / "runs").read_text().split())
    assert set(runs) == {job["job_id"] for job in done["jobs"]}
    assert runs.total() <= NUM_JOBS + 4  # those that were running when the server was killed ran again
    check_zip(server, done)
    assert all(file.stat().st_nlink == 1 for file in (server.data_dir / "shelf").iterdir())


def make_orphan(server: Server, job_id: str) -> Path:
    """Leave what a server leaves that is killed before the batch is accepted."""
    record = json.loads((server.data_dir / "jobs" / job_id / "job.json").read_text())
    orphan = server.data_dir / "jobs" / ("x" * 22)
    orphan.mkdir()
    changes = {"id": "x" * 22, "batch_id": "y" * 22, "held": True, "status": "queued"}
    (orphan / "job.json").write_text(json.dumps(record | changes))
    return orphan


def check_refusals(server: Server, body: dict[str, Any], voice_id: str) -> None:
    """A wrong row is told by its number, and then none is taken."""
    for wrong, field, sentence in [
        ({"audio_id": body["defaults"]["image_id"]}, "jobs[1].audio_id", "this upload is of kind image"),
        ({"audio_id": "nobody's"}, "jobs[1].audio_id", "not uploaded here by you"),
        ({"audio_id": None}, "jobs[1].audio_id", "It is missing"),
        ({"audio_id": voice_id, "profil": "balanced"}, "jobs[1].profil", "jobs[1].profil: There is no such field"),
        ({"audio_id": voice_id, "seed": -1}, "jobs[1].seed", "from 0 to"),
        ({"audio_id": voice_id, "start_sec": 30}, "jobs[1].start_sec", "beyond the end"),
        ({"audio_id": voice_id, "face": 7}, "jobs[1].face", "face"),
    ]:
        answer = server.client.post("/batches", json=body | {"jobs": [body["jobs"][0], wrong]})
        problem = answer.json()
        assert (answer.status_code, problem["field"]) == (400, field), problem
        assert sentence in problem["detail"]
    many = server.client.post("/batches", json={"jobs": [{}] * 1001})
    assert (many.status_code, "Expected a list of at most 1000, got 1001." in many.text) == (400, True)
    strange = server.client.get("/usage?from=" + "x" * 50).json()
    assert strange["detail"] == "from: Expected at most 40 characters, got 50."
    large = {"defaults": {"prompt": "x" * 1_000_000}, "jobs": [{}] * 100}
    assert server.client.post("/batches", json=large).status_code == 413
    assert server.client.get("/batches").status_code == 403
    assert server.client.get(f"/batches/{'x' * 22}").status_code == 404
    assert list((server.data_dir / "jobs").iterdir()) == []


def check_zip(server: Server, batch: dict[str, Any]) -> None:
    first, second = batch["jobs"][0]["job_id"], batch["jobs"][10]["job_id"]
    server.client.delete(f"/jobs/{batch['jobs'][3]['job_id']}")
    answer = server.client.get(f"/batches/{batch['batch_id']}/videos.zip")
    assert int(answer.headers["content-length"]) == len(answer.content)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as file:
        assert file.testzip() is None
        assert len(file.namelist()) == NUM_JOBS  # one less, and the list of those
        for name, job_id in {"lesson_0.mp4": first, "lesson_0-2.mp4": second}.items():
            assert file.read(name) == server.client.get(f"/jobs/{job_id}/video").content
        assert batch["jobs"][3]["job_id"] in file.read("left_out.txt").decode()


def test_a_batch_is_cancelled_while_others_get_their_turn(quick: Any, photo: bytes, voice: bytes) -> None:  # noqa: ANN401
    server = quick()
    names = {"image_id": upload(server, photo), "audio_id": upload(server, voice), "profile": "balanced"}
    batch = server.client.post("/batches", json={"defaults": names, "jobs": [{}] * 60}).json()
    last = server.show(batch["jobs"][-1]["job_id"])
    assert (last["status"], last["position"] > 50, last["eta_seconds"] > 0) == ("queued", True, True)
    answer = server.client.post("/jobs", json=names)
    assert answer.status_code == 202, answer.text
    server.wait_for(answer.json()["job_id"], "done")
    cancelled = server.client.delete(f"/batches/{batch['batch_id']}").json()
    assert sum(cancelled["counts"].values()) == 60
    assert cancelled["counts"]["cancelled"] > 30
    assert not set(cancelled["counts"]) - {"done", "cancelled"}
    time.sleep(1)
    assert server.client.get(f"/batches/{batch['batch_id']}").json()["counts"] == cancelled["counts"]


def test_the_zip_is_one_that_others_read_beyond_four_gigabytes_and_breaks_off_where_a_file_changes(
    tmp_path: Path,
) -> None:
    big = tmp_path / "big.mp4"
    with big.open("wb") as file:
        file.truncate((1 << 32) + 5)  # takes no room on the disk
    entries = [Entry.of_file("ä/big.mp4", big), Entry.of_text("after.txt", "x")]
    offset = (1 << 32) + 5
    assert measure_zip(entries) > offset
    small = tmp_path / "small.mp4"
    small.write_bytes(b"video")
    entries = [Entry.of_file("ä.mp4", small), Entry.of_text("b.txt", "text")]
    whole = b"".join(write_zip(entries))
    assert len(whole) == measure_zip(entries)
    with zipfile.ZipFile(io.BytesIO(whole)) as file:
        assert (file.read("ä.mp4"), file.read("b.txt")) == (b"video", b"text")
    small.write_bytes(b"longer")
    with pytest.raises(EntryChangedError):
        list(write_zip(entries))


def test_names_of_files_are_safe_and_there_once() -> None:
    wild = ["a", "A", None, "../etc/passwd", "con", "\u202eevil", "x" * 500, "ä" * 90, "...", "a-2"]
    names = choose_names(wild, ".mp4")
    assert names[:6] == ["a.mp4", "A-2.mp4", "row-0002.mp4", "etc_passwd.mp4", "_con.mp4", "evil.mp4"]
    assert len({name.casefold() for name in names}) == len(names)
    assert all(len(name.encode()) <= 106 and "/" not in name for name in names)
