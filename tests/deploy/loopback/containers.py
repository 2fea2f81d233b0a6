"""Containers: a process of Modal's own entrypoint for each function that has work."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from google.protobuf.empty_pb2 import Empty
from modal_proto import api_pb2 as pb

from tests.deploy.loopback.forks import ENTRYPOINT, Fork, Forks
from tests.deploy.loopback.wire import unary

TASK_HEADER = "x-loopback-task"


@dataclass(frozen=True)
class Task:
    task_id: str
    process: subprocess.Popen[bytes] | Fork


class Containers:
    def __init__(self, root: Path, environment: dict[str, str], log: Path) -> None:
        self.root, self.environment, self.log = root, environment, log
        self.tasks: dict[str, Task] = {}
        self.num_started: dict[str, int] = {}
        self.address = ""
        self.forks: Forks | None = None

    def ensure_container(self, function_id: str) -> None:
        task = self.tasks.get(function_id)
        if task is None or task.process.poll() is not None:
            self._start(function_id)

    def _start(self, function_id: str) -> None:
        task_id = self.new_id("ta")
        base_id, parameters = self.bases.get(function_id, (function_id, b""))
        definition = self.definitions[base_id].ranked_functions[0].function
        app_id = self.handles[base_id].app_id
        arguments = pb.ContainerArguments(
            checkpoint_id="ch-1",
            task_id=task_id,
            function_id=function_id,
            app_id=app_id,
            function_def=definition,
            serialized_params=parameters,
            app_layout=self._layout_of_container(app_id, function_id),
            environment_name="main",
        )
        with tempfile.NamedTemporaryFile(delete=False, suffix=".pb") as file:
            file.write(arguments.SerializeToString())
        environment = self._environment(task_id, file.name, definition.secret_ids)
        is_web = definition.webhook_config.type != pb.WEBHOOK_TYPE_UNSPECIFIED
        process = self._execute(environment) if self.forks is None or is_web else self.forks.start(environment)
        self.tasks[function_id] = Task(task_id, process)
        self.num_started[base_id] = self.num_started.get(base_id, 0) + 1

    def _execute(self, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", ENTRYPOINT], env=environment, cwd=self.root, stdout=log, stderr=log
            )

    def _layout_of_container(self, app_id: str, function_id: str) -> pb.AppLayout:
        layout = pb.AppLayout()
        layout.CopyFrom(self.apps[app_id])
        known = {one.object_id for one in layout.objects}
        for one in (function_id, *layout.function_ids.values()):
            for dependency in self.definitions[one].ranked_functions[0].function.object_dependencies:
                if dependency.object_id not in known:
                    known.add(dependency.object_id)
                    layout.objects.append(self._object_metadata(dependency.object_id))
        return layout

    def _object_metadata(self, object_id: str) -> pb.Object:
        if object_id.startswith("vo-"):
            return pb.Object(object_id=object_id, volume_metadata=pb.VolumeMetadata(version=1))
        return pb.Object(object_id=object_id)

    def _environment(self, task_id: str, arguments: str, secret_ids) -> dict[str, str]:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("MODAL_TOKEN")}
        environment |= {
            "MODAL_SERVER_URL": self.address,
            "MODAL_TASK_ID": task_id,
            "MODAL_IS_REMOTE": "1",
            "MODAL_CONTAINER_ARGUMENTS_PATH": arguments,
            "MODAL_OVERRIDE_HEADERS": f"{TASK_HEADER}:{task_id}",
            "PYTHONPATH": str(self.root),
            **self.environment,
        }
        for secret_id in secret_ids:
            environment |= self.secret_values.get(secret_id, {})
        return environment

    async def watch(self) -> None:
        """Give the work of containers that are gone to new ones."""
        while True:
            await asyncio.sleep(0.05)
            for function_id, task in list(self.tasks.items()):
                if task.process.poll() is not None:
                    self.return_inputs(task.task_id)
                    if self.waiting[function_id]:
                        self.ensure_container(function_id)

    def stop_app(self, app_id: str) -> None:
        """End the containers of an app that lives only while its command runs."""
        for function_id, task in self.tasks.items():
            if self.handles[function_id].app_id == app_id and task.process.poll() is None:
                task.process.kill()

    def stop_containers(self) -> None:
        running = [task.process for task in self.tasks.values() if task.process.poll() is None]
        for process in running:
            process.send_signal(signal.SIGINT)
        for process in running:
            try:
                process.wait(5)
            except (subprocess.TimeoutExpired, psutil.TimeoutExpired):
                process.kill()
                process.wait()

    @unary
    def ContainerHello(self, request):
        return Empty()

    async def ContainerHeartbeat(self, stream):
        task_id, end = stream.metadata.get(TASK_HEADER), time.monotonic() + 14
        await stream.recv_message()
        while time.monotonic() < end:
            if input_ids := self.cancellations.pop(task_id, None):
                event = pb.CancelInputEvent(input_ids=input_ids)
                await stream.send_message(pb.ContainerHeartbeatResponse(cancel_input_event=event))
                return
            await asyncio.sleep(0.05)
        await stream.send_message(pb.ContainerHeartbeatResponse())

    async def TaskResult(self, stream):
        request = await stream.recv_message()
        self._fail_function(stream.metadata.get(TASK_HEADER), request.result)
        await stream.send_message(Empty())

    def _fail_function(self, task_id: str | None, result: pb.GenericResult) -> None:
        """A container that could not start fails what it was started for; of a deployed app, it is begun again."""
        deployed = set(self.deployed.values())
        functions = {function_id for function_id, task in self.tasks.items() if task.task_id == task_id}
        for call in self.calls.values():
            if call.function_id in functions and self.handles[call.function_id].app_id not in deployed:
                for input_id in call.items:
                    call.finish(input_id, result)

    @unary
    def ContainerCheckpoint(self, request):
        return Empty()
