"""The four models that LongCat consists of."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from transformers import WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from pipeline.diffusion.components import TEXT_ENCODER, VAE, Config, build_wav2vec2
from pipeline.longcat.architecture import LongCatArchitecture
from pipeline.longcat.transformer import LongCatTransformer
from pipeline.weights.loading import ComponentSpec


def _build_transformer(config: Config) -> nn.Module:
    return LongCatTransformer(LongCatArchitecture.from_config(config))


def _build_audio_encoder(config: Config) -> nn.Module:
    """Make Whisper's encoder, or the wav2vec2 of version 1.0."""
    if not is_whisper(config):
        return build_wav2vec2(config)
    model: nn.Module = WhisperEncoder(WhisperConfig.from_dict(config))
    return model


def is_whisper(config: Mapping[str, Any]) -> bool:
    """Say whether an audio encoder's config is Whisper's."""
    return config.get("model_type") == "whisper"


TRANSFORMER = ComponentSpec(
    "transformer",
    _build_transformer,
    torch.bfloat16,
    LongCatTransformer._keep_in_fp32_modules,  # noqa: SLF001  # diffusers' way
)
# In fp32, as the VAE: it is run once a video, and all the rest inherits its errors.
AUDIO_ENCODER = ComponentSpec("audio_encoder", _build_audio_encoder)

COMPONENTS = (TRANSFORMER, TEXT_ENCODER, VAE, AUDIO_ENCODER)
