"""What the page answers, without a browser: before the tests with one, whose event loop goes on until the end."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio.context import LocalContext
from starlette.requests import Request

from app.jobs import Jobs
from app.records import JobRecord, JobResult, Status
from app.settings import MEGABYTE, Settings
from app.storage import JobStore
from app.ui import library
from app.ui.events import PageView
from app.ui.examples import EXAMPLES
from app.ui.form import read_form
from app.ui.gate import UploadLimits, Uploads
from app.ui.inputs import create_slider
from app.ui.layout import Page, build_page
from app.ui.photo import read_framing
from app.ui.profile import ProfileView
from app.ui.sent import Sent
from app.ui.spelled import create_inputs
from app.ui.start import StartView
from app.ui.texts import ENGLISH
from app.ui.voice import VoiceView
from pipeline.request import MAX_SECONDS, VideoRequest
from tests.app.conftest import cut_voice
from tests.app.quick_server import QuickRunner
from tests.app.ui.visitor import PHOTO
from tests.pipeline.audio.test_hearing import write_tracks
from tests.voices import SPEAKER, make_tone

TOKEN = "0123456789abcdef" * 2
RESULT = JobResult(num_frames=30, speech_seconds=1.2, compute_seconds=1, width=8, height=8, frame_rate=25, seed=99)
Updates = dict[Any, Any]


@dataclass
class Views:
    """A page's views over jobs of its own.

    Attributes:
        data: Their folder.
        page: Its widgets.
        has_gpu: Whether the model can run.
        sent: What was sent.
    """

    data: Path
    page: Page
    has_gpu: bool = True
    sent: Sent = field(default_factory=Sent)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Jobs]:
        store = JobStore(self.data)
        settings = Settings(data_dir=self.data, content_credentials=False)  # to sign needs a process
        jobs = Jobs(settings, store, QuickRunner(self.data / "runs") if self.has_gpu else None)
        await jobs.start()
        asked = LocalContext.request.set(
            gr.Request(Request({"type": "http", "headers": [], "client": ("10.0.0.1", 1)}))
        )
        yield jobs
        LocalContext.request.reset(asked)
        await jobs.close()

    def keep(self, status: Status = "done", **request: object) -> str:
        """Put a job into the folder; return its id."""
        now = datetime.now(UTC)
        job = JobRecord(
            id=secrets.token_urlsafe(16),
            status=status,
            model="preview" if request["profile"] == "preview" else "infinitetalk",
            request=VideoRequest(**request),
            created_at=now,
            started_at=now,
            finished_at=now,
            expires_at=now + timedelta(hours=1),
            speech_seconds=1.2,
            result=RESULT,
        )
        folder = self.data / "jobs" / job.id
        folder.mkdir(parents=True)
        (folder / "job.json").write_text(job.model_dump_json())
        return job.id

    def price(
        self, name: str, *, is_found: bool = True, voice_seconds: float = 10, steps: int | None = None
    ) -> Updates:
        async def ask() -> Updates:
            async with self.open() as jobs:
                return self._profile(jobs).price(name, is_found, voice_seconds, 10, steps)

        return asyncio.run(ask())

    def view(self, jobs: Jobs) -> PageView:
        uploads = Uploads(self.data / "uploads", UploadLimits(100 * MEGABYTE), jobs.quota)
        return PageView(self.page, jobs, self._profile(jobs), uploads, ENGLISH)

    def start(self, jobs: Jobs) -> StartView:
        return StartView(self.page, jobs, self.sent, ENGLISH)

    def reuse(self, job_id: str) -> Updates:
        async def ask() -> Updates:
            async with self.open() as jobs:
                event = gr.EventData(None, {"job": job_id})
                return await self.view(jobs).reuse(None, is_found=False, voice_seconds=0, duration=10, event=event)

        return asyncio.run(ask())

    def _profile(self, jobs: Jobs) -> ProfileView:
        return ProfileView(self.page.profile, self.page.action, jobs, ENGLISH)


@pytest.fixture(scope="module")
def page() -> Page:
    async def build() -> Page:
        with gr.Blocks():
            return build_page(ENGLISH, 24.0)

    with suppress(RuntimeError):  # there is none once `asyncio.run` was used
        asyncio.get_event_loop_policy().get_event_loop().close()  # Gradio opens one and leaves it
    return asyncio.run(build())


@pytest.fixture
def views(tmp_path: Path, page: Page) -> Views:
    return Views(tmp_path / "data", page)


def make_form(folder: Path, **others: object) -> list[Any]:
    """Return the widgets' values in their order."""
    voice = folder / "voice.wav"
    voice.write_bytes(cut_voice(1.2))
    values = {
        "turns": "", "sharing": "each", "order": "together", "arranged": others.get("speakers", "[0]"),
        "own_0": None, "own_1": None, "own_2": None, "own_3": None, "photo": str(PHOTO), "voice": str(voice),
        "profile": "balanced", "duration_seconds": 10, "aspect": "auto", "speakers": "[0]", "zoom": 1, "shift_x": 0,
        "shift_y": 0, "is_agreed": True, "is_seed_random": True, "prompt": "", "seed": 0, "num_inference_steps": 20,
        "guidance_scale": 5, "audio_guidance_scale": 4, "label": "off",
    }  # fmt: skip
    return list((values | others).values())


