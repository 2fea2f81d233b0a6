"""The GPUs that are known, and what they cost."""

from dataclasses import dataclass
from typing import Literal

DeviceKind = Literal["A100-80GB", "H100"]
DEFAULT_DEVICE: DeviceKind = "A100-80GB"


@dataclass(frozen=True)
class Device:
    """A kind of GPU.

    Attributes:
        dollars_per_second: Modal's price in November 2026.
    """

    dollars_per_second: float


DEVICES: dict[DeviceKind, Device] = {"A100-80GB": Device(0.000694), "H100": Device(0.001097)}


def find_device(name: str) -> DeviceKind | None:
    """Return which of the known GPUs a driver or Modal calls so, e.g. `NVIDIA A100-SXM4-80GB` or `H100!`."""
    return next((kind for kind in DEVICES if kind.partition("-")[0] in name), None)
