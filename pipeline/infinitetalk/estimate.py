"""How long InfiniteTalk computes: counted work over what a GPU sustains."""

from dataclasses import dataclass

from pipeline.devices import DeviceKind
from pipeline.diffusion.clips import STREAMING_CLIP_FRAMES, ClipPlan, plan_clips
from pipeline.diffusion.flops import count_forward_flops, count_tokens
from pipeline.infinitetalk.profiles import FRAME_RATE, get_options
from pipeline.profiles import FrameSize, Profile, Resolution, Sampling

MEASURED_FRAME = FrameSize(640, 640)
_FRAMES: dict[Resolution, FrameSize] = {"480p": MEASURED_FRAME, "720p": FrameSize(960, 960)}  # all as large
FIRST_STEPS = 5  # TeaCache always computes these,
COMPUTED_SHARE = 0.5  # and about half of the rest: three times the speed at 40 steps where 1.7 comes without it
_PARALLEL_SHARE = 0.8  # of what several GPUs would save if nothing was exchanged and nothing done by all: assumed


@dataclass(frozen=True)
class Speed:
    """How fast a GPU computes the model.

    Attributes:
        flops: What a pass of the transformer sustains a second in bf16.
        decode_seconds: To decode a window of 81 frames at 480p, match its colours and hand it on.
    """

    flops: float
    decode_seconds: float


SPEEDS: dict[DeviceKind, Speed] = {
    # Calculated: 0.6 of the data sheet's 312, the share that the reference's published 10 s a pass amount to.
    "A100-80GB": Speed(187e12, 9.4),
    # Measured on 2026-11-22, compiled, with FlashAttention 4: 3.0 s a pass at 480p, 3.3 s to decode it in
    # fp32 (docs/benchmarks.md).
    "H100": Speed(626e12, 3.7),
}


def estimate_seconds(
    profile: Profile, sampling: Sampling, speech_seconds: float, device: DeviceKind, num_gpus: int
) -> float:
    """Return the seconds that a run takes, from arithmetic; see `pipeline.engine_spec`."""
    speed = SPEEDS[device]
    flops = speed.flops * (1 if num_gpus == 1 else num_gpus * _PARALLEL_SHARE)
    plan = plan_clips(max(int(speech_seconds * FRAME_RATE), 1), profile.mode)
    return _count_flops(profile, sampling, plan) / flops + _count_windows(profile, plan) * speed.decode_seconds


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
    if not get_options(profile).tea_cache or num_steps <= FIRST_STEPS:
        return num_steps
    return FIRST_STEPS + (num_steps - FIRST_STEPS) * COMPUTED_SHARE
