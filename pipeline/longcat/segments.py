"""Cut a video into the segments that the model can make. Needs no torch."""

from pipeline.diffusion.clips import FRAMES_PER_LATENT, ClipPlan, round_up

# What the model was trained with: 24 latent frames, and 4 of them from the segment before.
SEGMENT_FRAMES = 93
KNOWN_FRAMES = 13


def plan_segments(num_frames: int) -> ClipPlan:
    """Plan the segments of a video, from the frames that its voices fill; a short video is one shorter segment."""
    # Longer than what a next one would know: otherwise a video of a few frames would never reach its end.
    shortest = KNOWN_FRAMES + FRAMES_PER_LATENT
    return ClipPlan(num_frames, min(SEGMENT_FRAMES, max(shortest, round_up(num_frames))), KNOWN_FRAMES)
