"""How long a client wants to wait for an answer (RFC 7240), and when it should ask again."""

import math
import re
from typing import Annotated

from fastapi import Depends, Header, Request

from app.errors import ServerStoppingError
from app.jobs import Job, Jobs
from app.routes.dependencies import SettingsOfApp
from app.routes.presence import while_present

_WAIT = re.compile(r'(?:^|[,;])\s*wait\s*=\s*"?(?P<seconds>\d{1,6})"?\s*(?=[,;]|$)', re.ASCII | re.IGNORECASE)
_LONGEST_PAUSE = 30

_Prefer = Annotated[
    str | None,
    Header(
        alias="Prefer",
        description="`wait=N`: answer when the job has ended, or after N seconds, at most the server's request limit.",
        examples=["wait=60"],
    ),
]


def _find_seconds(settings: SettingsOfApp, prefer: _Prefer = None) -> int | None:
    """Return for how many seconds the client prefers to wait; None if it does not say so that it is understood."""
    match = _WAIT.search(prefer or "")
    return min(int(match["seconds"]), int(settings.request_limit_seconds)) if match else None


PreferredSeconds = Annotated[int | None, Depends(_find_seconds)]


async def wait_for_end(request: Request, jobs: Jobs, job: Job, seconds: int | None) -> Job:
    """Return the job once it has ended, or as it is after these seconds, or when the server stops.

    Args:
        request: Its body has been read.
        jobs: Have the job.
        job: What to wait for.
        seconds: None does not wait.

    Raises:
        ClientDisconnect: The client has gone.
    """
    if not seconds or job.has_ended:
        return job
    try:
        return await while_present(request, jobs.wait(job.id, seconds))
    except (TimeoutError, ServerStoppingError):
        return jobs.get(job.id)


def find_headers(job: Job, seconds: int | None) -> dict[str, str]:
    """Return what to say of the waiting: that it was understood, and when to ask again.

    Args:
        job: As it is answered.
        seconds: What the client prefers; None if it did not say.
    """
    headers = {} if seconds is None else {"Preference-Applied": f"wait={seconds}"}
    return headers if job.has_ended else headers | {"Retry-After": str(_find_pause(job))}


def _find_pause(job: Job) -> int:
    """Return the seconds until it is worth asking again."""
    return max(1, min(math.ceil(job.eta_seconds or 0), _LONGEST_PAUSE))
