"""How long a run may take, and what its GPU costs.

A run may take as long as it is expected to, with room to spare, and never longer than the deployment allows.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.records import GpuCost
from pipeline.devices import DEVICES, DeviceKind, find_device
from pipeline.engines import get_profile
from pipeline.estimate import estimate
from pipeline.request import VideoRequest
from pipeline.sampling import choose_sampling

MARGIN = 2.5  # a run that takes this much longer than expected is taken to hang
ALLOWANCE_SECONDS = 15 * 60.0  # for what no estimate covers, such as compiling for a new size
ROOM = 1.25  # an accepted run may take this much longer than expected and still fit


@dataclass(frozen=True)
class TimeLimits:
    """How long runs may take.

    Attributes:
        bounds: Seconds that no run of a profile may exceed, by profile.
    """

    bounds: Mapping[str, float]

    def find(
        self,
        request: VideoRequest,
        speech_seconds: float,
        device: DeviceKind | None,
        num_gpus: int = 1,
        seconds_per_second: float | None = None,
    ) -> float:
        """Return the seconds that a run may take.

        Args:
            request: What is asked for.
            speech_seconds: Length of the speech; if it is 0, because unknown, only the bound applies.
            device: The GPU; if it is None, because unknown, only the bound applies.
            num_gpus: How many GPUs make the video together.
            seconds_per_second: Measured on earlier runs; None if there were none.
        """
        bound = self.bounds[request.profile]
        if device is None or not speech_seconds:
            return bound
        profile = get_profile(request.profile)
        expected = [
            estimate(profile, choose_sampling(request, profile), speech_seconds, device, measured, num_gpus).seconds
            for measured in {None, seconds_per_second}
        ]
        return min(bound, MARGIN * max(expected) + ALLOWANCE_SECONDS)

    def find_most(self, profile: str) -> float:
        """Return how long a run may be expected to take to be started at all."""
        return self.bounds[profile] / ROOM


def find_cost(device_name: str, seconds: float, num_gpus: int = 1) -> GpuCost:
    """Return the cost of a run.

    Args:
        device_name: The name that its driver reports, such as `NVIDIA A100-SXM4-80GB`.
        seconds: How long it had the GPU.
        num_gpus: How many GPUs it had.
    """
    kind = find_device(device_name)
    dollars = None if kind is None else round(num_gpus * seconds * DEVICES[kind].dollars_per_second, 4)
    gpu = device_name if num_gpus == 1 else f"{num_gpus} x {device_name}"
    return GpuCost(gpu=gpu, seconds=round(seconds, 1), dollars=dollars, count=num_gpus)
