"""A video plays while it is made."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.app.server import Server
from tests.app.ui.conftest import Visit
from tests.app.ui.visitor import MOST_SHIFT, PATIENCE, Visitor

PLAYS = "() => document.querySelector('#live video').currentTime > 0.2"
PLAYED_ALL = """() => {
  const { buffered, currentTime } = document.querySelector("#live video");
  return buffered.length === 1 && currentTime > buffered.end(0) - 0.25;
}"""
IS_AN_IPHONE = "window.ManagedMediaSource = window.MediaSource; delete window.MediaSource;"
IS_OLD = "delete window.MediaSource; delete window.ManagedMediaSource;"
# All segments at once, faster than life; answers how many frames were shown or dropped, and what the player has.
PLAY_ALL = """async ([job, count]) => {
  const happens = (place, event) => new Promise((go) => place.addEventListener(event, go, { once: true }));
  const media = new MediaSource();
  const video = document.body.appendChild(document.createElement("video"));
  Object.assign(video, { muted: true, src: URL.createObjectURL(media) });
  await happens(media, "sourceopen");
  const buffer = media.addSourceBuffer('video/mp4; codecs="avc1.640028, mp4a.40.2"');
  for (const name of ["init.mp4", ...Array(count).keys().map((i) => `${i}.m4s`)]) {
    const answer = await fetch(`/v/${job}/live/${name}`);
    buffer.appendBuffer(await answer.arrayBuffer());
    await happens(buffer, "updateend");
  }
  media.endOfStream();
  video.playbackRate = 4;
  video.play();
  await happens(video, "ended");
  const { buffered, error } = video;
  return [video.getVideoPlaybackQuality().totalVideoFrames, buffered.length, buffered.start(0), buffered.end(0), error];
}"""


@pytest.fixture(scope="module")
def live_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("live") / "data", page="on", live="auto") as server:
        yield server


@pytest.fixture
def live_job(live_server: Server, photo: bytes, voice: bytes) -> str:
    """A video that was just made: its segments are still there."""
    return str(live_server.wait_for(live_server.submit(photo, voice, seed=7)["job_id"])["job_id"])


@contextmanager
def hold(server: Server) -> Iterator[None]:
    """Have the workers wait, so that a video is not complete before it was looked at."""
    workers = server.find_workers()
    for worker in workers:
        worker.suspend()
    yield
    for worker in workers:
        worker.resume()


def start(visitor: Visitor) -> None:
    visitor.press("Preview")
    expect(visitor.tab.locator("#live video")).to_be_visible(timeout=PATIENCE)


def count_segments(visitor: Visitor) -> int:
    return len({url for url in visitor.requests if url.endswith(".m4s")})


def test_what_is_made_plays_until_the_video_is_there(visit: Visit, live_server: Server, long_voice_file: Path) -> None:
    visitor = visit(at=live_server, phone=True)
    visitor.fill_in(long_voice_file)
    before = visitor.measure_shift()
    start(visitor)
    with hold(live_server):
        visitor.wait_for("running")
        visitor.tab.wait_for_function(PLAYED_ALL, timeout=PATIENCE)
        num_segments = count_segments(visitor)
    visitor.wait_for("done")
    expect(visitor.video).to_be_visible()
    expect(visitor.tab.locator("#live")).not_to_be_visible()
    assert count_segments(visitor) > num_segments
    # The row that asks for consent goes when the video is begun; a slow answer makes that a shift of its own.
    visitor.check_shift(before, 2 * MOST_SHIFT)


def test_segments_play_to_the_end_without_a_gap(visit: Visit, live_server: Server, live_job: str) -> None:
    visitor = visit(at=live_server)
    num_frames, *buffered = visitor.tab.evaluate(PLAY_ALL, [live_job, 2])
    assert num_frames == 30
    assert buffered == [1, 0, pytest.approx(1.2, abs=0.03), None]


def test_an_iphone_plays_it_too(visit: Visit, live_server: Server, long_voice_file: Path) -> None:
    visitor = visit(at=live_server, phone=True, locale="en-NZ")
    visitor.tab.add_init_script(IS_AN_IPHONE)
    visitor.open().fill_in(long_voice_file)
    start(visitor)
    visitor.tab.wait_for_function(PLAYS, timeout=PATIENCE)
    visitor.press("Cancel")  # the next test's video would wait for it


def test_a_browser_without_media_source_shows_how_far_it_is(
    visit: Visit, live_server: Server, long_voice_file: Path
) -> None:
    visitor = visit(at=live_server, locale="en-ZA")
    visitor.tab.add_init_script(IS_OLD)
    visitor.open().fill_in(long_voice_file)
    visitor.press("Preview")
    visitor.wait_for("running")
    expect(visitor.tab.locator("#live")).not_to_be_visible()
    visitor.wait_for("done")
    assert count_segments(visitor) == 0


def test_a_job_that_is_cancelled_is_shown_no_longer(visit: Visit, live_server: Server, long_voice_file: Path) -> None:
    visitor = visit(at=live_server)
    visitor.fill_in(long_voice_file)
    start(visitor)
    visitor.press("Cancel")
    visitor.wait_for("cancelled")
    expect(visitor.tab.locator("#live")).not_to_be_visible()


def test_only_segments_are_sent(live_server: Server, live_job: str) -> None:
    assert live_server.client.get(f"/v/{live_job}/live/0.m4s").headers["content-type"] == "video/mp4"
    names = ("job.json", "live.m3u8", "..%2Fjob.json", "0.m4s.tmp", "7.m4s", "-1.m4s")
    statuses = {name: live_server.client.get(f"/v/{live_job}/live/{name}").status_code for name in names}
    assert statuses == dict.fromkeys(names, 404)
