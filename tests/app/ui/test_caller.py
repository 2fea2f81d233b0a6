"""Who is behind an event."""

import gradio as gr
import pytest
from gradio.context import LocalContext
from starlette.requests import Request

from app.callers import Caller
from app.ui.caller import NOBODY, find_caller


@pytest.mark.parametrize(("address", "client"), [(("203.0.113.7", 5000), "203.0.113.7"), (None, "unknown")])
def test_the_client_of_an_event_is_that_of_its_request(address: tuple[str, int] | None, client: str) -> None:
    request = gr.Request(Request({"type": "http", "headers": [], "client": address}))
    token = LocalContext.request.set(request)
    try:
        assert find_caller() == Caller(client)
    finally:
        LocalContext.request.reset(token)


def test_who_is_not_known_owns_nothing() -> None:
    assert find_caller() == Caller(key_id=NOBODY)
