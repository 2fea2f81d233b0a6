"""What happens when: the page's widgets and the views that answer."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.errors import AppError, JobNotFoundError
from app.jobs import Job, Jobs
from app.settings import Settings
from app.ui import library, markup
from app.ui.caller import find_caller, is_signed_in
from app.ui.dialogue import DialogueView, bind_dialogue
from app.ui.examples import EXAMPLES
from app.ui.follow import Followers, FollowView
from app.ui.form import form_widgets
from app.ui.gate import Uploads
from app.ui.gate.visitors import find_visitor
from app.ui.layout import NOBODY, Page
from app.ui.library import HistoryItem
from app.ui.people import write_speakers
from app.ui.photo import PhotoView, bind_photo, framing_widgets
from app.ui.profile import ProfileView, bind_profile
from app.ui.sent import Sent
from app.ui.start import StartView
from app.ui.texts import Texts
from app.ui.turns import REUSED, TurnsView, bind_turns, write_turns
from app.ui.voice import bind_voice
from pipeline.engines import PROFILES, get_engine_spec
from pipeline.request import MAX_SECONDS

_PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
_AT_ONCE: dict[str, Any] = {**_PRIVATE, "queue": False}
_KEEP_MINE, _KEEP_SENT = "(history) => page.keepMine(history)", "(history) => page.keepSent(history)"
_MERGE_MINE = "(history, ...others) => [page.mine(history), ...others]"
_Updates = dict[Any, Any]


def bind_events(
    blocks: gr.Blocks, page: Page, *, jobs: Jobs, sent: Sent, settings: Settings, texts: Texts, uploads: Uploads
) -> None:
    """Connect everything on the page, inside its open `gr.Blocks`."""
    profile = ProfileView(page.profile, page.action, jobs, texts)
    start = StartView(page, jobs, sent, texts)
    follow = FollowView(page, jobs, settings, texts, Followers())
    view = PageView(page, jobs, profile, uploads, texts)
    photo_file, voice_file = page.photo.photo, page.voice.one.voice
    keep, kept = "(...inputs) => page.keep(...inputs)", [photo_file, voice_file, page.action.consent]
    # Before the others: bound after the finding of turns, to the same change, this was seen not to run.
    for changed in (photo_file.change, voice_file.change, page.action.consent.change):
        changed(None, kept, None, js=keep, api_visibility="private")
    photo = PhotoView(page.photo, jobs, texts)
    bind_photo(photo, page.profile.profile)
    bind_voice(page.voice, jobs, texts)
    bind_dialogue(DialogueView(page.photo, page.voice, texts))
    bind_turns(TurnsView(page.photo, page.voice, jobs, texts))
    bind_profile(page, profile)
    _bind_run(page, start, follow, view)
    _bind_library(page, view, photo)
    recalled = [page.history, page.kept_photo, page.kept_voice, page.action.consent]
    recall = "(history) => [page.mine(history), ...page.recall()]"
    loaded = blocks.load(view.load, recalled, view.outputs, js=recall, **_AT_ONCE)
    asked = [page.history, page.sent, page.result.job_id]
    recall_sent = "(history, _, job) => [page.mine(history), page.recallSent(), job]"
    found = loaded.then(start.find_sent, asked, start.outputs, js=recall_sent, **_AT_ONCE)
    found.success(None, page.history, None, js=_KEEP_SENT, api_visibility="private")


def _bind_run(page: Page, start: StartView, follow: FollowView, view: "PageView") -> None:
    action, result = page.action, page.result
    form = [page.history, page.sent, *form_widgets(page)]
    running: dict[str, Any] = {**_PRIVATE, "concurrency_limit": None}
    sending: dict[str, Any] = {
        **running,
        "js": "(history, _, turns, ...form) => [page.mine(history), page.send(), page.turns(turns), ...form]",
    }
    picked = page.examples.example(view.pick_example, None, view.picked, **_AT_ONCE)
    for begun in (
        action.preview.click(start.press_preview, form, start.outputs, **sending),
        action.generate.click(start.press_generate, form, start.outputs, **sending),
        picked.success(start.press_preview, form, start.outputs, **sending),
    ):
        begun.success(None, page.history, None, js=_KEEP_SENT, api_visibility="private")
        begun.then(None, None, None, js="() => page.showError()", api_visibility="private")
    result.job_id.change(None, result.job_id, None, js="(id) => page.showJob(id)", api_visibility="private")
    followed = result.job_id.change(follow.follow, result.job_id, follow.outputs, trigger_mode="multiple", **running)
    followed.then(view.refresh, page.history, [page.header, page.library], js=_MERGE_MINE, **_AT_ONCE)
    action.cancel.click(follow.press_cancel, result.job_id, None, **_AT_ONCE)


def _bind_library(page: Page, view: "PageView", photo: PhotoView) -> None:
    page.library.open(view.open, None, page.result.job_id, **_AT_ONCE)
    changed = [page.history, page.library, page.result.job_id]
    deleted = page.library.delete(view.delete, [page.history, page.result.job_id], changed, js=_MERGE_MINE, **_AT_ONCE)
    deleted.success(None, page.history, None, js=_KEEP_MINE, api_visibility="private")
    part, voice = page.photo, page.voice
    known = [part.photo, part.is_found, voice.seconds, voice.duration]
    reused = page.result.video.reuse(view.reuse, known, view.reused, **_AT_ONCE)
    framed = [part.tile, part.faces, part.note, part.people, part.speakers, part.zoom, part.shift_x, part.shift_y]
    reused.then(photo.reframe, framing_widgets(part, page.profile.profile), framed, **_PRIVATE).then(
        None, None, None, js="() => page.showInputs()", api_visibility="private"
    )


@dataclass(frozen=True)
class PageView:
    """Answers about the whole page, in one language."""

    page: Page
    jobs: Jobs
    profile: ProfileView
    uploads: Uploads
    texts: Texts

    @property
    def outputs(self) -> list[Any]:
        """All that is filled in when the page is opened."""
        page, profile = self.page, self.profile
        priced = [page.profile.profile, page.profile.note, page.action.estimate]
        files = [page.photo.photo, page.voice.one.voice]
        own = [page.header, page.library, page.result.job_id, page.action.consent]
        return [*own, *files, *priced, *profile.sampling_widgets]

    @property
    def picked(self) -> list[Any]:
        """All that an example fills in."""
        photo, voice = self.page.photo, self.page.voice
        return [photo.photo, voice.one.voice, voice.duration, photo.speakers, photo.note, voice.one.note]

    @property
    def reused(self) -> list[Any]:
        """All that an earlier job fills in."""
        page, photo = self.page, self.page.photo
        framing = [photo.note, photo.aspect, photo.zoom, photo.shift_x, photo.shift_y, photo.speakers, photo.wanted]
        dialogue = page.voice.dialogue
        spoken = [dialogue.sharing, dialogue.order, dialogue.asked, dialogue.known, dialogue.timeline]
        sampling = [*page.profile.options.values(), page.profile.random_seed, page.profile.of_models]
        priced = [page.profile.profile, page.profile.note, page.action.estimate]
        return [*framing, *spoken, *sampling, *priced]

    async def load(
        self, history: list[HistoryItem] | None, photo: str, voice: str, is_agreed: bool, request: gr.Request
    ) -> _Updates:
        """Fill the page in; a job in its address is opened, and what was there before a reload is back."""
        name = self.profile.find_offered()
        visitor = find_visitor(request.cookies)
        return (
            self.profile.price(name, is_found=False, voice_seconds=0, duration=0, steps=None)
            | self.profile.show_sampling(PROFILES[name])
            | {
                self.page.header: self._header(),
                self.page.library: library.render(history or [], self.jobs, self.texts),
            }
            | {self.page.result.job_id: request.query_params.get("job", "")}
            | {self.page.action.consent: is_agreed}
            | {self.page.photo.photo: self._recall(photo, visitor)}
            | {self.page.voice.one.voice: self._recall(voice, visitor)}
        )

    async def refresh(self, history: list[HistoryItem]) -> tuple[str, str]:
        """Return the header and the list of videos as they are now."""
        return self._header(), library.render(history, self.jobs, self.texts)

    def _recall(self, kept: str, visitor: str) -> Any:  # noqa: ANN401 - a path or nothing
        found = self.uploads.find(kept, visitor)
        return str(found) if found else gr.skip()

    def pick_example(self, event: gr.EventData, request: gr.Request) -> _Updates:
        """Fill in an example, as if the visitor had uploaded it."""
        example = EXAMPLES.get(event.name)
        if example is None:
            raise gr.Error(self.texts("error.title"), print_exception=False)
        owner = find_visitor(request.cookies), find_caller().turn
        try:
            photo, voice = (self.uploads.add_copy(file, *owner) for file in (example.photo, example.voice))
        except AppError as error:
            raise gr.Error(str(error), print_exception=False) from None
        return {
            self.page.photo.photo: str(photo),
            self.page.voice.one.voice: str(voice),
            self.page.voice.duration: gr.Slider(maximum=MAX_SECONDS, value=MAX_SECONDS),
            self.page.photo.speakers: NOBODY,
            self.page.photo.note: "",
            self.page.voice.one.note: "",
        }

    def open(self, event: gr.EventData) -> str:
        """Open a video of the list."""
        return str(event.job)

    async def delete(
        self, history: list[HistoryItem], shown: str, event: gr.EventData
    ) -> tuple[list[HistoryItem], str, str]:
        """Delete a video for good."""
        with suppress(JobNotFoundError):
            await self.jobs.delete(event.job)
        left = library.forget(history, event.job)
        return left, library.render(left, self.jobs, self.texts), "" if shown == event.job else shown

    async def reuse(
        self,
        photo: str | None,
        is_found: bool,
        voice_seconds: float,
        duration: float,
        event: gr.EventData,
    ) -> _Updates:
        """Take over what an earlier job was asked for. Its photo and voice are gone; those on the page stay."""
        job = self.jobs.get(event.job)
        name = self.profile.find_offered(job.profile)
        steps = job.request.num_inference_steps
        priced = self.profile.price(name, is_found, voice_seconds, duration, steps)
        framed = self._framing(job, photo) | self._dialogue(job) | self.profile.show_sampling(PROFILES[name]) | priced
        if name == job.profile:
            return framed | self._sampling(job)
        note = self.texts("profile.other", name=self.texts.profile_name(job.profile))
        return framed | {self.page.profile.note: priced[self.page.profile.note] + markup.note([note], "warn")}

    def _framing(self, job: Job, photo: str | None) -> _Updates:
        part, framing = self.page.photo, job.request.framing
        speakers = write_speakers(framing.faces or (framing.face or 0,))
        return {
            part.speakers: speakers if photo else gr.skip(),
            part.wanted: NOBODY if photo else speakers,
            part.note: gr.skip() if photo else markup.note([self.texts("result.reused")], "ok"),
            part.aspect: framing.aspect,
            part.zoom: framing.zoom,
            part.shift_x: framing.shift_x,
            part.shift_y: framing.shift_y,
        }

    def _dialogue(self, job: Job) -> _Updates:
        """Take over who speaks when; the turns are used if there is one recording again."""
        part, turns = self.page.voice.dialogue, job.request.turns
        updates: _Updates = {part.asked: "", part.known: ""}
        if not job.request.speakers:
            return updates
        updates |= {part.sharing: "each" if turns is None else "all", part.order: job.request.order}
        if isinstance(turns, tuple):
            updates |= {part.asked: write_turns(turns), part.known: REUSED, part.timeline: gr.HTML("", visible=False)}
        return updates

    def _sampling(self, job: Job) -> _Updates:
        part = self.page.profile
        seed = job.result.seed if job.result else job.request.seed
        asked = {name: getattr(job.request, name) for name in part.options} | {"seed": seed}
        updates = {part.options[name]: value for name, value in asked.items() if value is not None}
        return updates | {part.random_seed: seed is None}

    def _header(self) -> str:
        return markup.header(self.texts, self._chip(), is_signed_in=is_signed_in())

    def _chip(self) -> str:
        count = self.jobs.count_statuses().get("running", 0)
        if count:
            return markup.chip(self.texts.count("chip.busy", count, count=count), "busy")
        if get_engine_spec(PROFILES[self.profile.find_offered()].model).draft:
            return markup.chip(self.texts("chip.preview_only"), "preview")
        return markup.chip(self.texts("chip.ready"), "ready")
