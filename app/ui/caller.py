"""Who is behind an event of the page or of `gradio_client`."""

from gradio.context import LocalContext

from app.clients import UNKNOWN, find_client


def find_caller() -> str:
    """Return the client whose event is being answered, as `app.clients` tells them apart."""
    request = LocalContext.request.get(None)
    if request is None or request.request is None:
        return UNKNOWN
    return find_client(request.request.scope)
