"""What a GPU's seconds cost."""

from app.records import GpuCost
from pipeline.estimate import DEVICES, find_device


def find_cost(device_name: str, seconds: float, num_gpus: int = 1) -> GpuCost:
    """Price the seconds of a run.

    Args:
        device_name: As its driver names it, e.g. `NVIDIA A100-SXM4-80GB`.
        seconds: How long the run had the GPU.
        num_gpus: How many it had.
    """
    kind = find_device(device_name)
    dollars = None if kind is None else round(num_gpus * seconds * DEVICES[kind].dollars_per_second, 4)
    gpu = device_name if num_gpus == 1 else f"{num_gpus} x {device_name}"
    return GpuCost(gpu=gpu, seconds=round(seconds, 1), dollars=dollars, count=num_gpus)
