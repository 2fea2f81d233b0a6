"""How fast GPUs are at what diffusion engines compute. Needs no torch."""

from dataclasses import dataclass

from pipeline.devices import DeviceKind
from pipeline.diffusion.clips import STREAMING_CLIP_FRAMES
from pipeline.profiles import FrameSize, Resolution

MEASURED_FRAME = FrameSize(640, 640)
FRAMES: dict[Resolution, FrameSize] = {"480p": MEASURED_FRAME, "720p": FrameSize(960, 960)}
"""A frame of each resolution; all are as large."""
_PARALLEL_SHARE = 0.8  # of what several GPUs would save if nothing was exchanged and nothing done by all: assumed


@dataclass(frozen=True)
class Speed:
    """How fast a GPU computes a large model.

    Attributes:
        flops: What a pass of the transformer sustains a second in bf16.
        decode_seconds: To decode a window of 81 frames at 480p, match its colours and hand it on.
    """

    flops: float
    decode_seconds: float

    def sustain(self, num_gpus: int) -> float:
        """Return what a pass sustains a second on several of them."""
        return self.flops * (1 if num_gpus == 1 else num_gpus * _PARALLEL_SHARE)

    def find_decode_seconds(self, size: FrameSize, num_frames: int) -> float:
        """Return the seconds to decode so many frames."""
        pixels = size.width * size.height / (MEASURED_FRAME.width * MEASURED_FRAME.height)
        return self.decode_seconds * pixels * num_frames / STREAMING_CLIP_FRAMES


SPEEDS: dict[DeviceKind, Speed] = {
    # Calculated: 0.6 of the data sheet's 312, the share that the reference's published 10 s a pass amount to.
    "A100-80GB": Speed(187e12, 9.4),
    # Measured with InfiniteTalk on 2026-11-22, compiled, with FlashAttention 4: 3.0 s a pass at 480p, 3.3 s to decode
    # it in fp32 (docs/benchmarks.md).
    "H100": Speed(626e12, 3.7),
}
