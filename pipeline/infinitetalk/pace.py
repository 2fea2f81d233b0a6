"""Where the time of a clip goes: so much for each step, so much for decoding."""

from dataclasses import dataclass

from pipeline.devices import DEFAULT_DEVICE, find_device
from pipeline.diffusion.clips import STREAMING_CLIP_FRAMES
from pipeline.diffusion.flops import count_forward_flops, count_tokens
from pipeline.infinitetalk.estimate import COMPUTED_SHARE, FIRST_STEPS, MEASURED_FRAME, SPEEDS
from pipeline.types import FrameSize


@dataclass(frozen=True)
class ClipPace:
    """What the parts of a clip are likely to take.

    Attributes:
        step_seconds: Of each step.
        decode_seconds: Of its latents, until the next clip begins.
    """

    step_seconds: tuple[float, ...]
    decode_seconds: float

    def share(self, num_steps: int, decoded: float = 0.0) -> float:
        """Return how much of a clip is done, 0 to 1.

        Args:
            num_steps: Steps that are done.
            decoded: How much of it is decoded, 0 to 1.
        """
        done = sum(self.step_seconds[:num_steps]) + decoded * self.decode_seconds
        return done / (sum(self.step_seconds) + self.decode_seconds)


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
    pixels = size.width * size.height / (MEASURED_FRAME.width * MEASURED_FRAME.height)
    return ClipPace(steps, speed.decode_seconds * pixels * clip_frames / STREAMING_CLIP_FRAMES)
