"""Whoever sees a shared video can report it: nobody sees it then until whoever runs the app has looked."""

import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import expect

from app.main import create_app
from app.records import JobRecord
from app.reports.command import ReportCommandError, carry_out
from app.settings import Settings
from app.storage import JobFolder
from app.ui.report import create_report_router
from app.ui.share import create_share_router
from pipeline.request import VideoRequest
from tests.app.jobs.rig import RESULT
from tests.app.server import APP, Server, make_environment
from tests.app.ui.conftest import Visit
from tests.app.ui.test_looks import find_barriers
from tests.app.ui.visitor import PATIENCE

JOB = "A" * 22
LINES = "() => [...document.querySelectorAll('form > .button, form > a')].map((one) => one.getBoundingClientRect())"
WRITTEN = "That is me.\n\x1b[31m<b>red</b>\u202e"
SHOWN, HIDDEN = [200] * 5, [451, 404, 404, 451, 451]


def find_statuses(client: httpx.Client, job: str = JOB) -> list[int]:
    """Return what is answered where the video is: the pages, and the API."""
    paths = (f"/v/{job}", f"/v/{job}/video.mp4", f"/v/{job}/poster.jpg", f"/jobs/{job}/video", f"/jobs/{job}/poster")
    return [client.get(path).status_code for path in paths]


