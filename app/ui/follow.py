"""A job on the page: followed until it ends, cancelled, opened again, used again, deleted."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from app.errors import JobNotFoundError
from app.jobs import Job, Jobs
from app.settings import Settings
from app.ui import markup, result, status_card
from app.ui.layout import Page
from app.ui.share import find_base
from app.ui.texts import Texts

_LOOK_SECONDS = 0.3
_HEARTBEAT_SECONDS = 3.0
_Updates = dict[Any, Any]


@dataclass
class Followers:
    """Which follower of each browser tab is the latest: when another video is opened, the older one stops."""

    latest: dict[str, int] = field(default_factory=dict)

    def begin(self, tab: str) -> int:
        """Make a new follower the latest of its tab and return its number."""
        self.latest[tab] = self.latest.get(tab, 0) + 1
        return self.latest[tab]

    def is_latest(self, tab: str, number: int) -> bool:
        """Whether no other was opened since."""
        return self.latest.get(tab) == number

    def end(self, tab: str, number: int) -> None:
        """Forget the tab with its latest follower."""
        if self.is_latest(tab, number):
            del self.latest[tab]


@dataclass(frozen=True)
class FollowView:
    """Answers about one job, in one language."""

    page: Page
    jobs: Jobs
    settings: Settings
    texts: Texts
    followers: Followers

    @property
    def outputs(self) -> list[Any]:
        """All that a job changes while it runs."""
        part, action = self.page.result, self.page.action
        return [part.status, part.video, action.preview, action.generate, action.cancel]

    async def follow(self, job_id: str, request: gr.Request) -> AsyncIterator[_Updates]:
        """Show the job until it has ended. A page that was closed or lost its connection just begins again."""
        assert request.request is not None
        tab = request.session_hash or ""
        number = self.followers.begin(tab)
        try:
            async for updates in self._show_all(job_id, find_base(request.request, self.settings)):
                if not self.followers.is_latest(tab, number):
                    return
                yield updates
        finally:
            self.followers.end(tab, number)

    async def press_cancel(self, job_id: str) -> None:
        """End the job; its follower shows that it did."""
        with suppress(JobNotFoundError):
            await self.jobs.cancel(job_id)

    async def _show_all(self, job_id: str, base: str) -> AsyncIterator[_Updates]:
        if not job_id:
            yield self._show_nothing(markup.idle_card(self.texts))
            return
        try:
            self.jobs.get(job_id)
        except JobNotFoundError:
            gone = status_card.plain_card("gone", self.texts("status.gone"), self.texts("status.gone.detail"))
            yield self._show_nothing(gone)
            return
        async for updates in self._show_running(job_id):
            yield updates
        yield self._show_end(self.jobs.get(job_id), base)

    async def _show_running(self, job_id: str) -> AsyncIterator[_Updates]:
        begin = self._show_buttons(is_running=True) | {self.page.result.video: result.render_waiting(self.texts)}
        async for job in _watch(self.jobs, job_id):
            yield {self.page.result.status: status_card.render(job, self.texts)} | begin
            begin = {}

    def _show_end(self, job: Job, base: str) -> _Updates:
        card = status_card.render(job, self.texts)
        if job.status != "done":
            return self._show_nothing(card)
        part = self.page.result
        return self._show_buttons(is_running=False) | {
            part.status: card,
            part.video: result.render(job, self.texts, base),
        }

    def _show_nothing(self, card: str) -> _Updates:
        part = self.page.result
        return self._show_buttons(is_running=False) | {
            part.status: card,
            part.video: markup.empty_stage(self.texts),
        }

    def _show_buttons(self, *, is_running: bool) -> _Updates:
        action = self.page.action
        return {
            action.preview: gr.Button(visible=not is_running),
            action.generate: gr.Button(visible=not is_running),
            action.cancel: gr.Button(visible=is_running),
        }


async def _watch(jobs: Jobs, job_id: str) -> AsyncIterator[Job]:
    """Yield the job whenever it has changed, and every few seconds, so that the page knows that it is still heard."""
    last, told_at = None, 0.0
    while not (job := jobs.get(job_id)).has_ended:
        state = (job.status, job.progress, job.position, job.num_live_segments)
        if state != last or time.monotonic() - told_at > _HEARTBEAT_SECONDS:
            last, told_at = state, time.monotonic()
            yield job
        await asyncio.sleep(_LOOK_SECONDS)
