"""Holds an answer until it is whole, for what has to change it or its headers by what is in it."""

from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send

Finish = Callable[[MutableHeaders, bytes], bytes]
"""Takes the answer's headers, which it may change, and its body; returns the body to send."""


class HeldAnswer:
    """Takes an app's answer in place of `send`, and sends it once it is whole and finished."""

    def __init__(self, send: Send, finish: Finish) -> None:
        self._send = send
        self._finish = finish
        self._start: Message = {}
        self._body = b""

    async def __call__(self, message: Message) -> None:
        """Take a part of the answer."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        body = self._finish(MutableHeaders(scope=self._start), self._body)
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": body})
