"""How long a video is likely to take, and what it is likely to cost."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from pipeline.devices import DEFAULT_DEVICE, DEVICES, DeviceKind
from pipeline.engine_spec import Basis
from pipeline.engines import get_engine_spec
from pipeline.profiles import Profile, Sampling

_BYTES_PER_SECOND = 2.5e9  # of a Modal volume


@dataclass(frozen=True)
class Better:
    """A GPU that would make the same video sooner and for less.

    Attributes:
        gpu: Its kind.
        seconds: What the run would take there.
        dollars: What it would cost there.
    """

    gpu: DeviceKind
    seconds: float
    dollars: float


@dataclass(frozen=True)
class Estimate:
    """What a run is likely to take.

    Attributes:
        seconds: From the start of the run to the finished video, with the model in memory.
        dollars: What they cost.
        loading_seconds: Before that, when the weights have to be loaded first; a new container's start comes on top.
        basis: Whether the figures come from measured runs or from arithmetic.
        better: A GPU that would be quicker and cheaper; None where there is none, or none can be chosen.
    """

    seconds: float
    dollars: float
    loading_seconds: float
    basis: Basis
    better: Better | None = None


def estimate(  # noqa: PLR0917  # each is a thing of its own
    profile: Profile,
    sampling: Sampling,
    speech_seconds: float,
    device: DeviceKind = DEFAULT_DEVICE,
    seconds_per_second: float | None = None,
    num_gpus: int = 1,
) -> Estimate:
    """Estimate time and cost of a video.

    Args:
        profile: Of the run.
        sampling: What it uses; steps and scales count.
        speech_seconds: Length of the voice.
        device: The GPU, for a model that needs one.
        seconds_per_second: Compute seconds for a second of video, as earlier runs of the profile took them here; None
            where there were none.
        num_gpus: How many of the device make the video together, and are paid for.
    """
    spec = get_engine_spec(profile.model)
    if seconds_per_second is None:
        seconds, basis = spec.estimate_seconds(profile, sampling, speech_seconds, device, num_gpus), spec.basis
    else:
        seconds, basis = spec.start_seconds + speech_seconds * seconds_per_second, "measured"
    price = num_gpus * DEVICES[device].dollars_per_second if spec.needs_gpu else 0.0
    return Estimate(seconds, seconds * price, spec.weights_bytes / _BYTES_PER_SECOND, basis)


def find_better(forecast: Estimate, device: DeviceKind, calculate: Callable[[DeviceKind], Estimate]) -> Estimate:
    """Add to an estimate the cheapest GPU that would be both quicker and cheaper, if there is one.

    Args:
        forecast: Of a run on the device, which may rest on measured runs.
        device: That GPU.
        calculate: Estimates the same run on another one, from arithmetic.
    """
    own = calculate(device)
    found = [
        Better(kind, forecast.seconds * other.seconds / own.seconds, forecast.dollars * other.dollars / own.dollars)
        for kind in DEVICES
        if (other := calculate(kind)).seconds < own.seconds and other.dollars < own.dollars
    ]
    return replace(forecast, better=min(found, key=lambda one: one.dollars, default=None))
