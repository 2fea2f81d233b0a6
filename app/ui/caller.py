"""Who is behind an event of the page or of `gradio_client`."""

from gradio.context import LocalContext

from app.access import COOKIE
from app.callers import Caller
from app.callers import find_caller as find_caller_of
from app.jobs import Filing

NOBODY = ""
"""The key of who is not known: no job belongs to it."""


def find_caller() -> Caller:
    """Return whose event is being answered."""
    request = LocalContext.request.get(None)
    if request is None or request.request is None:
        return Caller(key_id=NOBODY)
    return find_caller_of(request.request.scope)


def is_signed_in() -> bool:
    """Whether the event comes from a browser that is signed in."""
    request = LocalContext.request.get(None)
    return request is not None and COOKIE in request.cookies


def find_filing(reference: str | None = None) -> Filing:
    """Return whose a job is that the event asks for, under the name that the client gives it."""
    return Filing(owner=find_owner(), reference=reference)


def find_owner() -> str | None:
    """Return the key that the event's jobs belong to; None for whoever sees all of them."""
    return find_caller().key_id
