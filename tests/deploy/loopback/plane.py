"""The control plane as a whole, served on the loopback from a thread of its own."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpclib.server
import uvicorn
from aiohttp import web
from modal._serialization import deserialize, serialize, serialize_data_format
from modal._utils.grpc_testing import patch_mock_servicer
from modal._utils.grpc_utils import custom_detail_codec
from modal_proto import api_grpc
from modal_proto import api_pb2 as pb

from tests.deploy.loopback.calls import POLL_SECONDS, Calls
from tests.deploy.loopback.containers import Containers
from tests.deploy.loopback.declared import Declared, declared
from tests.deploy.loopback.edge import Edge
from tests.deploy.loopback.functions import Functions
from tests.deploy.loopback.objects import Objects


@patch_mock_servicer
class ControlPlane(Objects, Functions, Calls, Containers, api_grpc.ModalClientBase):
    def __init__(self, root: Path, environment: dict[str, str], log: Path) -> None:
        Objects.__init__(self)
        Functions.__init__(self)
        Calls.__init__(self)
        Containers.__init__(self, root, environment, log)
        self.redirect_seconds = 150.0


class Loopback:
    """What a test does with the control plane: run commands, call the web function, kill containers."""

    def __init__(self, root: Path, environment: dict[str, str], log: Path) -> None:
        self.plane = ControlPlane(root, environment, log)
        self.loop = asyncio.new_event_loop()
        self.ready, self.done = threading.Event(), asyncio.Event()

    def modal(self, *arguments: str, check: bool = True, **environment: str) -> str:
        """Run a `modal` command as a person would; returns what it printed."""
        process = subprocess.run(
            [sys.executable, "-m", "modal", *arguments],
            env=self._client_environment() | environment,
            cwd=self.plane.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=240,
            check=False,
        )
        printed = process.stdout.decode()
        assert (process.returncode == 0) == check, printed
        return printed

    def _client_environment(self) -> dict[str, str]:
        return {
            **os.environ,
            **self.plane.environment,
            "MODAL_SERVER_URL": self.plane.address,
            "MODAL_TOKEN_ID": "ak-test",
            "MODAL_TOKEN_SECRET": "as-test",
            "MODAL_CONFIG_PATH": os.devnull,
            "COLUMNS": "200",
        }

    def declared(self) -> dict[str, Declared]:
        return declared(self.plane)

    def call(self, name: str) -> None:
        """Call a function of the app that was deployed last, as its schedule does, and wait for the end."""
        asyncio.run_coroutine_threadsafe(self._call(name), self.loop).result(60)

    async def _call(self, name: str) -> None:
        call_id = self.plane.start_call(self.function_id(name), pb.FUNCTION_CALL_INVOCATION_TYPE_SYNC)
        arguments = serialize_data_format(((), {}), pb.DATA_FORMAT_PICKLE)
        item = pb.FunctionInput(args=arguments, data_format=pb.DATA_FORMAT_PICKLE)
        self.plane.put_input(call_id, pb.FunctionPutInputsItem(idx=0, input=item))
        while not (outputs := self.plane.calls[call_id].outputs):
            await asyncio.sleep(POLL_SECONDS)
        assert outputs[0].result.status == pb.GenericResult.GENERIC_STATUS_SUCCESS, outputs[0].result.traceback

    def function_id(self, name: str) -> str:
        """The function of the app that was deployed last, by the name that it was declared with."""
        app_id = list(self.plane.deployed.values())[-1]
        return self.plane.apps[app_id].function_ids[name]

    def pid(self, name: str) -> int:
        """The process of the function's container."""
        return self.plane.tasks[self.function_id(name)].process.pid

    def kill(self, name: str) -> None:
        """End the function's container at once, if it has one, as a crash or a preemption does."""
        if task := self.plane.tasks.get(self.function_id(name)):
            task.process.send_signal(signal.SIGKILL)
            task.process.wait()

    def count_unfinished(self, name: str) -> int:
        """Return how many of the function's calls run or wait."""
        calls = [call for call in self.plane.calls.values() if call.function_id == self.function_id(name)]
        return sum(call.unfinished for call in calls)

    def read_note(self, key: str) -> object:
        """Return what one of the dicts has under the key."""
        packed = serialize(key)
        (value,) = (values[packed] for values in self.plane.dicts.values() if packed in values)
        return deserialize(value, None)

    def forget_notes(self) -> None:
        """Empty all dicts."""
        self.plane.dicts.clear()

    def expire_calls(self, name: str) -> None:
        """Forget what the function's calls answered or will answer, as Modal does after a week."""
        for call in self.plane.calls.values():
            if call.function_id == self.function_id(name):
                call.expired = True

    @contextmanager
    def serve_web(self, app_name: str, function: str) -> Iterator[str]:
        """Serve the deployed app's web function; yields its URL."""
        layout = self.plane.apps[self.plane.deployed[app_name]]
        config = uvicorn.Config(
            Edge(self.plane, layout.function_ids[function]), port=0, log_level="error", lifespan="off"
        )
        server = uvicorn.Server(config)
        serving = asyncio.run_coroutine_threadsafe(self._serve(server), self.loop)
        while not server.started:
            if serving.done():
                serving.result()
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        serving.result(10)

    async def _serve(self, server: uvicorn.Server) -> None:
        config = server.config
        config.load()
        server.lifespan = config.lifespan_class(config)
        await server.startup()
        await server.main_loop()
        await server.shutdown()

    # The thread

    @contextmanager
    def running(self) -> Iterator["Loopback"]:
        thread = threading.Thread(target=self.loop.run_until_complete, args=(self._run(),))
        thread.start()
        self.ready.wait()
        try:
            yield self
        finally:
            self.loop.call_soon_threadsafe(self.done.set)
            thread.join()
            self.loop.close()

    async def _run(self) -> None:
        server = grpclib.server.Server([self.plane], status_details_codec=custom_detail_codec)
        await server.start(host="127.0.0.1", port=0)
        self.plane.address = f"http://127.0.0.1:{server._server.sockets[0].getsockname()[1]}"
        blobs = await self._serve_blobs()
        watching = asyncio.create_task(self.plane.watch())
        self.ready.set()
        await self.done.wait()
        watching.cancel()
        await asyncio.to_thread(self.plane.stop_containers)
        await blobs.cleanup()
        server.close()
        await server.wait_closed()

    async def _serve_blobs(self) -> web.AppRunner:
        application = web.Application(client_max_size=1 << 30)
        application.router.add_route("*", "/{blob}", self.plane.serve_blob)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.plane.blob_url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
        return runner
