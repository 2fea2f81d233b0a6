"""The HTTP edge: an HTTP request becomes an input of the web function, in Modal's own wire format.

A request that is not answered in time is answered with 303: the address goes on waiting for the same answer.
"""

import asyncio
import time
from urllib.parse import parse_qs

from modal._serialization import deserialize_data_format, serialize_data_format
from modal_proto import api_pb2 as pb

CALL = "__modal_function_call_id"
SCOPE = ("type", "http_version", "method", "scheme", "path", "query_string", "headers", "client")


class Edge:
    """An ASGI application that answers with what the web function answers."""

    def __init__(self, plane, function_id: str) -> None:
        self.plane, self.function_id = plane, function_id
        self.redirected: set[str] = set()

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            return
        if waited_for := parse_qs(scope["query_string"].decode()).get(CALL):
            await self._answer(waited_for[0], scope, send)
            return  # whoever waits again sends nothing more
        call_id = self._call({key: scope[key] for key in SCOPE if key in scope})
        pump = asyncio.create_task(self._pump(call_id, receive))
        try:
            await self._answer(call_id, scope, send)
        finally:
            pump.cancel()
            if call_id not in self.redirected:
                self.plane.closed_in.add(call_id)

    def _call(self, scope) -> str:
        call_id = self.plane.start_call(self.function_id, pb.FUNCTION_CALL_INVOCATION_TYPE_SYNC)
        arguments = serialize_data_format(((scope,), {}), pb.DATA_FORMAT_PICKLE)
        item = pb.FunctionInput(args=arguments, data_format=pb.DATA_FORMAT_PICKLE)
        self.plane.put_input(call_id, pb.FunctionPutInputsItem(idx=0, input=item))
        return call_id

    async def _pump(self, call_id: str, receive) -> None:
        index = 0
        while True:
            message = await receive()
            index += 1
            data = serialize_data_format(message, pb.DATA_FORMAT_ASGI)
            chunk = pb.DataChunk(data_format=pb.DATA_FORMAT_ASGI, data=data, index=index)
            self.plane.data_in[call_id].append(chunk)
            if message["type"] == "http.disconnect":
                return

    async def _answer(self, call_id: str, scope, send) -> None:
        sent, ends_at = 0, time.monotonic() + self.plane.redirect_seconds
        while True:
            chunks = [chunk for chunk in self.plane.data_out[call_id] if chunk.index > sent]
            for chunk in chunks:
                sent = chunk.index
                if chunk.data_format == pb.DATA_FORMAT_GENERATOR_DONE:
                    return
                message = deserialize_data_format(chunk.data, pb.DATA_FORMAT_ASGI, None)
                await send(message)
                if message["type"] == "http.response.body" and not message.get("more_body"):
                    return
            if not chunks and self.plane.calls[call_id].outputs:
                await self._fail(call_id, send, started=sent > 0)
                return
            if not sent and time.monotonic() > ends_at:
                await self._redirect(call_id, scope, send)
                return
            await asyncio.sleep(0.005)

    async def _redirect(self, call_id: str, scope, send) -> None:
        self.redirected.add(call_id)
        location = f"{scope['path']}?{CALL}={call_id}".encode()
        await send({"type": "http.response.start", "status": 303, "headers": [(b"location", location)]})
        await send({"type": "http.response.body", "body": b""})

    async def _fail(self, call_id: str, send, *, started: bool) -> None:
        if not started:
            body = self.plane.calls[call_id].outputs[0].result.exception.encode()
            await send({"type": "http.response.start", "status": 500, "headers": []})
            await send({"type": "http.response.body", "body": body})
