"""The golden cases' tensors and models: every number follows from its name, as `tests/golden/README.md` has it."""

import math
import zlib
from collections.abc import Iterable

import numpy as np
import torch
from diffusers import AutoencoderKLWan
from torch import nn
from transformers import Wav2Vec2Config, Wav2Vec2Model

from pipeline.infinitetalk.key_names import rename_transformer_key
from pipeline.infinitetalk.transformer import InfiniteTalkTransformer3DModel

DIM, FFN_DIM, NUM_LAYERS, TEXT_DIM, FREQ_DIM, IMAGE_DIM = 128, 256, 2, 64, 64, 1280
WINDOW, AUDIO_LAYERS, AUDIO_CHANNELS, AUDIO_INTERMEDIATE, AUDIO_DIM, AUDIO_TOKENS = 5, 12, 768, 8, 32, 4

Shapes = dict[str, tuple[int, ...]]


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


def linear(name: str, rows: int, columns: int) -> Shapes:
    """Return the keys and shapes of a linear layer."""
    return {f"{name}.weight": (rows, columns), f"{name}.bias": (rows,)}


def norm(name: str, size: int) -> Shapes:
    """Return the keys and shapes of an affine norm."""
    return {f"{name}.weight": (size,), f"{name}.bias": (size,)}


def block_shapes(name: str) -> Shapes:
    """Return the released keys and shapes of one block of the base model."""
    shapes: Shapes = {f"{name}.modulation": (1, 6, DIM)}
    for layer in ("self_attn.q", "self_attn.k", "self_attn.v", "self_attn.o"):
        shapes |= linear(f"{name}.{layer}", DIM, DIM)
    for layer in ("q", "k", "v", "o", "k_img", "v_img"):
        shapes |= linear(f"{name}.cross_attn.{layer}", DIM, DIM)
    for layer in ("self_attn.norm_q", "self_attn.norm_k", "cross_attn.norm_q", "cross_attn.norm_k"):
        shapes[f"{name}.{layer}.weight"] = (DIM,)
    shapes[f"{name}.cross_attn.norm_k_img.weight"] = (DIM,)
    return (
        shapes
        | norm(f"{name}.norm3", DIM)
        | linear(f"{name}.ffn.0", FFN_DIM, DIM)
        | linear(f"{name}.ffn.2", DIM, FFN_DIM)
    )


def base_shapes() -> Shapes:
    """Return the released keys of the tiny base transformer, with their shapes."""
    shapes: Shapes = {"patch_embedding.weight": (DIM, 36, 1, 2, 2), "patch_embedding.bias": (DIM,)}
    shapes |= linear("text_embedding.0", DIM, TEXT_DIM) | linear("text_embedding.2", DIM, DIM)
    shapes |= linear("time_embedding.0", DIM, FREQ_DIM) | linear("time_embedding.2", DIM, DIM)
    shapes |= linear("time_projection.1", 6 * DIM, DIM)
    shapes |= norm("img_emb.proj.0", IMAGE_DIM) | linear("img_emb.proj.1", IMAGE_DIM, IMAGE_DIM)
    shapes |= linear("img_emb.proj.3", DIM, IMAGE_DIM) | norm("img_emb.proj.4", DIM)
    for index in range(NUM_LAYERS):
        shapes |= block_shapes(f"blocks.{index}")
    return shapes | linear("head.head", 16 * 4, DIM) | {"head.modulation": (1, 2, DIM)}


def adapter_shapes() -> Shapes:
    """Return the released keys of the tiny adapter, with their shapes."""
    num_features = AUDIO_LAYERS * AUDIO_CHANNELS
    shapes = linear("audio_proj.proj1", AUDIO_INTERMEDIATE, WINDOW * num_features)
    shapes |= linear("audio_proj.proj1_vf", AUDIO_INTERMEDIATE, (WINDOW + 3) * num_features)
    shapes |= linear("audio_proj.proj2", AUDIO_INTERMEDIATE, AUDIO_INTERMEDIATE)
    shapes |= linear("audio_proj.proj3", AUDIO_TOKENS * AUDIO_DIM, AUDIO_INTERMEDIATE)
    shapes |= norm("audio_proj.norm", AUDIO_DIM)
    for index in range(NUM_LAYERS):
        attention = f"blocks.{index}.audio_cross_attn"
        shapes |= norm(f"blocks.{index}.norm_x", DIM) | linear(f"{attention}.q_linear", DIM, DIM)
        shapes |= linear(f"{attention}.kv_linear", 2 * DIM, AUDIO_DIM) | linear(f"{attention}.proj", DIM, DIM)
    return shapes


def make_transformer(time_projection_factor: float = 1.0) -> InfiniteTalkTransformer3DModel:
    """Build the golden transformer through the released key names."""
    released = {name: weight(name, shape) for name, shape in (base_shapes() | adapter_shapes()).items()}
    released["time_projection.1.weight"] *= time_projection_factor
    model = InfiniteTalkTransformer3DModel(
        num_attention_heads=4,
        attention_head_dim=DIM // 4,
        text_dim=TEXT_DIM,
        freq_dim=FREQ_DIM,
        ffn_dim=FFN_DIM,
        num_layers=NUM_LAYERS,
        image_dim=IMAGE_DIM,
        added_kv_proj_dim=DIM,
        audio_intermediate_dim=AUDIO_INTERMEDIATE,
        audio_dim=AUDIO_DIM,
        audio_tokens=AUDIO_TOKENS,
    )
    model.load_state_dict({rename_transformer_key(name): tensor for name, tensor in released.items()})
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
