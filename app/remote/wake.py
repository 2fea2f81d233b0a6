"""A GPU that is woken while somebody still types: loading the model hides behind it."""

import logging
import time
from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import BudgetError

_PATHS = frozenset({"/face-crop", "/uploads", "/gradio_api/upload"})
"""Where a photo or a voice comes before its job does."""

_SECONDS_BETWEEN = 600.0
_log = logging.getLogger(__name__)


class Waker:
    """Wakes a GPU where it may, though neither often nor beyond the day's money."""

    def __init__(
        self,
        wake: Callable[[], Awaitable[object]],
        reserve: Callable[[str], None],
        may_wake: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Wake nothing yet.

        Args:
            wake: Starts a container that gives itself back when no job comes: nothing has to be undone.
            reserve: Reserves what that costs under a name; raises `BudgetError` if it may not be spent.
            may_wake: Whether there is reason to: no run is under way, and strangers are kept out.
            clock: Returns seconds.
        """
        self._wake = wake
        self._reserve = reserve
        self._may_wake = may_wake
        self._clock = clock
        self._last = -_SECONDS_BETWEEN

    async def expect_job(self) -> None:
        """Take note that somebody has sent a photo or a voice."""
        now = self._clock()
        if now - self._last < _SECONDS_BETWEEN:
            return
        try:
            if not self._may_wake():
                return
            self._last = now
            self._reserve(f"wake-{time.time_ns()}")
            await self._wake()
        except BudgetError:
            _log.info("No GPU was woken: the day's money is spent.")
        except Exception:  # noqa: BLE001 - clouds fail in ways of their own, and the job wakes the GPU all the same
            _log.warning("No GPU could be woken.", exc_info=True)


class WakeMiddleware:
    """Expects a job of whoever has sent a photo or a voice that was taken: those who were let in, and no others."""

    def __init__(self, app: ASGIApp, waker: Waker) -> None:
        self._app = app
        self._waker = waker

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; once it is answered, wake a GPU if there was a photo or a voice in it."""
        is_taken = False

        async def watch(message: Message) -> None:
            nonlocal is_taken
            is_taken = is_taken or (message["type"] == "http.response.start" and message["status"] < 300)
            await send(message)

        is_upload = scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in _PATHS
        await self._app(scope, receive, watch if is_upload else send)
        if is_taken:
            await self._waker.expect_job()
