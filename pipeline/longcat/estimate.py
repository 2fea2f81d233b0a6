"""How long LongCat computes: counted work over what a GPU sustains."""

from pipeline.devices import DeviceKind
from pipeline.diffusion.clips import FRAMES_PER_LATENT, ClipPlan
from pipeline.diffusion.flops import TransformerSize, count_forward_flops, count_tokens
from pipeline.diffusion.speed import FRAMES, SPEEDS
from pipeline.longcat.profiles import FRAME_RATE
from pipeline.longcat.segments import plan_segments
from pipeline.profiles import FrameSize, Profile, Sampling

TRANSFORMER = TransformerSize(
    num_layers=48, dim=4096, ffn_dim=11008, num_ffn_matrices=3, num_context_tokens=512 + 32, num_audio_tokens=32
)


def estimate_seconds(
    profile: Profile, sampling: Sampling, speech_seconds: float, device: DeviceKind, num_gpus: int
) -> float:
    """Return the seconds that a run takes, from arithmetic; see `pipeline.engine_spec`."""
    speed, size = SPEEDS[device], FRAMES[profile.resolution]
    plan = plan_segments(max(int(speech_seconds * FRAME_RATE), 1))
    num_passes = sampling.num_inference_steps * count_passes(sampling.guidance_scale, sampling.audio_guidance_scale)
    flops = num_passes * sum(count_step_flops(size, plan, segment) for segment in range(len(plan.starts)))
    decode_seconds = speed.find_decode_seconds(size, len(plan.starts) * plan.clip_frames)
    return flops / speed.sustain(num_gpus) + decode_seconds


def count_step_flops(size: FrameSize, plan: ClipPlan, segment: int) -> float:
    """Count the work of a pass of the transformer, which looks at noise alone; known frames are seen, not computed.

    Args:
        size: Of the frames.
        plan: The video's segments.
        segment: Which of them.
    """
    num_frame_tokens = count_tokens(size, 1)
    num_frames = (plan.clip_frames - 1) // FRAMES_PER_LATENT + 1
    # The photo; later, what a segment begins with, and the reference before it.
    num_known = (plan.motion_frames - 1) // FRAMES_PER_LATENT + 1 if segment else 1
    num_seen = num_frames + bool(segment)
    return count_forward_flops((num_frames - num_known) * num_frame_tokens, TRANSFORMER, num_seen * num_frame_tokens)


def count_passes(guidance_scale: float, audio_guidance_scale: float) -> int:
    """Count the passes of a step, as `pipeline.longcat.guidance` does."""
    if guidance_scale <= 1 and audio_guidance_scale <= 1:
        return 1
    return 1 + (audio_guidance_scale != guidance_scale) + (audio_guidance_scale != 1)
