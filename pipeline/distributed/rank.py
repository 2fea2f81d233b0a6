"""What runs in the process of one GPU among several."""

import multiprocessing
import os
import shutil
import signal
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import torch
import torch.distributed as dist

from pipeline.distributed.messages import Batch, Ended, LoadRank, Message, Order
from pipeline.engine import EngineSettings
from pipeline.errors import EngineError, EngineUnavailableError, GenerationCancelledError

# Should the processes ever wait for one another in vain, they end after this time, and the job with them.
LONGEST_WAIT = timedelta(minutes=10)


def run_rank(rank: int, rendezvous: Path, settings: EngineSettings, load: LoadRank, parent: Connection) -> None:
    """Load the weights, then make one video after another, until the process that started this one ends.

    Args:
        rank: Which of the processes this is.
        rendezvous: A file that is not there yet, through which they find one another.
        settings: Where the weights are, the first device, and how many.
        load: Loads what this one generates with.
        parent: Sends scenes, and answers every message with whether to go on.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one that started this one is interrupted as well, and ends it
    threading.Thread(target=_die_with_parent, args=(rendezvous.parent,), daemon=True).start()

    def send(message: Message) -> None:
        parent.send(message)
        if not parent.recv():
            raise GenerationCancelledError("The job was cancelled.")

    try:
        device = _connect(rank, rendezvous, settings)
        # Not compiled: nobody has tried the exchange of tokens within a compiled block.
        generator = load(replace(settings, device=str(device), compiled=False), send)
        parent.send(Ended())
        while True:
            order: Order = parent.recv()
            with suppress(GenerationCancelledError):
                for clip in generator.generate(order.scene, send, order.state):
                    send(Batch(clip if rank == 0 else None))
            parent.send(Ended())
    except EOFError:
        pass  # the other process has ended
    except GenerationCancelledError:
        parent.send(Ended())
    except (EngineError, EngineUnavailableError) as error:
        parent.send(Ended(error))


def _connect(rank: int, rendezvous: Path, settings: EngineSettings) -> torch.device:
    """Join the other ranks; return this one's device."""
    device = find_device(settings, rank)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    else:
        torch.set_num_threads(max(1, torch.get_num_threads() // settings.num_gpus))
    dist.init_process_group(
        # What is small and on the CPU is exchanged there.
        "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo",
        init_method=f"file://{rendezvous}",
        rank=rank,
        world_size=settings.num_gpus,
        timeout=LONGEST_WAIT,
    )
    return device


def holds_everywhere(condition: bool) -> bool:
    """Return whether a condition holds in all ranks, which all ask at the same place."""
    answer = torch.tensor(int(condition))
    dist.all_reduce(answer, dist.ReduceOp.MIN)
    return bool(answer)


def find_device(settings: EngineSettings, rank: int) -> torch.device:
    """Return the device of one of the ranks.

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


def _die_with_parent(folder: Path) -> None:
    """End at once when the process that started this one does, even in the middle of a computation."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)
