"""From a photo and a voice to a video, as people go."""

import io
import shutil
from pathlib import Path

import av
import pytest
from playwright.sync_api import expect

from tests.app.server import Server
from tests.app.ui.conftest import Visit
from tests.app.ui.visitor import PATIENCE, PHOTO
from tests.voices import KINDS, make_tone, write_voice

# No browser for tests can share: this one notes what a device would be given.
SHARING_DEVICE = """
navigator.canShare = ({ files }) => files[0].type === "video/mp4";
navigator.share = async ({ files }) => { window.given = files[0]; };
"""
PLAYS = "() => document.querySelector('#result video').currentTime > 0.2"


def test_photo_and_voice_become_a_video_that_plays_and_downloads_without_another_host(
    visit: Visit, voice_file: Path
) -> None:
    visitor = visit()
    visitor.fill_in(voice_file)
    assert visitor.show_frame().startswith("data:image/jpeg")
    visitor.press("Preview")
    visitor.wait_for("running")
    visitor.wait_for("done")
    visitor.video.evaluate("(video) => { video.muted = true; return video.play(); }")
    visitor.tab.wait_for_function(PLAYS, timeout=PATIENCE)
    with visitor.tab.expect_download() as download:
        visitor.tab.get_by_role("link", name="Download").click()
    with av.open(io.BytesIO(download.value.path().read_bytes())) as video:
        assert {stream.codec_context.name for stream in video.streams} == {"h264", "aac"}
    assert visitor.find_foreign_requests() == []


def test_an_example_runs_with_one_press_whatever_was_there(visit: Visit, voice_file: Path) -> None:
    visitor = visit()
    visitor.add_voice(voice_file)
    visitor.press("Grace Hopper")
    visitor.wait_for("running")
    expect(visitor.note("photo")).to_contain_text("Face found", timeout=PATIENCE)
    expect(visitor.tab.locator(".videos .open")).to_contain_text("Making the video", timeout=PATIENCE)
    visitor.press("Cancel")
    visitor.wait_for("cancelled")


def test_cancel_ends_the_job_and_gives_the_buttons_back(visit: Visit, long_voice_file: Path) -> None:
    visitor = visit()
    visitor.fill_in(long_voice_file)
    visitor.press("Preview")
    visitor.wait_for("running")
    visitor.press("Cancel")
    visitor.wait_for("cancelled")
    expect(visitor.tab.locator("#preview")).to_be_enabled()
    expect(visitor.tab.locator("#cancel")).not_to_be_visible()


def test_the_slider_goes_as_far_as_the_voice(visit: Visit, voice_file: Path, long_voice_file: Path) -> None:
    visitor = visit()
    slider = visitor.tab.locator("#use-seconds input[type=range]")
    visitor.add_voice(long_voice_file)
    expect(slider).to_have_attribute("max", "11", timeout=PATIENCE)
    visitor.tab.locator("#voice").get_by_label("Clear").click()
    expect(slider).not_to_be_visible(timeout=PATIENCE)
    visitor.add_voice(voice_file)
    expect(slider).to_have_attribute("max", "1.2", timeout=PATIENCE)


def test_a_shorter_part_of_the_voice_makes_a_shorter_video(visit: Visit, long_voice_file: Path) -> None:
    visitor = visit(phone=True)
    visitor.fill_in(long_voice_file)
    visitor.tab.locator("#use-seconds input[type=number]").fill("1.5")
    visitor.tab.keyboard.press("Tab")
    before = visitor.measure_shift()
    visitor.press("Preview")
    visitor.wait_for("done")
    expect(visitor.tab.locator(".facts").first).to_contain_text("1.5 s")
    expect(visitor.video).to_be_in_viewport(timeout=PATIENCE)
    visitor.check_shift(before)


