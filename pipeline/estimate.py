"""How long a video is likely to take, and what it is likely to cost."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from pipeline.diffusion.clips import STREAMING_CLIP_FRAMES, ClipPlan, plan_clips
from pipeline.diffusion.flops import count_forward_flops, count_tokens
from pipeline.profiles import Profile, Resolution
from pipeline.types import DEFAULT_DEVICE, FRAME_RATE, DeviceKind, FrameSize, Sampling

Basis = Literal["measured", "calculated"]

PREVIEW_START_SECONDS = 2.5
PREVIEW_SECONDS_PER_SECOND = 0.7
"""Processor seconds of the preview at 832 x 480, measured on 2026-11-22; a machine with two idle cores is quicker."""

MEASURED_FRAME = FrameSize(640, 640)
_FRAMES: dict[Resolution, FrameSize] = {"480p": MEASURED_FRAME, "720p": FrameSize(960, 960)}  # all as large
FIRST_STEPS = 5  # TeaCache always computes these,
COMPUTED_SHARE = 0.5  # and about half of the rest: three times the speed at 40 steps where 1.7 comes without it
_PARALLEL_SHARE = 0.8  # of what several GPUs would save if nothing was exchanged and nothing done by all: assumed
_WEIGHTS_BYTES = 38e9  # base and adapter in bf16
_BYTES_PER_SECOND = 2.5e9  # of a Modal volume


@dataclass(frozen=True)
class Device:
    """What a GPU gives and costs.

    Attributes:
        flops: What a pass of the transformer sustains a second in bf16.
        decode_seconds: To decode a window of 81 frames at 480p, match its colours and hand it on.
        dollars_per_second: Modal's price in November 2026.
    """

    flops: float
    decode_seconds: float
    dollars_per_second: float


DEVICES: dict[DeviceKind, Device] = {
    # Calculated: 0.6 of the data sheet's 312, the share that the reference's published 10 s a pass amount to.
    "A100-80GB": Device(187e12, 9.4, 0.000694),
    # Measured on 2026-11-22, compiled, with FlashAttention 4: 3.0 s a pass at 480p, 3.3 s to decode it in
    # fp32 (docs/benchmarks.md).
    "H100": Device(626e12, 3.7, 0.001097),
}


def find_device(name: str) -> DeviceKind | None:
    """Return which of the known GPUs a driver or Modal calls so, e.g. `NVIDIA A100-SXM4-80GB` or `H100!`."""
    return next((kind for kind in DEVICES if kind.partition("-")[0] in name), None)


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
        device: The GPU; the preview uses none.
        seconds_per_second: Compute seconds for a second of video, as earlier runs of the profile took them here; None
            where there were none.
        num_gpus: How many of the device make the video together, and are paid for.
    """
    if profile.model == "preview":
        share = PREVIEW_SECONDS_PER_SECOND if seconds_per_second is None else seconds_per_second
        return Estimate(PREVIEW_START_SECONDS + speech_seconds * share, 0.0, 0.0, "measured")
    loading_seconds = _WEIGHTS_BYTES / _BYTES_PER_SECOND
    price = num_gpus * DEVICES[device].dollars_per_second
    if seconds_per_second is not None:
        seconds = speech_seconds * seconds_per_second
        return Estimate(seconds, seconds * price, loading_seconds, "measured")
    flops = DEVICES[device].flops * (1 if num_gpus == 1 else num_gpus * _PARALLEL_SHARE)
    plan = plan_clips(max(int(speech_seconds * FRAME_RATE), 1), profile.mode)
    seconds = _count_flops(profile, sampling, plan) / flops
    seconds += _count_windows(profile, plan) * DEVICES[device].decode_seconds
    return Estimate(seconds, seconds * price, loading_seconds, "calculated")


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


def _count_flops(profile: Profile, sampling: Sampling, plan: ClipPlan) -> float:
    """Count the transformer's work."""
    num_tokens = count_tokens(_FRAMES[profile.resolution], plan.clip_frames)
    num_passes = len(plan.starts) * _count_computed_steps(profile, sampling) * _count_passes(sampling)
    return num_passes * count_forward_flops(num_tokens)


def _count_windows(profile: Profile, plan: ClipPlan) -> float:
    """Count what there is to decode, in windows of 81 frames at 480p."""
    size = (_FRAMES[profile.resolution].width / _FRAMES["480p"].width) ** 2
    return size * len(plan.starts) * plan.clip_frames / STREAMING_CLIP_FRAMES


def _count_passes(sampling: Sampling) -> int:
    """Count the passes of a step: what is guided needs one more, and the text's needs both."""
    if sampling.guidance_scale != 1:
        return 3
    return 1 if sampling.audio_guidance_scale == 1 else 2


def _count_computed_steps(profile: Profile, sampling: Sampling) -> float:
    num_steps = sampling.num_inference_steps
    if not profile.tea_cache or num_steps <= FIRST_STEPS:
        return num_steps
    return FIRST_STEPS + (num_steps - FIRST_STEPS) * COMPUTED_SHARE
