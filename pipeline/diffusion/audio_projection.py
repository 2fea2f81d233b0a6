"""Turn windows of speech features into the audio tokens that each latent frame attends to."""

from collections.abc import Callable

import torch
from torch import nn

from pipeline.diffusion.clips import FRAMES_PER_LATENT


class AudioProjection(nn.Module):
    """Project speech windows to `num_tokens` tokens a latent frame.

    The first latent frame holds one video frame, every later one holds four, so the two have their own first layer.

    Args:
        window: Speech frames around a video frame.
        num_layers: Layers of the audio encoder.
        channels: Channels of each layer.
        intermediate_dim: Width of the hidden layers.
        output_dim: Width of a token.
        num_tokens: Tokens a latent frame.
        linear: Makes a linear layer from its two widths.
    """

    def __init__(
        self,
        *,
        window: int,
        num_layers: int,
        channels: int,
        intermediate_dim: int,
        output_dim: int,
        num_tokens: int,
        linear: Callable[[int, int], nn.Module] = nn.Linear,
    ) -> None:
        super().__init__()
        self.num_tokens = num_tokens
        num_features = num_layers * channels
        self.proj1 = linear(window * num_features, intermediate_dim)
        self.proj1_vf = linear((window + FRAMES_PER_LATENT - 1) * num_features, intermediate_dim)
        self.proj2 = linear(intermediate_dim, intermediate_dim)
        self.proj3 = linear(intermediate_dim, num_tokens * output_dim)
        self.norm = nn.LayerNorm(output_dim)

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """Project windows to tokens.

        Args:
            windows: Speech features (tracks, 4 * (latent_frames - 1) + 1, window, layers, channels).

        Returns:
            Tokens (tracks, latent_frames, num_tokens, output_dim).
        """
        first = self.proj1(windows[:, :1].flatten(2))
        later = self.proj1_vf(join_windows(windows[:, 1:]))
        hidden_states = torch.cat([first, later], dim=1).relu()
        hidden_states = self.proj2(hidden_states).relu()
        tokens: torch.Tensor = self.norm(self.proj3(hidden_states).unflatten(-1, (self.num_tokens, -1)))
        return tokens


def join_windows(windows: torch.Tensor) -> torch.Tensor:
    """Join the windows of four video frames without repeating the frames in which they overlap.

    Args:
        windows: Speech features (tracks, 4 * n, window, layers, channels).

    Returns:
        Features (tracks, n, (window + 3) * layers * channels), in order of time.
    """
    # Of four windows, the first gives all up to its middle, the last all from its middle, those between their middle.
    middle = windows.shape[2] // 2
    groups = windows.unflatten(1, (-1, FRAMES_PER_LATENT))
    first = groups[:, :, :1, : middle + 1].flatten(2, 3)
    between = groups[:, :, 1:-1, middle]
    last = groups[:, :, -1:, middle:].flatten(2, 3)
    return torch.cat([first, between, last], dim=2).flatten(2)
