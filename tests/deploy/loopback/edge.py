"""The HTTP edge: an HTTP request becomes an input of the web function, in Modal's own wire format."""

import asyncio

from modal._serialization import deserialize_data_format, serialize_data_format
from modal_proto import api_pb2 as pb

SCOPE = ("type", "http_version", "method", "scheme", "path", "query_string", "headers", "client")


class Edge:
    """An ASGI application that answers with what the web function answers."""

    def __init__(self, plane, function_id: str) -> None:
        self.plane, self.function_id = plane, function_id

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            return
        call_id = self._call({key: scope[key] for key in SCOPE if key in scope})
        pump = asyncio.create_task(self._pump(call_id, receive))
        try:
            await self._answer(call_id, send)
        finally:
            pump.cancel()
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

    async def _answer(self, call_id: str, send) -> None:
        sent = 0
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
            await asyncio.sleep(0.005)

    async def _fail(self, call_id: str, send, *, started: bool) -> None:
        if not started:
            body = self.plane.calls[call_id].outputs[0].result.exception.encode()
            await send({"type": "http.response.start", "status": 500, "headers": []})
            await send({"type": "http.response.body", "body": body})
