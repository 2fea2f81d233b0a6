"""The press of Preview or Generate: a job, or what is missing, said beside the widget it is about."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.errors import AppError, BudgetError, QueueFullError
from app.jobs import Job, Jobs
from app.ui import library, markup, status_card, words
from app.ui.caller import find_caller
from app.ui.form import Form, read_form
from app.ui.layout import Page
from app.ui.library import HistoryItem
from app.ui.reasons import explain
from app.ui.sent import Sent
from app.ui.texts import Texts
from pipeline.engines import FREE_PROFILES
from pipeline.errors import EngineUnavailableError, InputError
from pipeline.notices import Notice

_MOST_AT_ONCE = 8
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
        notes = [page.photo.note, page.voice.note, page.profile.note]
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
            yield {self._note(key): markup.note([self.texts(f"{key}.missing")], "error") for key in form.missing}
            return
        yield {self.page.result.status: status_card.sending_card(self.texts)}
        yield await self._answer(
            self.sent.send(token, self.jobs.submit(form.request(profile), form.inputs, find_caller())), history
        )

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
        return self._idle() | {self._note(notice.about): markup.note([sentence], "error")}

    def _refuse_price(self, error: BudgetError) -> str:
        seconds = error.retry_after_seconds
        key = "status.budget.never" if seconds is None else "status.budget.detail"
        detail = self.texts(key, time=words.remaining(self.texts, seconds or 0))
        return status_card.plain_card("full", self.texts("status.budget"), detail)

    def _idle(self) -> _Updates:
        return {self.page.result.status: markup.idle_card(self.texts)}

    def _note(self, about: str) -> Any:  # noqa: ANN401 - one of the notes
        page = self.page
        match about:
            case "photo" | "image" | "face" | "crop" | "aspect":
                return page.photo.note
            case "voice" | "audio" | "start_sec" | "max_duration_sec":
                return page.voice.note
            case _:
                return page.profile.note

    def _cannot_start(self, reason: str) -> str:
        return markup.note([self.texts("profile.cannot_start", reason=self.texts.reason(reason))], "error")
