"""Who is behind an event."""

import gradio as gr
import pytest
from gradio.context import LocalContext
from starlette.requests import Request

from app.ui.caller import find_caller


@pytest.mark.parametrize(("address", "client"), [(("203.0.113.7", 5000), "203.0.113.7"), (None, "unknown")])
def test_the_client_of_an_event_is_that_of_its_request(address: tuple[str, int] | None, client: str) -> None:
    request = gr.Request(Request({"type": "http", "headers": [], "client": address}))
    token = LocalContext.request.set(request)
    try:
        assert find_caller() == client
    finally:
        LocalContext.request.reset(token)


def test_without_a_request_the_client_is_unknown() -> None:
    assert find_caller() == "unknown"
