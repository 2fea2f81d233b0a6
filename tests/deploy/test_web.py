"""The deployed web function, while there are no weights."""

import base64
import re

import psutil

from app.storage import JobFolder
from tests.deploy.conftest import PHOTO, VOICE, Deployed, has_ended, wait_until


def test_answers_that_it_is_healthy(deployed: Deployed) -> None:
    assert deployed.http.get("/health").json()["status"] == "healthy"


def test_answers_under_the_name_that_modal_gives_it(deployed: Deployed) -> None:
    name = "you--video-lab-web.modal.run"
    assert deployed.http.get("/profiles", headers={"host": name}).status_code == 200
    page = deployed.http.get("/config", headers={"host": name, "x-forwarded-proto": "https"}).json()
    assert page["root"] == f"https://{name}"
    own = {"host": name, "origin": f"https://{name}", "x-forwarded-proto": "https"}
    assert deployed.http.delete("/jobs/x", headers=own).status_code == 404
    assert deployed.http.delete("/jobs/x", headers=own | {"origin": "https://evil.test"}).status_code == 403


def test_starts_without_torch(deployed: Deployed) -> None:
    deployed.http.get("/health")
    maps = psutil.Process(deployed.loopback.pid("web")).memory_maps()
    assert [one.path for one in maps if "torch" in one.path] == []


def test_makes_a_preview(deployed: Deployed) -> None:
    job_id = deployed.submit("preview")
    job = deployed.wait(job_id, has_ended)
    assert job["status"] == "done"
    video = deployed.http.get(f"/jobs/{job_id}/video").content
    assert video[4:8] == b"ftyp"
    assert job["metadata"]["content_credentials"]
    assert deployed.http.post("/verify", files={"video": video}).json()["made_here"]


def test_keeps_the_keys_that_sign(deployed: Deployed) -> None:
    plane = deployed.loopback.plane
    assert plane.named["volume", "video-lab-trust"] in plane.commits
    assert (deployed.data.parent / "trust" / "signer.pem").is_file()


def test_keeps_jobs_on_the_data_volume_and_nothing_that_stays_open(deployed: Deployed) -> None:
    job_id = deployed.submit("preview")
    assert {path.name for path in deployed.data.iterdir()} <= {"jobs", "shelf", "speeds.json"}
    assert (deployed.data / "jobs" / job_id / "job.json").is_file()
    deployed.wait(job_id, has_ended)


def test_saves_a_job_before_it_is_promised(deployed: Deployed) -> None:
    volume = deployed.loopback.plane.named["volume", "video-lab-data"]
    before = deployed.loopback.plane.commits.count(volume)
    job_id = deployed.submit("preview")
    assert deployed.loopback.plane.commits.count(volume) > before
    deployed.wait(job_id, has_ended)


def test_finishes_a_preview_after_the_container_was_killed(deployed: Deployed) -> None:
    job_id = deployed.submit("preview", max_duration_sec=4)
    deployed.wait(job_id, lambda job: job["status"] == "running")
    deployed.loopback.plane.environment["VIDEO_LAB_PAGE"] = "off"  # takes seconds, and nobody looks from here on
    deployed.loopback.kill("web")
    assert deployed.wait(job_id, has_ended)["status"] == "done"


def test_answers_a_generate_request_with_the_video(deployed: Deployed) -> None:
    body = {
        "image_b64": base64.b64encode(PHOTO.read_bytes()).decode(),
        "audio_b64": base64.b64encode(VOICE.read_bytes()).decode(),
        "profile": "preview",
        "max_duration_sec": 1.2,
    }
    answer = deployed.http.post("/generate", json=body)
    assert answer.status_code == 200, answer.text
    assert base64.b64decode(answer.json()["video_b64"])[4:8] == b"ftyp"


def test_holds_a_generate_request_that_modal_redirects(deployed: Deployed) -> None:
    plane = deployed.loopback.plane
    plane.redirect_seconds = 0.2
    with PHOTO.open("rb") as photo, VOICE.open("rb") as voice:
        redirect = deployed.http.post(
            "/generate", files={"image": photo, "audio": voice}, data={"profile": "preview", "max_duration_sec": 1.2}
        )
    plane.redirect_seconds = 150.0
    answer = deployed.http.get(redirect.headers["location"])
    assert (redirect.status_code, answer.status_code) == (303, 200), answer.text
    assert base64.b64decode(answer.json()["video_b64"])[4:8] == b"ftyp"


def test_sweeps_when_the_web_container_is_gone(deployed: Deployed) -> None:
    job_id = deployed.submit("preview")
    deployed.wait(job_id, has_ended)
    folder = JobFolder(deployed.data / "jobs" / job_id)
    deployed.loopback.call("sweep")
    assert folder.video.exists()
    deployed.loopback.kill("web")
    record = folder.read()
    web, kept = deployed.loopback.function_id("web"), deployed.loopback.plane.kept
    folder.write(record.model_copy(update={"status": "queued", "held": True}))
    deployed.loopback.call("sweep")
    assert kept == {web: 1}  # only the web container checks and prices what waits in a batch
    folder.write(record.model_copy(update={"expires_at": record.created_at}))
    deployed.loopback.call("sweep")
    assert kept == {web: 0}
    assert folder.video.exists()  # the last sign of the web container is not old enough
    deployed.loopback.forget_notes()
    deployed.loopback.call("sweep")
    assert not folder.video.exists()
    assert deployed.job(job_id)["expired"]


def test_says_how_to_fetch_the_weights_that_are_missing(deployed: Deployed) -> None:
    with PHOTO.open("rb") as photo, VOICE.open("rb") as voice:
        answer = deployed.http.post("/jobs", files={"image": photo, "audio": voice}, data={"profile": "fast"})
    assert answer.status_code == 503
    assert "modal run deploy.py --download-weights" in answer.json()["detail"]


def test_takes_keys_while_it_runs_and_what_was_changed_when_it_is_back(deployed: Deployed) -> None:
    made = deployed.command("--keys", "create 'Anna M' --jobs-per-hour 20")
    token, key_id = re.findall(r"vl_\S{43}", made)[0], re.findall(r"Made: (\w{8})  Anna M", made)[0]
    own = {"authorization": f"Bearer {token}"}
    wait_until(lambda: deployed.http.get("/profiles").status_code == 401)
    assert deployed.http.get("/profiles", headers=own).status_code == 200
    deployed.loopback.kill("web")
    assert "revoked" in deployed.command("--keys", f"revoke {key_id}")
    assert [deployed.http.get("/profiles", headers=headers).status_code for headers in ({}, own)] == [401, 401]
