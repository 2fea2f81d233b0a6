"""The golden cases' tensors and models: every number follows from its name, as `tests/golden/README.md` has it."""

import math
import os
import zlib
from collections.abc import Iterable

import numpy as np
import torch
from diffusers import AutoencoderKLWan
from torch import nn
from transformers import Wav2Vec2Config, Wav2Vec2Model

from pipeline.infinitetalk.key_names import rename_transformer_key
from pipeline.infinitetalk.transformer import InfiniteTalkTransformer3DModel
from tests.released_keys import TransformerSizes, adapter_shapes, base_shapes

SIZES = TransformerSizes(
    dim=128,
    ffn_dim=256,
    num_layers=2,
    freq_dim=64,
    text_dim=64,
    image_dim=1280,
    audio_layers=12,
    audio_channels=768,
    audio_intermediate=8,
    audio_dim=32,
    audio_tokens=4,
)


def rule(name: str, shape: Iterable[int], amplitude: float = 1.0) -> torch.Tensor:
    """Return the tensor that follows from `name`."""
    shape = tuple(shape)
    raw = np.random.PCG64(zlib.crc32(name.encode())).random_raw(math.prod(shape))
    uniform = (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return torch.from_numpy(((2 * uniform - 1) * amplitude).astype(np.float32).reshape(shape))


def weight(name: str, shape: Iterable[int]) -> torch.Tensor:
    """Return the weight called `name`."""
    shape = tuple(shape)
    leaf = name.rpartition(".")[2]
    if leaf == "bias":
        return rule(name, shape, 0.1)
    if leaf == "modulation":
        return rule(name, shape, 0.5)
    if leaf == "gamma" or (leaf == "weight" and len(shape) == 1):
        return 1 + rule(name, shape, 0.1)
    return rule(name, shape, math.sqrt(3 / (math.prod(shape) / shape[0])))


def make_transformer(time_projection_factor: float = 1.0) -> InfiniteTalkTransformer3DModel:
    """Build the golden transformer through the released key names; compiled if `GOLDEN_COMPILED` is set."""
    released = {name: weight(name, shape) for name, shape in (base_shapes(SIZES) | adapter_shapes(SIZES)).items()}
    released["time_projection.1.weight"] *= time_projection_factor
    model = InfiniteTalkTransformer3DModel(
        num_attention_heads=4,
        attention_head_dim=SIZES.dim // 4,
        text_dim=SIZES.text_dim,
        freq_dim=SIZES.freq_dim,
        ffn_dim=SIZES.ffn_dim,
        num_layers=SIZES.num_layers,
        image_dim=SIZES.image_dim,
        added_kv_proj_dim=SIZES.dim,
        audio_intermediate_dim=SIZES.audio_intermediate,
        audio_dim=SIZES.audio_dim,
        audio_tokens=SIZES.audio_tokens,
    )
    model.load_state_dict({rename_transformer_key(name): tensor for name, tensor in released.items()})
    if "GOLDEN_COMPILED" in os.environ:
        model.compile_blocks()
    return model.eval().requires_grad_(requires_grad=False)


def make_vae() -> AutoencoderKLWan:
    """Build the golden VAE."""
    vae = AutoencoderKLWan(
        base_dim=8, z_dim=16, dim_mult=[1, 2, 2, 2], num_res_blocks=1, temperal_downsample=[False, True, True]
    )
    return fill(vae)


def make_audio_encoder() -> Wav2Vec2Model:
    """Build the golden audio encoder."""
    config = Wav2Vec2Config(
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=64,
        conv_dim=[16] * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
        do_stable_layer_norm=False,
        feat_extract_norm="group",
        conv_bias=False,
    )
    return fill(Wav2Vec2Model(config), "wav2vec2.")


def fill(model: nn.Module, prefix: str = "") -> nn.Module:
    """Give a model whose own key names are the golden ones its weights."""
    model.load_state_dict({key: weight(prefix + key, tensor.shape) for key, tensor in model.state_dict().items()})
    return model.eval().requires_grad_(requires_grad=False)


def to_bf16(model: nn.Module) -> nn.Module:
    """Cast what runs in bf16 on a GPU, as loading does."""
    kept = tuple(model._keep_in_fp32_modules or ())
    for name, parameter in model.named_parameters():
        if not any(part in kept for part in name.split(".")):
            parameter.data = parameter.data.bfloat16()
    return model
