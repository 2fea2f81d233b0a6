"""What the steps of a clip take, of which TeaCache leaves some out."""

from pipeline.devices import DEFAULT_DEVICE, find_device
from pipeline.diffusion.flops import count_forward_flops, count_tokens
from pipeline.diffusion.progress import ClipPace
from pipeline.diffusion.speed import SPEEDS
from pipeline.infinitetalk.estimate import COMPUTED_SHARE, FIRST_STEPS
from pipeline.types import FrameSize


def find_pace(
    size: FrameSize, clip_frames: int, num_steps: int, num_passes: int, *, tea_cache: bool, gpu: str
) -> ClipPace:
    """Say what the parts of a clip take beside one another; on GPUs that nobody has measured, as on the usual one.

    Args:
        size: Of its frames.
        clip_frames: How many.
        num_steps: Of the sampler.
        num_passes: Of the transformer in a step.
        tea_cache: Whether steps that change little are not computed.
        gpu: As its driver calls it.
    """
    speed = SPEEDS[find_device(gpu) or DEFAULT_DEVICE]
    seconds = num_passes * count_forward_flops(count_tokens(size, clip_frames)) / speed.flops
    later = COMPUTED_SHARE if tea_cache else 1.0
    steps = tuple(seconds * (1.0 if step < FIRST_STEPS else later) for step in range(num_steps))
    return ClipPace(steps, speed.find_decode_seconds(size, clip_frames))
