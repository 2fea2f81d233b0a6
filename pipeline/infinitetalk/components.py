"""The five models that InfiniteTalk consists of."""

import torch
from torch import nn
from transformers import CLIPVisionConfig, CLIPVisionModel

from pipeline.diffusion.components import TEXT_ENCODER, VAE, Config, build_wav2vec2
from pipeline.infinitetalk.transformer import InfiniteTalkTransformer3DModel
from pipeline.weights.loading import ComponentSpec


def _build_transformer(config: Config) -> nn.Module:
    model: nn.Module = InfiniteTalkTransformer3DModel.from_config(config)
    return model


def _build_image_encoder(config: Config) -> nn.Module:
    model: nn.Module = CLIPVisionModel(CLIPVisionConfig.from_dict(config))
    return model


# The small models stay in fp32: they are run once a clip at most, and all the rest inherits their errors.
TRANSFORMER = ComponentSpec(
    "transformer",
    _build_transformer,
    torch.bfloat16,
    tuple(InfiniteTalkTransformer3DModel._keep_in_fp32_modules),  # noqa: SLF001  # diffusers' way
)
IMAGE_ENCODER = ComponentSpec("image_encoder", _build_image_encoder)
AUDIO_ENCODER = ComponentSpec("audio_encoder", build_wav2vec2)

COMPONENTS = (TRANSFORMER, TEXT_ENCODER, IMAGE_ENCODER, VAE, AUDIO_ENCODER)