def test_recordings_that_browsers_do_not_play_and_the_sound_of_a_video_are_heard(
    visit: Visit, tmp_path: Path, done_video: Path
) -> None:
    visitor = visit()
    visitor.tab.locator("#voice-card > input[type=file]").set_input_files(done_video)
    expect(visitor.note("voice")).to_contain_text("Voice found: 1.2 s", timeout=PATIENCE)
    expect(visitor.tab.locator("#voice #waveform")).to_be_visible(timeout=PATIENCE)
    for kind, seconds in (("aiff", 1.3), ("m4a, lossless", 1.4)):
        tone = make_tone(seconds, KINDS[kind].sampling_rate)
        visitor.drop("#voice", write_voice(tmp_path / f"voice.{KINDS[kind].suffix}", tone, KINDS[kind]))
        expect(visitor.note("voice")).to_contain_text(f"Voice found: {seconds} s", timeout=PATIENCE)
        expect(visitor.tab.locator("#voice #waveform")).to_be_visible(timeout=PATIENCE)
    visitor.drop("#voice", done_video)
    expect(visitor.note("voice")).to_contain_text("Voice found: 1.2 s", timeout=PATIENCE)


def test_files_whose_kind_the_browser_does_not_know_are_read(visit: Visit, tmp_path: Path, voice_file: Path) -> None:
    visitor = visit()
    visitor.add_photo(Path(shutil.copy(PHOTO, tmp_path / "photo")))
    expect(visitor.note("photo")).to_contain_text("Face found", timeout=PATIENCE)
    visitor.add_voice(Path(shutil.copy(voice_file, tmp_path / "voice.unknown")))
    expect(visitor.note("voice")).to_contain_text("Voice found", timeout=PATIENCE)


def test_photo_and_voice_may_be_dropped_anywhere_at_once_and_take_the_place_of_others(
    visit: Visit, voice_file: Path, long_voice_file: Path
) -> None:
    visitor = visit()
    visitor.drop("h1", voice_file, PHOTO)
    expect(visitor.note("photo")).to_contain_text("Face found", timeout=PATIENCE)
    expect(visitor.note("voice")).to_contain_text("Voice found: 1.2 s", timeout=PATIENCE)
    visitor.drop("#voice", long_voice_file)
    expect(visitor.note("voice")).to_contain_text("Voice found: 11 s", timeout=PATIENCE)


def test_copy_link_copies_an_address_and_settings_are_used_again(visit: Visit, done_job: str) -> None:
    visitor = visit(f"/?job={done_job}")
    visitor.press("Copy link")
    expect(visitor.tab.get_by_role("button", name="Copied")).to_be_visible()
    copied = visitor.ask("() => navigator.clipboard.readText()")
    assert copied == f"{visitor.address}/v/{done_job}"
    expect(visitor.tab.get_by_role("link", name="Download")).to_be_visible()
    expect(visitor.tab.locator(".share"), "the browser cannot share").not_to_be_visible()
    visitor.press("Use these settings")
    expect(visitor.note("photo")).to_contain_text("Settings restored.", timeout=PATIENCE)


def test_a_phone_saves_and_shares_the_video_itself(visit: Visit, done_job: str) -> None:
    visitor = visit(phone=True, locale="en-IE")
    visitor.tab.add_init_script(SHARING_DEVICE)
    visitor.open(f"/?job={done_job}").wait_for("done")
    visitor.press("Save or share")
    visitor.tab.wait_for_function("() => window.given", timeout=PATIENCE)
    assert visitor.ask("() => [given.name, given.type]") == [f"talking-{done_job[:6]}.mp4", "video/mp4"]
    assert visitor.ask("async () => (await given.slice(4, 8).text())") == "ftyp"


def test_a_voice_is_recorded(visit: Visit) -> None:
    visitor = visit()
    visitor.tab.locator("#voice").get_by_role("button", name="Record", exact=True).click()
    visitor.tab.locator("#voice .record-button").click()
    visitor.tab.wait_for_timeout(1500)  # the shortest voice is a second long
    visitor.tab.locator("#voice").get_by_role("button", name="Stop").click()
    expect(visitor.note("voice")).to_contain_text("Voice found", timeout=PATIENCE)


@pytest.fixture(scope="session")
def done_video(server: Server, done_job: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("videos") / "talking.mp4"
    path.write_bytes(server.client.get(f"/v/{done_job}/video.mp4").content)
    return path
