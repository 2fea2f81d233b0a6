"""What the steps of a video's segments take beside one another."""

from collections.abc import Iterator

from pipeline.devices import DEFAULT_DEVICE, find_device
from pipeline.diffusion.clips import ClipPlan
from pipeline.diffusion.progress import ClipPace
from pipeline.diffusion.speed import SPEEDS
from pipeline.longcat.estimate import count_step_flops
from pipeline.types import FrameSize


def find_paces(size: FrameSize, plan: ClipPlan, num_steps: list[int], num_passes: int, gpu: str) -> Iterator[ClipPace]:
    """Yield what the parts of each segment are likely to take; on GPUs that nobody has measured, as on the usual one.

    Args:
        size: Of the frames.
        plan: The video's segments.
        num_steps: Of the sampler, in each segment.
        num_passes: Of the transformer in a step.
        gpu: As its driver calls it.
    """
    speed = SPEEDS[find_device(gpu) or DEFAULT_DEVICE]
    decode_seconds = speed.find_decode_seconds(size, plan.clip_frames)
    for segment, count in enumerate(num_steps):
        seconds = num_passes * count_step_flops(size, plan, segment) / speed.flops
        yield ClipPace((seconds,) * count, decode_seconds)
