"""The models that engines on Wan's VAE share, and how released files name their tensors."""

import re
from collections.abc import Iterable
from typing import Any

import torch
from diffusers import AutoencoderKLWan
from torch import nn
from transformers import UMT5Config, UMT5EncoderModel, Wav2Vec2Config, Wav2Vec2Model

from pipeline.weights.loading import ComponentSpec
from pipeline.weights.tensor_files import NamedTensor

Config = dict[str, Any]

# What wav2vec2 was trained with.
UNUSED_IN_WAV2VEC2 = ("quantizer.", "project_q.", "project_hid.", "masked_spec_embed", "lm_head.")
WAV2VEC2_NAMES = {
    r"^(encoder\.pos_conv_embed\.conv)\.weight_g$": r"\1.parametrizations.weight.original0",
    r"^(encoder\.pos_conv_embed\.conv)\.weight_v$": r"\1.parametrizations.weight.original1",
}


def _build_text_encoder(config: Config) -> nn.Module:
    model: nn.Module = UMT5EncoderModel(UMT5Config.from_dict(config))
    return model


def _build_vae(config: Config) -> nn.Module:
    model: nn.Module = AutoencoderKLWan.from_config(config)
    return model


def build_wav2vec2(config: Config) -> nn.Module:
    """Make the audio encoder."""
    # Masks are for training; without them the model has no tensor for what is masked.
    config = config | {"mask_time_prob": 0.0, "mask_feature_prob": 0.0}
    model: nn.Module = Wav2Vec2Model(Wav2Vec2Config.from_dict(config))
    return model


def convert_wav2vec2(name: str, tensor: torch.Tensor) -> Iterable[NamedTensor]:
    """Read a tensor of wav2vec2, whose file may hold what it was trained with as well."""
    name = name.removeprefix("wav2vec2.")
    if name.startswith(UNUSED_IN_WAV2VEC2):
        return []
    for pattern, replacement in WAV2VEC2_NAMES.items():
        name = re.sub(pattern, replacement, name)
    return [(name, tensor)]


TEXT_ENCODER = ComponentSpec(
    "text_encoder", _build_text_encoder, torch.bfloat16, tied={"encoder.embed_tokens.weight": "shared.weight"}
)
VAE = ComponentSpec("vae", _build_vae)
