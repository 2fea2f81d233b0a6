"""Cut a video of any length into the overlapping clips that the model can make."""

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.profiles import Mode

FRAMES_PER_LATENT = 4
# What the model was trained with: 21 latent frames, and 3 of them from the clip before.
STREAMING_CLIP_FRAMES = 81
MOTION_FRAMES = 9
# Five seconds at 25 frames a second.
LONGEST_SINGLE_CLIP_FRAMES = 125


@dataclass(frozen=True)
class ClipPlan:
    """The clips of a video; each starts with the last frames of the one before.

    Attributes:
        num_frames: Frames of the finished video.
        clip_frames: Frames of a clip, 4n + 1.
        motion_frames: Frames that a clip shares with the one before, 4n + 1.
    """

    num_frames: int
    clip_frames: int = STREAMING_CLIP_FRAMES
    motion_frames: int = MOTION_FRAMES

    @property
    def starts(self) -> range:
        """First frame of every clip; the last clip is the first that reaches the end."""
        return range(0, max(1, self.num_frames - self.motion_frames), self.clip_frames - self.motion_frames)

    def new_frames(self) -> Iterator[slice]:
        """Yield, for every clip, which of its frames the video still lacks."""
        for start in self.starts:
            yield slice(self.motion_frames if start else 0, min(self.clip_frames, self.num_frames - start))


def plan_clips(num_frames: int, mode: Mode) -> ClipPlan:
    """Plan the clips of a video.

    Args:
        num_frames: Frames that the speech fills.
        mode: `clip` makes one clip as long as the speech where that is short enough, `streaming` always overlapping
            clips of the length that the model was trained with.
    """
    if mode == "clip" and num_frames <= LONGEST_SINGLE_CLIP_FRAMES:
        return ClipPlan(num_frames, clip_frames=round_up(num_frames))
    return ClipPlan(num_frames)


def round_up(num_frames: int) -> int:
    """Return the next 4n + 1: the first latent frame holds one frame, each later one four."""
    return FRAMES_PER_LATENT * -(-(num_frames - 1) // FRAMES_PER_LATENT) + 1
