"""Videos that are being sent: whoever leaves the page meanwhile finds them when he is back."""

import asyncio
import re
from collections.abc import Coroutine
from typing import Any

from app.jobs import Job

_TOKEN = re.compile(r"[0-9a-f]{32}")
_MOST = 1000


class Sent:
    """Keeps what browsers have sent, by the token that each has made before, of 128 random bits.

    Sending goes on by itself: Gradio ends an event with the connection of its page.
    """

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[Job]] = {}

    def send(self, token: str, submission: Coroutine[Any, Any, Job]) -> asyncio.Task[Job]:
        """Begin to send; what was sent with the same token before is not sent twice.

        Args:
            token: Of the browser; one that is none keeps nothing.
            submission: Of the job.
        """
        if known := self._tasks.get(token):
            submission.close()
            return known
        task = asyncio.create_task(submission)
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # nobody may be there to ask
        if _TOKEN.fullmatch(token):
            self._tasks[token] = task
            while len(self._tasks) > _MOST:
                self._tasks.pop(next(iter(self._tasks)))
        return task

    def find(self, token: str) -> asyncio.Task[Job] | None:
        """Return what was sent with the token."""
        return self._tasks.get(token)
