"""The press of Preview or Generate: a job, or what is missing, said beside the widget it is about."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from app.errors import BudgetError, QueueFullError, ServerStoppingError, StorageError
from app.jobs import Jobs
from app.ui import library, markup, status_card, words
from app.ui.caller import find_caller
from app.ui.form import Form
from app.ui.layout import Page
from app.ui.library import Entry
from app.ui.profile import FREE_PROFILE
from app.ui.texts import Texts
from pipeline.errors import EngineUnavailableError, InputError
from pipeline.notices import Notice

_Updates = dict[Any, Any]


@dataclass(frozen=True)
class StartView:
    """Answers to the buttons that start, in one language."""

    page: Page
    jobs: Jobs
    texts: Texts

    @property
    def outputs(self) -> list[Any]:
        """All that a start changes."""
        page = self.page
        notes = [page.photo.note, page.voice.note, page.profile.note]
        return [page.result.status, page.result.job_id, page.history, *notes]

    async def press_preview(self, history: list[Entry], *values: Any) -> AsyncIterator[_Updates]:  # noqa: ANN401 - any widget's
        """Start the free preview, whatever profile is chosen."""
        form = Form(*values)
        async for updates in self._start(form, FREE_PROFILE, history):
            yield updates

    async def press_generate(self, history: list[Entry], *values: Any) -> AsyncIterator[_Updates]:  # noqa: ANN401 - any widget's
        """Start the profile that is chosen."""
        form = Form(*values)
        async for updates in self._start(form, form.profile, history):
            yield updates

    async def _start(self, form: Form, profile: str, history: list[Entry]) -> AsyncIterator[_Updates]:
        result = self.page.result
        if form.missing:
            yield {self._note(key): markup.note([self.texts(f"{key}.missing")], "error") for key in form.missing}
            return
        yield {result.status: status_card.sending_card(self.texts)}
        try:
            job = await self.jobs.submit(form.request(profile), find_caller())
        except InputError as error:
            yield self._refuse(error.notice)
        except EngineUnavailableError as error:
            yield self._idle() | {self.page.profile.note: self._cannot_start(profile, str(error))}
        except QueueFullError as error:
            wait = words.remaining(self.texts, error.retry_after_seconds)
            detail = self.texts("status.full.detail", time=wait)
            yield {result.status: status_card.plain_card("full", self.texts("status.full"), detail)}
        except ServerStoppingError:
            detail = self.texts("status.stopping.detail")
            yield {result.status: status_card.plain_card("failed", self.texts("status.failed"), detail)}

        except BudgetError as error:
            yield {result.status: self._refuse_price(error)}
        except StorageError:
            detail = self.texts("status.no_room.detail")
            yield {result.status: status_card.plain_card("failed", self.texts("status.failed"), detail)}
        else:
            yield {result.job_id: job.id, self.page.history: library.remember(history, job.id)}

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

    def _cannot_start(self, profile: str, reason: str) -> str:
        name = self.texts(f"profile.name.{profile}")
        return markup.note([self.texts("profile.cannot_start", name=name, reason=self.texts.reason(reason))], "error")
