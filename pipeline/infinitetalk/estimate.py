"""How long InfiniteTalk computes: counted work over what a GPU sustains."""

from pipeline.devices import DeviceKind
from pipeline.diffusion.clips import ClipPlan, plan_clips
from pipeline.diffusion.flops import count_forward_flops, count_tokens
from pipeline.diffusion.speed import FRAMES, SPEEDS
from pipeline.infinitetalk.profiles import FRAME_RATE, get_options
from pipeline.profiles import Profile, Sampling

FIRST_STEPS = 5  # TeaCache always computes these,
COMPUTED_SHARE = 0.5  # and about half of the rest: three times the speed at 40 steps where 1.7 comes without it


def estimate_seconds(
    profile: Profile, sampling: Sampling, speech_seconds: float, device: DeviceKind, num_gpus: int
) -> float:
    """Return the seconds that a run takes, from arithmetic; see `pipeline.engine_spec`."""
    speed, size = SPEEDS[device], FRAMES[profile.resolution]
    plan = plan_clips(max(int(speech_seconds * FRAME_RATE), 1), profile.mode)
    decode_seconds = speed.find_decode_seconds(size, len(plan.starts) * plan.clip_frames)
    return _count_flops(profile, sampling, plan) / speed.sustain(num_gpus) + decode_seconds


def _count_flops(profile: Profile, sampling: Sampling, plan: ClipPlan) -> float:
    """Count the transformer's work."""
    num_tokens = count_tokens(FRAMES[profile.resolution], plan.clip_frames)
    num_passes = len(plan.starts) * _count_computed_steps(profile, sampling) * _count_passes(sampling)
    return num_passes * count_forward_flops(num_tokens)


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