def test_a_reported_video_is_hidden_until_somebody_has_looked(
    server: Server, visit: Visit, photo: bytes, voice: bytes
) -> None:
    job = str(server.wait_for(server.submit(photo, voice)["job_id"])["job_id"])
    visitor = visit(f"/v/{job}", phone=True)
    visitor.tab.get_by_role("link", name="Report this video").click()
    assert find_barriers(visitor) == []
    button, link = visitor.ask(LINES)
    assert link["top"] >= button["bottom"]
    visitor.tab.get_by_role("radio", name="It shows me or somebody else without consent").check()
    visitor.tab.get_by_role("textbox").fill(WRITTEN)
    visitor.tab.get_by_role("button", name="Report").click()
    expect(visitor.tab.get_by_role("heading")).to_have_text("Thank you")
    assert find_statuses(server.client, job) == HIDDEN
    visitor.open(f"/?job={job}")
    expect(visitor.status).to_contain_text("being looked at", timeout=PATIENCE)
    assert "That is me" not in server.log.read_text()
    environment = make_environment(server.data_dir)
    listed = subprocess.run([*APP, "reports"], env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert listed.endswith("consent: That is me. [31m<b>red</b>  [reported]\n")
    assert listed.startswith(job)
    subprocess.run([*APP, "reports", "release", job], env=environment, stdout=subprocess.PIPE, check=True)
    assert find_statuses(server.client, job) == SHOWN
    server.client.delete(f"/jobs/{job}").raise_for_status()
    assert "Nothing was reported" in next(carry_out([], server.data_dir / "jobs"))


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    """Return a folder of jobs with a video in it."""
    folder, now = JobFolder(tmp_path / "jobs" / JOB), datetime.now(UTC)
    folder.path.mkdir(parents=True)
    folder.video.write_bytes(b"mp4")
    folder.poster.write_bytes(b"jpg")
    folder.live.mkdir()
    (folder.live / "0.m4s").write_bytes(b"mp4")
    times = {"created_at": now, "finished_at": now, "expires_at": now + timedelta(hours=1)}
    request = VideoRequest(profile="preview")
    folder.write(
        JobRecord(id=JOB, status="done", model="preview", request=request, speech_seconds=1, result=RESULT, **times)
    )
    return tmp_path / "jobs"


@pytest.fixture
def client(jobs: Path) -> Iterator[TestClient]:
    settings = Settings(data_dir=jobs.parent, page=False)
    app = create_app(settings)
    app.include_router(create_share_router(app.state.jobs, settings))
    app.include_router(create_report_router(app.state.jobs))
    with TestClient(app, follow_redirects=False) as client:
        yield client


def report(client: httpx.Client, job: str = JOB, **fields: str) -> int:
    return client.post(f"/v/{job}/report", data={"reason": "other"} | fields).status_code


def test_a_released_video_is_hidden_no_more_and_a_removed_one_is_gone(client: TestClient, jobs: Path) -> None:
    with pytest.raises(ReportCommandError, match="Nobody has reported"):
        list(carry_out(["release", JOB], jobs))
    assert report(client) == 303
    assert find_statuses(client) == HIDDEN
    assert client.get(f"/v/{JOB}/live/0.m4s").status_code == 404
    assert client.get(f"/jobs/{JOB}").json()["links"]["video"] is None
    assert client.get("/health").json()["troubles"][0].startswith("Videos that were reported")
    assert report(client, text="me,\x1b[31m\r\ntoo") == 303
    list(carry_out(["release", JOB], jobs))
    assert find_statuses(client) == SHOWN
    assert client.get(f"/v/{JOB}/live/0.m4s").status_code == 200
    assert report(client, text="again") == 303
    assert find_statuses(client) == SHOWN
    assert client.get("/health").json()["troubles"][0].startswith("Videos that are shown, though")
    shown = list(carry_out(["show", JOB], jobs))
    assert [line.partition("other")[2] for line in shown[2:]] == ["", ": me, [31m too", ": again"]
    list(carry_out(["remove", JOB], jobs))
    assert find_statuses(client)[1:] == [404, 404, 410, 410]
    assert "no longer here" in client.get(f"/v/{JOB}").text
    assert report(client) == 404
    assert client.get(f"/jobs/{JOB}").json()["expired"]
    ends_at = time.monotonic() + 60
    while {path.name for path in (jobs / JOB).iterdir()} != {"job.json"}:
        assert time.monotonic() < ends_at
        time.sleep(0.1)
    with pytest.raises(ReportCommandError, match="There is no video of this id"):
        list(carry_out(["show", JOB], jobs))


def test_a_report_outlasts_the_server_and_hides_even_if_it_is_damaged(jobs: Path) -> None:
    (jobs / JOB / "reports.json").write_text("{")
    settings = Settings(data_dir=jobs.parent, page=False)
    with TestClient(create_app(settings)) as client:
        assert client.get(f"/jobs/{JOB}/video").status_code == 451
    assert list(carry_out(["list"], jobs)) == [f"{JOB}  cannot be read  [reported]"]


def test_a_decision_that_cannot_be_read_hides_the_video_and_nothing_else(jobs: Path) -> None:
    (jobs / JOB / "decision.json").mkdir()
    with TestClient(create_app(Settings(data_dir=jobs.parent, page=False))) as client:
        assert client.get("/health").json()["troubles"][0].startswith("Videos that were reported")
        assert client.get(f"/jobs/{JOB}/video").status_code == 451
        assert client.get(f"/jobs/{JOB}").json()["links"]["video"] is None
        assert client.delete(f"/jobs/{JOB}").status_code == 200
    assert {path.name for path in (jobs / JOB).iterdir()} == {"job.json"}


def test_what_is_no_report_is_refused(client: TestClient) -> None:
    assert report(client, "B" * 22) == 404
    assert report(client, reason="none") == 400
    assert report(client, text="x" * 1001) == 400
    assert report(client, text="x" * 20_000) == 413
    assert "<b>" not in client.post(f"/v/{JOB}/report", data={"text": "<b>"}).text
    theirs = {"sec-fetch-site": "cross-site", "origin": "https://elsewhere.example"}
    assert client.post(f"/v/{JOB}/report", data={"reason": "other"}, headers=theirs).status_code == 403
    assert find_statuses(client) == SHOWN


def test_nobody_reports_many_videos_in_a_row(client: TestClient) -> None:
    assert [report(client) for _ in range(6)] == [303] * 5 + [429]
    assert 0 < int(client.post(f"/v/{JOB}/report", data={"reason": "other"}).headers["retry-after"]) <= 600


def test_a_report_that_cannot_be_kept_is_said_and_costs_no_attempt(client: TestClient, jobs: Path) -> None:
    (jobs / JOB / "reports.json.part").mkdir()
    assert [report(client) for _ in range(7)] == [507] * 7
    (jobs / JOB / "reports.json.part").rmdir()
    assert report(client) == 303
