"""The press of Preview or Generate: a job, or what is missing, said beside the widget it is about."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.errors import AppError, BudgetError, LimitError, QueueFullError
from app.jobs import Job, Jobs
from app.ui import library, markup, status_card, words
from app.ui.caller import find_caller, find_filing
from app.ui.examples import is_example
from app.ui.form import Form, read_form
from app.ui.layout import Page
from app.ui.library import HistoryItem
from app.ui.reasons import explain
from app.ui.sent import Sent
from app.ui.texts import Texts
from pipeline.engines import FREE_PROFILES
from pipeline.errors import EngineUnavailableError, InputError
from pipeline.notices import Notice
from pipeline.request import VOICE_ROLES, Role

_MOST_AT_ONCE = 8
_OF_VOICES = {"speakers.no_voice", "speakers.no_turns", "speakers.some_voices", "speakers.too_long"}
"""What is said of the speakers, and is about their voices, not their faces."""
_Updates = dict[Any, Any]


@dataclass(frozen=True)
class StartView:
    """Answers to the buttons that start, in one language."""

    page: Page
    jobs: Jobs
    sent: Sent
    texts: Texts

    @property
    def outputs(self) -> list[Any]:
        """All that a start changes."""
        page = self.page
        dialogue = page.voice.dialogue
        voices = [page.voice.one.note, *(own.note for own in dialogue.own), dialogue.note]
        notes = [page.photo.note, *voices, page.profile.note, page.action.consent_note]
        return [page.result.status, page.result.job_id, page.history, page.library, *notes]

    async def press_preview(self, history: list[HistoryItem], token: str, *values: Any) -> AsyncIterator[_Updates]:  # noqa: ANN401 - any widget's
        """Start the free preview, whatever profile is chosen."""
        form = read_form(self.page, values)
        async for updates in self._start(form, FREE_PROFILES[0], history, token):
            yield updates

    async def press_generate(self, history: list[HistoryItem], token: str, *values: Any) -> AsyncIterator[_Updates]:  # noqa: ANN401 - any widget's
        """Start the profile that is chosen."""
        form = read_form(self.page, values)
        async for updates in self._start(form, form.profile, history, token):
            yield updates

    async def find_sent(self, history: list[HistoryItem], tokens: str, shown: str) -> _Updates:
        """Find what this browser has sent when it left before the answer came.

        Args:
            history: This device's videos.
            tokens: Of what was sent, with commas between them.
            shown: The job that is on the page.
        """
        updates: _Updates = {self.page.history: gr.skip()}
        for token in tokens.split(",")[:_MOST_AT_ONCE]:
            if task := self.sent.find(token):
                updates |= await self._answer(task, history)
                history = updates.get(self.page.history, history)
        return updates | ({self.page.result.job_id: shown} if shown else {})

    async def _start(self, form: Form, profile: str, history: list[HistoryItem], token: str) -> AsyncIterator[_Updates]:
        if form.missing:
            yield {self._note(role): markup.note([self._ask_for(role, form)], "error") for role in form.missing}
            return
        if not await self._may_use(form):
            yield {self.page.action.consent_note: markup.note([self.texts("consent.first")], "error")}
            return
        try:
            request = form.request(profile)
        except InputError as error:
            yield self._explain(error)
            return
        sending = status_card.sending_card(self.texts)
        yield {self.page.result.status: sending, self.page.action.consent_note: ""}
        submission = self.jobs.submit(request, form.inputs, find_caller().turn, find_filing())
        yield await self._answer(self.sent.send(token, submission), history)

    async def _may_use(self, form: Form) -> bool:
        """Whether nobody has to be asked for consent any more."""
        is_answered = form.is_agreed or not self.page.action.consent.visible
        return is_answered or await asyncio.to_thread(is_example, form.inputs)

    def _ask_for(self, role: Role, form: Form) -> str:
        if role in VOICE_ROLES:
            return self.texts("voices.missing", number=form.speakers[VOICE_ROLES.index(role)] + 1)
        return self.texts("photo.missing" if role == "image" else "voice.missing")

    async def _answer(self, submission: asyncio.Task[Job], history: list[HistoryItem]) -> _Updates:
        try:
            job = await asyncio.shield(submission)
        except (InputError, EngineUnavailableError, AppError) as error:
            return self._explain(error)
        mine = library.remember(history, job.id)
        shown = library.render(mine, self.jobs, self.texts)
        return {self.page.result.job_id: job.id, self.page.history: mine, self.page.library: shown}

    def _explain(self, error: InputError | EngineUnavailableError | AppError) -> _Updates:
        match error:
            case InputError():
                return self._refuse(error.notice)
            case EngineUnavailableError():
                return self._idle() | {self.page.profile.note: self._cannot_start(str(error))}
            case BudgetError():
                card = self._refuse_price(error)
            case LimitError():
                card = status_card.plain_card("full", self.texts("status.limit"), explain(error, self.texts))
            case QueueFullError():
                card = status_card.plain_card("full", self.texts("status.full"), explain(error, self.texts))
            case _:
                card = status_card.plain_card("failed", self.texts("status.failed"), explain(error, self.texts))
        return {self.page.result.status: card}

    def _refuse(self, notice: Notice) -> _Updates:
        sentence = self.texts.notice(notice)
        if notice.about == "request":
            card = status_card.plain_card("failed", self.texts("status.failed"), sentence)
            return {self.page.result.status: card}
        place = notice.values.get("speaker")
        about = VOICE_ROLES[place] if notice.about == "speakers" and isinstance(place, int) else notice.about
        about = "turns" if notice.code in _OF_VOICES else about
        return self._idle() | {self._note(about): markup.note([sentence], "error")}

    def _refuse_price(self, error: BudgetError) -> str:
        seconds = error.retry_after_seconds
        key = "status.budget.never" if seconds is None else "status.budget.detail"
        detail = self.texts(key, time=words.remaining(self.texts, seconds or 0))
        return status_card.plain_card("full", self.texts("status.budget"), detail)

    def _idle(self) -> _Updates:
        return {self.page.result.status: markup.idle_card(self.texts)}

    def _note(self, about: str) -> Any:  # noqa: ANN401 - one of the notes
        page, voice = self.page, self.page.voice
        if about in VOICE_ROLES:
            return voice.dialogue.own[VOICE_ROLES.index(about)].note
        match about:
            case "image" | "face" | "crop" | "aspect" | "speakers":
                return page.photo.note
            case "audio" | "start_sec" | "max_duration_sec":
                return voice.one.note
            case "consent":
                return page.action.consent_note
            case "turns" | "order" | "num_speakers":
                return voice.dialogue.note
            case _:
                return page.profile.note

    def _cannot_start(self, reason: str) -> str:
        return markup.note([self.texts("profile.cannot_start", reason=self.texts.reason(reason))], "error")