@pytest.mark.parametrize(("value", "taken"), [(600, 4), (0, 1), (None, 1), (2.5, 2.5)])
def test_a_slider_takes_what_is_beyond_it_as_its_end(value: float | None, taken: float) -> None:
    slider = create_slider(1, 4)
    assert slider.preprocess(value) == slider.postprocess(value) == taken


def test_no_box_takes_a_word_for_yes(page: Page) -> None:
    blocks = page.action.consent
    while blocks.parent:
        blocks = blocks.parent
    widgets = [*blocks.blocks.values(), *create_inputs(VideoRequest)]
    boxes = [widget for widget in widgets if isinstance(widget, gr.Checkbox)]
    assert {box.label for box in boxes} > {"consent", page.action.consent.label}
    for box in boxes:
        for word in ("no", "false", 1, ["yes"]):
            with pytest.raises(gr.Error, match="Expected true or false"):
                box.preprocess(word)
        assert box.preprocess(payload=True) in {True, "on"}


def test_an_example_gives_the_slider_its_length_back(views: Views) -> None:
    async def pick() -> Updates:
        async with views.open() as jobs:
            request = gr.Request(Request({"type": "http", "headers": []}))
            return views.view(jobs).pick_example(gr.EventData(None, {"name": "mona_lisa"}), request)

    slider = asyncio.run(pick())[views.page.voice.duration]
    assert (slider.maximum, slider.value) == (MAX_SECONDS, MAX_SECONDS)


def test_without_a_gpu_only_the_preview_is_offered_and_what_is_missing_is_said_once(views: Views) -> None:
    views.has_gpu = False
    updates = views.price("balanced", steps=50)
    profile = updates[views.page.profile.profile]
    assert [name for _, name in profile.choices] == ["preview"]
    assert (profile.value, profile.visible) == ("preview", False)
    assert updates[views.page.profile.note].count("There are two ways to use it") == 1
    assert 'data-plan="preview"' in updates[views.page.action.estimate]


def test_with_a_gpu_everything_is_offered(views: Views) -> None:
    updates = views.price("balanced")
    assert len(updates[views.page.profile.profile].choices) == 7
    assert 'data-kind="info"' not in updates[views.page.profile.note]
    assert 'data-plan="video"' in updates[views.page.action.estimate]


@pytest.mark.parametrize("steps", [None, 20, 50])
def test_the_menu_and_the_bar_tell_the_same_time(views: Views, steps: int | None) -> None:
    views.data.mkdir()
    (views.data / "speeds.json").write_text(json.dumps({"balanced": 3.0}))
    updates = views.price("balanced", steps=steps)
    label = next(label for label, name in updates[views.page.profile.profile].choices if name == "balanced")
    assert label.removeprefix("Balanced · ") in updates[views.page.action.estimate]
    assert ("about 30\u00a0s" in label) == (steps != 50)


@pytest.mark.parametrize(("is_found", "seconds"), [(False, 10.0), (True, 0.0)])
def test_nothing_is_promised_of_what_cannot_be_used(views: Views, *, is_found: bool, seconds: float) -> None:
    told = views.price("preview", is_found=is_found, voice_seconds=seconds)[views.page.action.estimate]
    assert ENGLISH("estimate.empty") in told


