"""How wide and deep a LongCat transformer is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.errors import WeightsError

Version = Literal["1.0", "1.5"]

# The feed-forward's inner width is two thirds of `mlp_ratio` widths, rounded up to this.
FFN_MULTIPLE = 256
# Ours, by the names that the released config has for them.
CONFIG_NAMES = {
    "in_channels": "in_channels",
    "out_channels": "out_channels",
    "dim": "hidden_size",
    "num_layers": "depth",
    "num_heads": "num_heads",
    "mlp_ratio": "mlp_ratio",
    "patch_size": "patch_size",
    "text_dim": "caption_channels",
    "num_text_tokens": "model_max_length",
    "zero_text_padding": "text_tokens_zero_pad",
    "time_dim": "adaln_tembed_dim",
    "freq_dim": "frequency_embedding_size",
    "audio_window": "audio_window",
    "audio_layers": "audio_block",
    "audio_channels": "audio_channel",
    "audio_intermediate_dim": "intermediate_dim",
    "audio_dim": "output_dim",
    "audio_tokens": "context_tokens",
    "audio_prenorm": "audio_prenorm",
    "int8": "int8",
}


@dataclass(frozen=True)
class LongCatArchitecture:
    """The sizes of a transformer; the defaults are the released 1.5's.

    Attributes:
        in_channels: Of the latents.
        out_channels: Of the flow.
        dim: Width.
        num_layers: Blocks.
        num_heads: Of every attention.
        mlp_ratio: The feed-forward's nominal width over `dim`.
        patch_size: Latent frames, rows and columns of a token.
        text_dim: Width of the prompt's embeddings.
        num_text_tokens: That a prompt is filled up to.
        zero_text_padding: Whether what fills a prompt up is attended to, as zeros; otherwise only its own tokens are.
        time_dim: Width of the timestep's embedding.
        freq_dim: Width of the timestep's sinusoid.
        audio_window: Speech features around a video frame.
        audio_layers: Layers of the audio encoder, or groups of them.
        audio_channels: Channels of each.
        audio_intermediate_dim: Width of the audio projection's hidden layers.
        audio_dim: Width of an audio token.
        audio_tokens: A latent frame and person.
        audio_prenorm: Whether audio tokens are normalised before they are attended to.
        int8: Whether linear layers have the released 8-bit form.
    """

    in_channels: int = 16
    out_channels: int = 16
    dim: int = 4096
    num_layers: int = 48
    num_heads: int = 32
    mlp_ratio: float = 4
    patch_size: tuple[int, int, int] = (1, 2, 2)
    text_dim: int = 4096
    num_text_tokens: int = 512
    zero_text_padding: bool = True
    time_dim: int = 512
    freq_dim: int = 256
    audio_window: int = 5
    audio_layers: int = 5
    audio_channels: int = 1280
    audio_intermediate_dim: int = 512
    audio_dim: int = 768
    audio_tokens: int = 32
    audio_prenorm: bool = False
    int8: bool = False

    @classmethod
    def released(cls, version: Version) -> "LongCatArchitecture":
        """Return the sizes of a released model: 1.5 hears Whisper's features, 1.0 wav2vec2's."""
        return cls() if version == "1.5" else cls(audio_layers=12, audio_channels=768)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "LongCatArchitecture":
        """Return the sizes that a released `config.json` has; what it does not say is as in the released 1.5.

        Raises:
            WeightsError: They are not those of a transformer.
        """
        values = {ours: config[theirs] for ours, theirs in CONFIG_NAMES.items() if theirs in config}
        if "patch_size" in values:
            values["patch_size"] = tuple(values["patch_size"])
        architecture = cls(**values)
        if architecture.dim % (2 * architecture.num_heads) or architecture.patch_size[0] != 1:
            raise WeightsError(
                f"Expected a LongCat transformer whose {architecture.num_heads} heads share its width evenly and whose "
                f"tokens lie in one frame, got a width of {architecture.dim} and patches of {architecture.patch_size}."
                " Check that the config belongs to it."
            )
        return architecture

    def to_config(self) -> dict[str, Any]:
        """Return the sizes under the names of a released `config.json`."""
        return {theirs: getattr(self, ours) for ours, theirs in CONFIG_NAMES.items()}

    @property
    def head_dim(self) -> int:
        """Channels of a head."""
        return self.dim // self.num_heads

    @property
    def ffn_dim(self) -> int:
        """Width of the feed-forward's hidden layer."""
        return FFN_MULTIPLE * -(-int(2 / 3 * int(self.dim * self.mlp_ratio)) // FFN_MULTIPLE)
