"""The app, asked with patience.

A sentence counts as the app's own only where it comes as problem+json: what a proxy, a hotel's network or a platform
says while the app is away tells nothing of jobs.
"""

import math
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx

_TIMEOUT = httpx.Timeout(120, connect=20)
_PROBLEM = "application/problem+json"
_TYPE = "urn:video-lab:problem:"
_LONGEST_PAUSE = 30.0
_LATER = frozenset({429, 503})
_FOR_GOOD = frozenset({400, 404, 409, 410, 413, 415, 422, 429, 451})
_PASSING = frozenset({"still-taken", "stalled"})
_UNAVAILABLE = "unavailable-here"


class RefusedError(Exception):
    """The app refuses a request for good, and made nothing of it.

    Attributes:
        name: Of the problem's type.
        field: What of the request it is about; "" if nothing.
    """

    def __init__(self, name: str, reason: str, field: str = "") -> None:
        self.name, self.field = name, field
        super().__init__(reason)


class LaterError(Exception):
    """The app says when to come again.

    Attributes:
        seconds: Until then.
    """

    def __init__(self, seconds: float, reason: str) -> None:
        self.seconds = seconds
        super().__init__(reason)


class StoppedError(Exception):
    """Nobody can tell what became of a request, or it cannot be made now: nothing is given up, and nothing goes on."""


class NotLetInError(StoppedError):
    """The app wants a key, or another one."""


class _BrokenError(Exception):
    """An answer is missing, broken, or not the app's; the same request may get another one."""


class Server:
    """The app.

    Args:
        url: Where it is.
        key: None asks without one.
        patience_seconds: For how long the same is asked again of a server that is out of reach or broken.
    """

    def __init__(self, url: str, key: str | None, patience_seconds: float) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(base_url=url, headers=headers, timeout=_TIMEOUT)
        self._patience_seconds = patience_seconds

    def ask(self, method: str, path: str, **about: Any) -> dict[str, Any]:  # noqa: ANN401 - as httpx takes them
        """Return the answer's JSON, {} where it has none.

        Raises:
            RefusedError: The app refuses.
            LaterError: It says when to come again.
            StoppedError: It stays out of reach, or lets nobody in.
        """
        for attempt in self._attempts():
            with attempt:
                answer = self._client.request(method, path, **about)
                _check(answer)
                return _read(answer)
            for content in about.get("files", {}).values():
                content[1].seek(0)
        raise AssertionError  # the last attempt returns or raises

    def find_key(self) -> str | None:
        """Return the id of the key that asks; None without one."""
        key_id = self.ask("GET", "/usage").get("key")
        return None if key_id is None else str(key_id)

    def has_upload(self, upload_id: str) -> bool:
        """Whether an upload is still there."""
        try:
            self.ask("GET", f"/uploads/{upload_id}")
        except RefusedError:
            return False
        return True

    def fetch(self, path: str, target: Path) -> None:
        """Fetch a video; it is there once it is whole.

        Raises:
            RefusedError: There is none.
            LaterError: The app says when to come again.
            StoppedError: It does not arrive whole.
        """
        partial = target.with_name(f"{target.name}.part")
        for attempt in self._attempts():
            with attempt:
                self._receive(path, partial)
                partial.replace(target)
                return

    def _receive(self, path: str, partial: Path) -> None:
        # A range is asked for as its answer tells the whole length even where a proxy leaves out Content-Length.
        with self._client.stream("GET", path, headers={"Range": "bytes=0-", "Accept-Encoding": "identity"}) as answer:
            if not answer.is_success:
                answer.read()
            _check(answer)
            if not answer.headers.get("content-type", "").startswith("video/"):
                raise _BrokenError("something else came instead of the video")
            with partial.open("wb") as file:
                for piece in answer.iter_bytes():
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
        whole = answer.headers.get("content-range", "").rpartition("/")[2] or answer.headers.get("content-length", "")
        if "content-encoding" not in answer.headers and whole.isdigit() and partial.stat().st_size != int(whole):
            raise _BrokenError("the video did not arrive whole")

    def _attempts(self) -> Iterator[AbstractContextManager[None, bool | None]]:
        """Yield contexts that swallow what may pass, until patience ends."""
        ends_at, pause = time.monotonic() + self._patience_seconds, 0.5
        while True:
            is_last = time.monotonic() + pause > ends_at
            yield _attempt(is_last=is_last)
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


@contextmanager
def _attempt(*, is_last: bool) -> Iterator[None]:
    try:
        yield
    except (httpx.RequestError, _BrokenError) as error:
        if is_last:
            raise StoppedError(f"The server cannot be used: {error or type(error).__name__}.") from None


def _check(answer: httpx.Response) -> None:
    """Raise what an answer that is no success means."""
    if answer.is_success:
        return
    status, wait = answer.status_code, _find_wait(answer)
    if status in _LATER and wait is not None:
        raise LaterError(wait, _explain(answer))
    is_own = answer.headers.get("content-type", "").startswith(_PROBLEM)
    name = _find_name(answer) if is_own else ""
    if is_own and name not in _PASSING and (status in _FOR_GOOD or name == _UNAVAILABLE):
        raise RefusedError(name, _explain(answer), str(answer.json().get("field") or ""))
    if answer.is_redirect:
        raise StoppedError(f"The server sends to {answer.headers.get('location', '')[:200]}. Give the app's own URL.")
    if status in {401, 403}:
        raise NotLetInError(_explain(answer))
    raise _BrokenError(_explain(answer))


def _read(answer: httpx.Response) -> dict[str, Any]:
    if not answer.content:
        return {}
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _BrokenError("something that is not the app answers")
    return found


def _find_name(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["type"]).removeprefix(_TYPE)
    except (ValueError, KeyError, TypeError):
        return ""


def _explain(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status_code}"


def _find_wait(answer: httpx.Response) -> float | None:
    """Return the seconds that `Retry-After` says, as a number or a date; None if it says nothing."""
    said = answer.headers.get("retry-after", "")
    try:
        seconds = float(said)
    except ValueError:
        try:
            moment = parsedate_to_datetime(said)
            seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
        except ValueError:
            return None
    return max(1.0, seconds) if math.isfinite(seconds) else None