def test_a_voice_that_cannot_be_used_has_no_length(views: Views, tmp_path: Path) -> None:
    path = tmp_path / "broken.wav"
    path.write_bytes(b"hello")

    async def take() -> Updates:
        async with views.open() as jobs:
            return await VoiceView(views.page.voice.one, jobs, ENGLISH).take(str(path))

    assert asyncio.run(take())[views.page.voice.one.seconds] == 0


@pytest.mark.parametrize("way", ["take", "take_from_video"])
def test_what_was_found_in_a_film_is_still_said_of_the_voice_that_was_taken_out_of_it(
    views: Views, tmp_path: Path, way: str
) -> None:
    tone = make_tone(2.0)
    film = write_tracks(tmp_path / "film.mkv", [(0 * tone, "mono"), (tone, "mono")], "matroska", "aac")
    part = views.page.voice.one

    async def take() -> Updates:
        async with views.open() as jobs:
            view = VoiceView(part, jobs, ENGLISH)
            updates = await getattr(view, way)(str(film))
            return await view.take(updates[part.voice], updates[part.extracted])

    assert "Track 2 of the file is used" in asyncio.run(take())[part.note]


@pytest.mark.parametrize("film", ['["film.voice.wav", "It is damaged."]', '["voice', "7", "[]", "null"])
def test_what_was_found_in_a_film_is_not_said_of_the_next_voice(views: Views, film: str) -> None:
    part = views.page.voice.one

    async def take() -> Updates:
        async with views.open() as jobs:
            return await VoiceView(part, jobs, ENGLISH).take(str(SPEAKER), film)

    assert "damaged" not in asyncio.run(take())[part.note]


def test_the_profiles_own_numbers_are_not_asked_for(views: Views, tmp_path: Path) -> None:
    request = read_form(views.page, make_form(tmp_path, guidance_scale=3)).request("balanced")
    assert (request.num_inference_steps, request.guidance_scale, request.audio_guidance_scale) == (None, 3, None)
    preview = read_form(views.page, make_form(tmp_path, num_inference_steps=30)).request("preview")
    assert preview.num_inference_steps is None


@pytest.mark.parametrize(("is_agreed", "label"), [(True, "off"), (False, "on")])
def test_a_press_means_what_the_boxes_say(views: Views, tmp_path: Path, label: str, *, is_agreed: bool) -> None:
    lent = {"photo": str(EXAMPLES["mona_lisa"].photo), "voice": str(EXAMPLES["mona_lisa"].voice), "duration_seconds": 1}

    async def press(**given: object) -> tuple[Updates, Jobs]:
        async with views.open() as jobs:
            form = make_form(tmp_path, is_agreed=is_agreed, label=label, **given)
            token = TOKEN if is_agreed else TOKEN[::-1]
            updates = [update async for update in views.start(jobs).press_preview([], token, *form)]
            return updates[-1], jobs

    page = views.page
    other = tmp_path / "other.jpg"
    other.write_bytes(EXAMPLES["mona_lisa"].photo.read_bytes() + b"more")
    # Nobody is asked for an example's files, and everybody for his own, of which none may lie between those.
    for own in () if is_agreed else ({}, lent | {"photo": str(other)}, {"photo": lent["photo"]}):
        updates, _ = asyncio.run(press(**own))
        assert "Tick this box first." in updates.pop(page.action.consent_note)
        assert updates == {}
    updates, jobs = asyncio.run(press(**{} if is_agreed else lent))
    job = jobs.get(updates[page.result.job_id])
    assert (job.request.label, job.request.consent, job.consent is not None) == (label, is_agreed, is_agreed)


def test_a_deleted_video_is_shown_no_longer(views: Views) -> None:
    async def delete(shown: str, deleted: str) -> str:
        async with views.open() as jobs:
            history = [library.HistoryItem(id=job) for job in (shown, deleted)]
            left, listed, shows = await views.view(jobs).delete(history, shown, gr.EventData(None, {"job": deleted}))
            assert deleted not in [entry["id"] for entry in left]
            assert deleted not in listed
            return shows

    first, second = (views.keep(profile="preview") for _ in range(2))
    assert asyncio.run(delete(first, second)) == first
    assert asyncio.run(delete(first, first)) == ""


