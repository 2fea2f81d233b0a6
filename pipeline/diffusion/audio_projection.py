"""Turn windows of speech features into the audio tokens that each latent frame attends to."""

from collections.abc import Callable

import torch
from torch import nn

from pipeline.diffusion.clips import FRAMES_PER_LATENT
from pipeline.errors import WeightsError
from pipeline.weights.sizes import Sizes

# A later latent frame holds four video frames: its joined windows span three more than one window.
EXTRA_FRAMES_OF_LATER_WINDOWS = 3


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


def read_audio_sizes(
    sizes: Sizes, num_layers: int, channels: int, owner: str, *, weight: str = "weight"
) -> dict[str, int]:
    """Return what the shapes of an audio projection's tensors say of it.

    Args:
        sizes: Of its tensors, among others.
        num_layers: Layers of the audio encoder.
        channels: Channels of each layer.
        owner: What the tensors belong to, for messages.
        weight: What linear layers call their weights.

    Raises:
        WeightsError: A tensor is missing, or the audio encoder is not the one that it was trained with.
    """
    intermediate_dim, num_first = sizes.of(f"audio_proj.proj1.{weight}")
    num_later = sizes.of(f"audio_proj.proj1_vf.{weight}")[1]
    num_features = (num_later - num_first) // EXTRA_FRAMES_OF_LATER_WINDOWS
    if num_features != num_layers * channels:
        raise WeightsError(
            f"Expected {owner} for {num_layers} x {channels} speech features, got one for {num_features}. "
            "Check that it and the audio encoder belong together."
        )
    (audio_dim,) = sizes.of("audio_proj.norm.weight")
    return {
        "audio_window": num_first // num_features,
        "audio_layers": num_layers,
        "audio_channels": channels,
        "audio_intermediate_dim": intermediate_dim,
        "audio_dim": audio_dim,
        "audio_tokens": sizes.of(f"audio_proj.proj3.{weight}")[0] // audio_dim,
    }
