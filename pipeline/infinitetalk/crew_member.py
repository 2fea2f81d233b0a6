"""The process of one GPU among several."""

import multiprocessing
import os
import shutil
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import torch
import torch.distributed as dist

from pipeline.diffusion.team import Team
from pipeline.engine import EngineSettings
from pipeline.errors import EngineError, EngineUnavailableError, GenerationCancelledError
from pipeline.infinitetalk.crew import Batch, Ended, Message
from pipeline.infinitetalk.runtime import Runtime, load_runtime
from pipeline.types import Scene

# Should the processes ever wait for one another in vain, they end after this time, and the job with them.
LONGEST_WAIT = timedelta(minutes=10)


def work(rank: int, meeting: Path, settings: EngineSettings, server: Connection) -> None:
    """Load the weights, then make one video after another, until the process that started this one ends.

    Args:
        rank: Which of the processes this is.
        meeting: A file that is not there yet, through which they find one another.
        settings: Where the weights are, the first device, and how many.
        server: Gives scenes, and says whether to go on whenever it is told something.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one that started this one is interrupted as well, and ends it
    threading.Thread(target=_die_with_server, args=(meeting.parent,), daemon=True).start()

    def tell(message: Message) -> None:
        server.send(message)
        if not server.recv():
            raise GenerationCancelledError("The job was cancelled.")

    try:
        runtime = _load(rank, meeting, settings, tell)
        server.send(Ended())
        while True:
            scene: Scene = server.recv()
            with suppress(GenerationCancelledError):
                for frames in runtime.generate(scene, tell):
                    tell(Batch(frames if rank == 0 else None))
            server.send(Ended())
    except EOFError:
        pass  # the other process has ended
    except GenerationCancelledError:
        server.send(Ended())
    except (EngineError, EngineUnavailableError) as error:
        server.send(Ended(error))


def _load(rank: int, meeting: Path, settings: EngineSettings, tell: Callable[[Message], None]) -> Runtime:
    """Meet the other processes and load the models on this one's device."""
    device = find_device(settings, rank)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    else:
        torch.set_num_threads(max(1, torch.get_num_threads() // settings.num_gpus))
    dist.init_process_group(
        # What is small and on the CPU is exchanged there.
        "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo",
        init_method=f"file://{meeting}",
        rank=rank,
        world_size=settings.num_gpus,
        timeout=LONGEST_WAIT,
    )
    # Not compiled: nobody has tried the exchange of tokens within a compiled block.
    runtime = load_runtime(replace(settings, device=str(device), compiled=False), tell, agree=_agree)
    return replace(runtime, team=Team(runtime.models.transformer, device))


def _agree(fits: bool) -> bool:
    """Return whether it is so in all processes."""
    answer = torch.tensor(int(fits))
    dist.all_reduce(answer, dist.ReduceOp.MIN)
    return bool(answer)


def find_device(settings: EngineSettings, rank: int) -> torch.device:
    """Return the device of one of the processes.

    Raises:
        EngineUnavailableError: There are fewer.
    """
    if settings.device == "cpu":
        return torch.device("cpu")
    index = rank + int(settings.device.partition(":")[2] or 0)
    num_devices = torch.cuda.device_count()
    if index >= num_devices:
        raise EngineUnavailableError(
            f"Expected {settings.num_gpus} GPUs from {settings.device} on, but torch finds {num_devices} in all. "
            "Use fewer for a video."
        )
    return torch.device("cuda", index)


def _die_with_server(folder: Path) -> None:
    """End at once when the process that started this one does, even in the middle of a computation."""
    server = multiprocessing.parent_process()
    assert server is not None
    server.join()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)
