"""The job lives outside of the page: nothing that happens to the page hurts it."""

from pathlib import Path

from playwright.sync_api import expect

from tests.app.conftest import Starter
from tests.app.server import Server
from tests.app.ui.conftest import Visit
from tests.app.ui.visitor import PATIENCE


def test_a_reload_finds_the_job_again(visit: Visit, long_voice_file: Path) -> None:
    visitor = visit()
    visitor.fill_in(long_voice_file)
    visitor.press("Preview")
    visitor.wait_for("running")
    job_id = visitor.job_id
    visitor.tab.reload()
    visitor.wait_for("running")
    assert visitor.job_id == job_id
    visitor.press("Cancel")
    visitor.wait_for("cancelled")


def test_a_reload_keeps_photo_and_voice_and_my_videos_are_listed_until_they_are_deleted(
    visit: Visit, server: Server, voice_file: Path
) -> None:
    visitor = visit()
    visitor.fill_in(voice_file)
    visitor.tab.reload()
    expect(visitor.note("photo")).to_contain_text("Face found", timeout=PATIENCE)
    expect(visitor.note("voice")).to_contain_text("Voice found: 1.2 s", timeout=PATIENCE)
    visitor.press("Preview")
    visitor.wait_for("done")
    job_id = visitor.job_id
    visitor.open()
    delete = visitor.tab.locator(".videos .delete")
    expect(visitor.tab.locator(".videos img")).to_be_visible(timeout=PATIENCE)
    delete.click()
    expect(delete).to_have_text("Delete for good?")
    delete.click()
    expect(delete).to_have_count(0, timeout=PATIENCE)
    assert server.client.get(f"/v/{job_id}/video.mp4").status_code == 404


def test_the_page_comes_back_by_itself_when_the_server_does(
    visit: Visit, start_server: Starter, photo: bytes, long_voice: bytes
) -> None:
    server = start_server(page="on")
    job = server.submit(photo, long_voice)
    visitor = visit(f"/?job={job['job_id']}", at=server)
    visitor.wait_for("running")
    server.kill()
    expect(visitor.tab.locator(".lost")).to_be_visible(timeout=PATIENCE)
    restarted = start_server(page="on", port=server.port)
    visitor.wait_for("done")
    assert restarted.show(job["job_id"])["status"] == "done"


def test_a_press_without_a_server_is_answered(visit: Visit, start_server: Starter, voice_file: Path) -> None:
    server = start_server(page="on")
    visitor = visit(at=server)
    visitor.fill_in(voice_file)
    server.kill()
    visitor.press("Preview")
    expect(visitor.tab.locator("#lost")).to_have_text(
        "No connection. This page reconnects by itself.", timeout=PATIENCE
    )
    expect(visitor.tab.locator(".toast-body")).not_to_be_visible()


def test_a_lost_network_is_survived(visit: Visit, server: Server, photo: bytes, long_voice: bytes) -> None:
    job = server.submit(photo, long_voice)
    visitor = visit(f"/?job={job['job_id']}")
    visitor.wait_for("running")
    visitor.tab.context.set_offline(True)
    server.wait_for(job["job_id"], "done")
    visitor.tab.context.set_offline(False)
    visitor.wait_for("done")


def test_two_tabs_make_two_videos_at_once(visit: Visit, voice_file: Path) -> None:
    first, second = visit(), visit()
    for visitor in (first, second):
        visitor.fill_in(voice_file)
        visitor.press("Preview")
    for visitor in (first, second):
        visitor.wait_for("done")
    assert first.job_id != second.job_id


def test_an_idle_tab_holds_no_connection(visit: Visit, done_job: str) -> None:
    visitor = visit(f"/?job={done_job}")
    visitor.wait_for("done")
    streams = ("/queue/data", "/heartbeat", "/events")
    expect(visitor.video).to_be_visible()
    visitor.tab.wait_for_timeout(1000)  # what would stay open needs a moment to be opened
    assert not [url for url in visitor.open_requests if any(stream in url for stream in streams)]