@pytest.mark.parametrize("status", ["queued", "running", "done"])
def test_my_videos_has_what_is_being_made(views: Views, status: Status) -> None:
    job = views.keep(status, profile="preview")

    async def show() -> str:
        store = JobStore(views.data)
        jobs = Jobs(Settings(data_dir=views.data, content_credentials=False), store)
        list(jobs._registry.load())
        store.close()
        return library.render([library.HistoryItem(id=job)], jobs, ENGLISH)

    assert f'data-job="{job}"' in asyncio.run(show())


def test_a_seed_that_was_drawn_is_used_again(views: Views) -> None:
    updates = views.reuse(views.keep(profile="balanced", num_inference_steps=33, prompt="Rain."))
    part = views.page.profile
    assert (updates[part.options["seed"]], updates[part.random_seed]) == (RESULT.seed, False)
    assert (updates[part.steps], updates[part.options["prompt"]], updates[part.profile].value) == (
        33,
        "Rain.",
        "balanced",
    )


def test_settings_of_a_quality_that_is_not_here_are_not_pretended(views: Views) -> None:
    views.has_gpu = False
    updates = views.reuse(views.keep(profile="quality", num_inference_steps=33))
    part = views.page.profile
    assert (updates[part.profile].value, updates[part.steps]) == ("preview", 1)
    assert "made with Best quality, which is not available here" in updates[part.note]


def test_whoever_leaves_while_a_video_is_sent_finds_it_once(views: Views, tmp_path: Path) -> None:
    async def leave_and_come_back() -> tuple[Updates, int]:
        async with views.open() as jobs:
            start = views.start(jobs)
            press = start.press_generate([], TOKEN, *make_form(tmp_path))
            await anext(press)
            sending = asyncio.ensure_future(anext(press))
            await asyncio.sleep(0)
            sending.cancel()  # as Gradio does when the page is gone
            found = await start.find_sent([], TOKEN, "")
            again = [updates async for updates in start.press_generate([], TOKEN, *make_form(tmp_path))]
            assert again[-1][views.page.result.job_id] == found[views.page.result.job_id]
            return found, sum(jobs.count_statuses().values())

    found, count = asyncio.run(leave_and_come_back())
    assert [entry["id"] for entry in found[views.page.history]] == [found[views.page.result.job_id]]
    assert count == 1


def test_what_was_found_does_not_push_aside_what_is_shown(views: Views, tmp_path: Path) -> None:
    async def come_back() -> Updates:
        async with views.open() as jobs:
            start = views.start(jobs)
            async for _ in start.press_generate([], TOKEN, *make_form(tmp_path)):
                pass
            return await start.find_sent([library.HistoryItem(id="other")], f"{TOKEN},{'f' * 32}", "other")

    found = asyncio.run(come_back())
    assert found[views.page.result.job_id] == "other"
    assert len(found[views.page.history]) == 2


def test_only_what_cannot_be_guessed_finds_anything() -> None:
    async def send(token: str) -> bool:
        sent = Sent()
        await sent.send(token, asyncio.sleep(0))  # type: ignore[arg-type] # nothing is looked at
        return sent.find(token) is not None

    assert asyncio.run(send(TOKEN))
    assert not any(asyncio.run(send(token)) for token in ("", "1", TOKEN[:31], TOKEN.upper(), "../" + TOKEN))


@pytest.mark.parametrize(
    ("data", "framing"),
    [
        ({"zoom": 9, "x": "-4", "y": 0.25}, (3.0, -0.5, 0.25)),
        ({"zoom": 1, "x": 0, "y": 0}, (1.0, 0.0, 0.0)),
        ({"value": 1.5}, None),
        ({"zoom": [], "x": 0, "y": 0}, None),
        (None, None),
    ],
)
def test_a_frame_is_dragged_and_zoomed_within_its_sliders(
    data: dict[str, Any] | None, framing: tuple[float, ...] | None
) -> None:
    assert read_framing(gr.EventData(None, data)) == framing
