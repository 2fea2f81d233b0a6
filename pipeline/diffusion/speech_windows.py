"""Cut, for each clip, the windows of speech features around its video frames."""

import torch

WINDOW_RADIUS = 2


def clip_windows(tracks: tuple[torch.Tensor, ...], start: int, num_frames: int) -> torch.Tensor:
    """Cut the windows of a clip.

    Args:
        tracks: Speech features (frames, layers, channels) of each person; they may differ in length.
        start: First video frame of the clip.
        num_frames: Video frames of the clip.

    Returns:
        Windows (1, people, num_frames, 5, layers, channels).
    """
    end = start + num_frames + WINDOW_RADIUS
    centers = torch.arange(start, start + num_frames)
    return torch.stack([cut_windows(_mirror_tail(track, end), centers) for track in tracks])[None]


def _mirror_tail(features: torch.Tensor, num_frames: int) -> torch.Tensor:
    """Extend a track to at least `num_frames` with its own last frames, played backwards, as the original does.

    A track shorter than what is missing is mirrored again and again.
    """
    while len(features) < num_frames:
        features = torch.cat([features, features[-(num_frames - len(features)) :].flip(0)])
    return features


def cut_windows(features: torch.Tensor, centers: torch.Tensor) -> torch.Tensor:
    """Return the windows (centers, 5, layers, channels) around features of a track; beyond an end, the one there."""
    offsets = torch.arange(-WINDOW_RADIUS, WINDOW_RADIUS + 1)
    indices = (centers[:, None] + offsets).clamp(0, len(features) - 1)
    return features[indices.to(features.device)]
