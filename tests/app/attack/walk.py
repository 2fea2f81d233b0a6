"""Walks through all events and all of Gradio's routes."""

import asyncio
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import gradio as gr
import httpx
from gradio.routes import App
from starlette.routing import Route

from tests.app.attack.targets import SECRET, Target, wrap

PAGES = ("", "/de")
_SESSION = "attacker"
_LEAKS = (SECRET, b"root:x:0:0", b"VIDEO_LAB_DATA_DIR=", b'"status": "healthy"', b"create_app")
REFUSED = frozenset({400, 403, 404, 405, 413, 415, 422})


@dataclass(frozen=True)
class Attempt:
    """What was tried.

    Attributes:
        what: Route or event.
        aim: What was asked for.
        status: Of the answer.
        leaked: Whether something that must not be read stands in the answer.
    """

    what: str
    aim: str
    status: int
    leaked: bool

    @property
    def succeeded(self) -> bool:
        """Whether something was let in or out."""
        return self.leaked or self.status not in REFUSED


def attack_events(client: httpx.Client, targets: list[Target], page: str = "") -> Iterator[Attempt]:
    """Name each target in the inputs of each event, private ones too, by each way that runs events."""
    for event in find_events(client, page):
        for number, target in enumerate(targets):
            for shape, value in _shape(target):
                for route in ("queue/join", "run/predict", f"call/{event['api_name']}"):
                    yield _attack_event(
                        client, f"{page}/gradio_api/{route}", event, number, (target.about, shape, value)
                    )


def attack_events_briefly(client: httpx.Client, targets: list[Target], page: str = "") -> Iterator[Attempt]:
    """Name each target once in the inputs of each event, in turn in each shape and by each way."""
    for event in find_events(client, page):
        for number, target in enumerate(targets):
            shape, value = list(_shape(target))[number % 3]
            route = ("queue/join", "run/predict", f"call/{event['api_name']}")[number // 3 % 3]
            yield _attack_event(client, f"{page}/gradio_api/{route}", event, number, (target.about, shape, value))


def _attack_event(
    client: httpx.Client, address: str, event: dict[str, Any], number: int, asked: tuple[str, str, Any]
) -> Attempt:
    aim, shape, value = asked
    num_inputs = len(event["inputs"])
    body = _make_body(event["id"], num_inputs, number % max(num_inputs, 1), value)
    return _note(f"{address} of {event['api_name']} ({shape})", aim, client.post(address, json=body))


def find_events(client: httpx.Client, page: str = "") -> list[dict[str, Any]]:
    """Return all events that run something here."""
    return [event for event in client.get(f"{page}/config").json()["dependencies"] if event["backend_fn"]]


def _shape(target: Target) -> Iterator[tuple[str, Any]]:
    file = wrap(target.path)
    yield "file", file
    yield "file with an address", {**file, "path": target.path, "url": target.path, "is_stream": True}
    yield "file in a list", [{"image": [file]}]


def _make_body(event: int, num_inputs: int, place: int, value: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    data: list[Any] = [None] * num_inputs
    body = {"data": data, "fn_index": event, "session_hash": _SESSION, "trigger_id": None, "event_data": None}
    if num_inputs:
        data[place] = value
    else:
        body["event_data"] = value
    return body


def attack_routes(
    client: httpx.Client, targets: list[Target], page: str = "", *, briefly: bool = False
) -> Iterator[Attempt]:
    """Ask each of Gradio's routes for each target, as it is and encoded.

    Args:
        client: Asks.
        targets: Are asked for.
        page: Whose routes.
        briefly: Asks only those for all targets that have a place for a whole path.
    """
    for route, methods in find_routes().items():
        has_places, has_path = "{" in route, ":path}" in route
        asked = targets if has_path or (has_places and not briefly) else targets[: 3 if has_places else 1]
        for target in asked:
            for path in {_fill(route, target.path), _fill(route, _encode(target.path))}:
                for method in sorted(methods):
                    answer = client.request(method, httpx.URL(f"{client.base_url}".rstrip("/") + page + path))
                    yield _note(f"{method} {page}{route}", target.about, answer)


@cache
def find_routes() -> dict[str, frozenset[str]]:
    """Return all routes that Gradio has by itself, with their methods."""
    found: dict[str, frozenset[str]] = {}
    for route in _flatten(asyncio.run(_create_app()).routes):
        found[route.path] = found.get(route.path, frozenset()) | frozenset(route.methods or ())
    return found


async def _create_app() -> App:
    """Make an app of Gradio's; it takes the running loop, and would leave one of its own open."""
    with gr.Blocks(analytics_enabled=False) as blocks:
        gr.Textbox()
    return App.create_app(blocks)


def _flatten(routes: Iterable[Any]) -> Iterator[Route]:
    for route in routes:
        if isinstance(route, Route):
            yield route
        else:
            yield from _flatten(route.original_router.routes)


def _fill(route: str, path: str) -> str:
    """Put the path where the route has a place for one, and plain values elsewhere."""
    *others, last = re.split(r"{[^}]*}", route) if "{" in route else (route,)
    filled = "x".join(others) + path.replace("\0", "%00") + last if others else last
    return filled[:2000]


def _encode(path: str) -> str:
    return "".join(f"%{byte:02x}" for byte in path.encode())


def _note(what: str, aim: str, answer: httpx.Response) -> Attempt:
    return Attempt(what, aim, answer.status_code, any(leak in answer.content for leak in _LEAKS))
