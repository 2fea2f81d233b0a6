"""The five models that InfiniteTalk consists of."""

from typing import Any

import torch
from diffusers import AutoencoderKLWan
from torch import nn
from transformers import CLIPVisionConfig, CLIPVisionModel, UMT5Config, UMT5EncoderModel, Wav2Vec2Config, Wav2Vec2Model

from pipeline.infinitetalk.transformer import InfiniteTalkTransformer3DModel
from pipeline.weights.loading import ComponentSpec

Config = dict[str, Any]


def _build_transformer(config: Config) -> nn.Module:
    model: nn.Module = InfiniteTalkTransformer3DModel.from_config(config)
    return model


def _build_text_encoder(config: Config) -> nn.Module:
    model: nn.Module = UMT5EncoderModel(UMT5Config.from_dict(config))
    return model


def _build_image_encoder(config: Config) -> nn.Module:
    model: nn.Module = CLIPVisionModel(CLIPVisionConfig.from_dict(config))
    return model


def _build_vae(config: Config) -> nn.Module:
    model: nn.Module = AutoencoderKLWan.from_config(config)
    return model


def _build_audio_encoder(config: Config) -> nn.Module:
    # Masks are for training; without them the model has no tensor for what is masked.
    config = config | {"mask_time_prob": 0.0, "mask_feature_prob": 0.0}
    model: nn.Module = Wav2Vec2Model(Wav2Vec2Config.from_dict(config))
    return model


# The three small models stay in fp32: they are run once a clip at most, and all the rest inherits their errors.
TRANSFORMER = ComponentSpec(
    "transformer",
    _build_transformer,
    torch.bfloat16,
    tuple(InfiniteTalkTransformer3DModel._keep_in_fp32_modules),  # noqa: SLF001  # diffusers' way
)
TEXT_ENCODER = ComponentSpec(
    "text_encoder", _build_text_encoder, torch.bfloat16, tied={"encoder.embed_tokens.weight": "shared.weight"}
)
IMAGE_ENCODER = ComponentSpec("image_encoder", _build_image_encoder)
VAE = ComponentSpec("vae", _build_vae)
AUDIO_ENCODER = ComponentSpec("audio_encoder", _build_audio_encoder)

COMPONENTS = (TRANSFORMER, TEXT_ENCODER, IMAGE_ENCODER, VAE, AUDIO_ENCODER)
