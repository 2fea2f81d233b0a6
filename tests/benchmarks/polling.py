"""How many requests following runs costs, at the stand-in for Modal: `python -m tests.benchmarks.polling`."""

import argparse
import asyncio
import os
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import grpclib.events
import grpclib.server
from modal_proto import api_pb2 as pb

from app.jobs import RunUpdate
from app.jobs.runners.protocol import EVENTS
from app.remote import RemoteRunner
from app.storage import JobStore
from pipeline.engine import Availability
from pipeline.types import Progress
from tests.deploy.loopback.calls import Call
from tests.deploy.loopback.plane import Loopback

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 20, 200])
    arguments = parser.parse_args()
    requests: Counter[str] = Counter()
    count_requests(requests)
    with tempfile.TemporaryDirectory() as folder:
        loopback = Loopback(ROOT, {}, Path(folder) / "log")
        loopback.plane.secrets["HF_SECRET"] = {"HF_TOKEN": "hf_test"}
        with loopback.running():
            os.environ |= {
                "MODAL_SERVER_URL": loopback.plane.address,
                "MODAL_TOKEN_ID": "ak-test",
                "MODAL_TOKEN_SECRET": "as-test",
                "MODAL_CONFIG_PATH": os.devnull,
                "VIDEO_LAB_MODAL_OPEN": "1",
            }
            for number in arguments.jobs:
                store = JobStore(Path(folder) / str(number))
                asyncio.run(follow(loopback, store, number, arguments.seconds, requests))
                store.close()


async def follow(loopback: Loopback, store: JobStore, number: int, seconds: float, requests: Counter[str]) -> None:
    """Follow so many runs that go on, for a while, and print how often Modal was asked in the second half."""
    cloud = import_module("deploy").ModalCloud()
    runner = RemoteRunner(cloud, lambda _: Availability(available=True), capacity=number)
    tasks = []
    for index in range(number):
        job_id, folder = store.create()
        call_id = f"fc-{number}-{index}"
        loopback.plane.calls[call_id] = Call(
            "fu-1", pb.FUNCTION_CALL_INVOCATION_TYPE_ASYNC, items={"in": pb.FunctionGetInputsItem()}
        )
        await cloud.write_value(
            f"{job_id}/progress", EVENTS.dump_json(RunUpdate(Progress("denoising", 1, 8, 10.0))).decode()
        )
        tasks.append(asyncio.create_task(drain(runner.events(call_id, folder))))
    await asyncio.sleep(seconds / 2)
    requests.clear()
    await asyncio.sleep(seconds / 2)
    told = ", ".join(f"{name} {count / seconds * 2:.1f}" for name, count in sorted(requests.items()))
    sys.stdout.write(f"{number} runs: {requests.total() / seconds * 2:.1f} requests a second ({told})\n")
    sys.stdout.flush()
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    loopback.forget_notes()


async def drain(events: Any) -> None:  # noqa: ANN401 - an async iterator of updates
    """Take all updates."""
    async for _ in events:
        pass


def count_requests(requests: Counter[str]) -> None:
    """Count what servers of this process are asked, by the name of the method."""
    begin = grpclib.server.Server.__init__

    def __init__(self: Any, *arguments: Any, **options: Any) -> None:  # noqa: ANN401, N807 - as grpclib has them
        begin(self, *arguments, **options)

        async def count(event: grpclib.events.RecvRequest) -> None:
            requests[event.method_name.rpartition("/")[2]] += 1

        grpclib.events.listen(self, grpclib.events.RecvRequest, count)

    grpclib.server.Server.__init__ = __init__


if __name__ == "__main__":
    main()
