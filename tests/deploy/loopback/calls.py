"""Calls: what a client puts in, what a container takes out and hands back."""

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass, field

from google.protobuf.empty_pb2 import Empty
from modal_proto import api_pb2 as pb

from tests.deploy.loopback.wire import not_found, unary

POLL_SECONDS = 0.01


@dataclass
class Call:
    """One call of a function. `taken` maps inputs to the task that works on them."""

    function_id: str
    invocation: int
    items: dict[str, pb.FunctionGetInputsItem] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    outputs: dict[int, pb.FunctionPutOutputsItem] = field(default_factory=dict)
    taken: dict[str, str] = field(default_factory=dict)
    expired: bool = False

    @property
    def unfinished(self) -> int:
        return 0 if self.expired else len(self.items) - len(self.outputs)

    def finish(self, input_id: str, result: pb.GenericResult) -> None:
        self.outputs.setdefault(self.places[input_id], pb.FunctionPutOutputsItem(input_id=input_id, result=result))


class Calls:
    def __init__(self) -> None:
        self.calls: dict[str, Call] = {}
        self.waiting: dict[str, list[tuple[Call, str]]] = defaultdict(list)
        self.cancellations: dict[str, list[str]] = defaultdict(list)
        self.data_out: dict[str, list[pb.DataChunk]] = defaultdict(list)
        self.data_in: dict[str, list[pb.DataChunk]] = defaultdict(list)
        self.closed_in: set[str] = set()

    def start_call(self, function_id: str, invocation: int) -> str:
        call_id = self.new_id("fc")
        self.calls[call_id] = Call(function_id, invocation)
        return call_id

    def put_input(self, call_id: str, item: pb.FunctionPutInputsItem) -> pb.FunctionPutInputsResponseItem:
        call, input_id = self.calls[call_id], self.new_id("in")
        call.places[input_id] = item.idx
        call.items[input_id] = pb.FunctionGetInputsItem(
            input_id=input_id,
            input=item.input,
            function_call_id=call_id,
            function_call_invocation_type=call.invocation,
        )
        self.waiting[call.function_id].append((call, input_id))
        self.ensure_container(call.function_id)
        return pb.FunctionPutInputsResponseItem(idx=item.idx, input_id=input_id, input_jwt=input_id)

    def return_inputs(self, task_id: str) -> None:
        """Queue again what a container that is gone had taken and not finished, as Modal does."""
        for call in self.calls.values():
            for input_id in [key for key, task in call.taken.items() if task == task_id]:
                del call.taken[input_id]
                if call.places[input_id] not in call.outputs and not call.expired:
                    self.waiting[call.function_id].insert(0, (call, input_id))

    # The client's side

    @unary
    def FunctionMap(self, request):
        call_id = self.start_call(request.function_id, request.function_call_invocation_type)
        inputs = [self.put_input(call_id, item) for item in request.pipelined_inputs]
        return pb.FunctionMapResponse(function_call_id=call_id, pipelined_inputs=inputs, max_inputs_outstanding=1000)

    @unary
    def FunctionPutInputs(self, request):
        inputs = [self.put_input(request.function_call_id, item) for item in request.inputs]
        return pb.FunctionPutInputsResponse(inputs=inputs)

    @unary
    async def FunctionGetOutputs(self, request):
        call = self._call(request.function_call_id)
        end = time.monotonic() + request.timeout
        while call.unfinished and not call.outputs and time.monotonic() < end:
            await asyncio.sleep(POLL_SECONDS)
        outputs = [
            pb.FunctionGetOutputsItem(
                result=output.result, idx=place, input_id=output.input_id, data_format=output.data_format
            )
            for place, output in call.outputs.items()
        ]
        return pb.FunctionGetOutputsResponse(
            outputs=[] if call.expired else outputs, last_entry_id="1-0", num_unfinished_inputs=call.unfinished
        )

    def _call(self, call_id: str) -> Call:
        if call_id not in self.calls:
            raise not_found(f"no call {call_id!r}")
        return self.calls[call_id]

    @unary
    def FunctionCallFromId(self, request):
        call = self._call(request.function_call_id)
        return pb.FunctionCallFromIdResponse(function_call_id=request.function_call_id, num_inputs=len(call.items))

    @unary
    def FunctionCallCancel(self, request):
        call = self._call(request.function_call_id)
        for input_id in call.items:
            if task_id := call.taken.get(input_id):
                self.cancellations[task_id].append(input_id)
            else:
                call.finish(input_id, pb.GenericResult(status=pb.GenericResult.GENERIC_STATUS_TERMINATED))
        return Empty()

    async def FunctionCallGetDataOut(self, stream):
        request = await stream.recv_message()
        sent = request.last_index
        while True:
            for chunk in self.data_out[request.function_call_id]:
                if chunk.index <= sent:
                    continue
                sent = chunk.index
                await stream.send_message(chunk)
                if chunk.data_format == pb.DATA_FORMAT_GENERATOR_DONE:
                    return
            await asyncio.sleep(POLL_SECONDS)

    # The container's side

    @unary
    async def FunctionGetInputs(self, request):
        end = time.monotonic() + 5
        task_id = self.tasks[request.function_id].task_id
        while time.monotonic() < end:
            while self.waiting[request.function_id]:
                call, input_id = self.waiting[request.function_id].pop(0)
                if call.places[input_id] not in call.outputs:
                    call.taken[input_id] = task_id
                    return pb.FunctionGetInputsResponse(inputs=[call.items[input_id]])
            await asyncio.sleep(POLL_SECONDS)
        return pb.FunctionGetInputsResponse()

    @unary
    def FunctionPutOutputs(self, request):
        for output in request.outputs:
            for call in self.calls.values():
                if output.input_id in call.places:
                    call.outputs.setdefault(call.places[output.input_id], output)
        return Empty()

    @unary
    def FunctionCallPutDataOut(self, request):
        self.data_out[request.function_call_id] += list(request.data_chunks)
        return Empty()

    async def FunctionCallGetDataIn(self, stream):
        request = await stream.recv_message()
        call_id, sent = request.function_call_id, request.last_index
        while call_id not in self.closed_in:
            for chunk in self.data_in[call_id]:
                if chunk.index > sent:
                    sent = chunk.index
                    await stream.send_message(chunk)
            await asyncio.sleep(POLL_SECONDS)

    @unary
    def FunctionGetDynamicConcurrency(self, request):
        return pb.FunctionGetDynamicConcurrencyResponse(concurrency=request.max_concurrency)
