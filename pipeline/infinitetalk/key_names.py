"""The names of the released tensors, and ours."""

import re
from collections.abc import Iterable

import torch
from diffusers.loaders.single_file_utils import convert_wan_transformer_to_diffusers, convert_wan_vae_to_diffusers

from pipeline.weights.tensor_files import NamedTensor

# Renamed before diffusers' converter sees them: it would turn `audio_cross_attn` into `audio_attn2`.
ADAPTER_NAMES = {
    r"^(audio_proj\..+)$": r"\1",
    r"^(blocks\.\d+)\.norm_x\.(.+)$": r"\1.norm_audio.\2",
    r"^(blocks\.\d+)\.audio_cross_attn\.q_linear\.(.+)$": r"\1.audio_attn.to_q.\2",
    r"^(blocks\.\d+)\.audio_cross_attn\.kv_linear\.(.+)$": r"\1.audio_attn.to_kv.\2",
    r"^(blocks\.\d+)\.audio_cross_attn\.proj\.(.+)$": r"\1.audio_attn.to_out.\2",
}

# What of the transformer is the adapter's.
ADAPTER_MODULES = {"audio_proj", "norm_audio", "audio_attn"}

# Google's names, as transformers has them, of the text encoder that Wan's authors rewrote.
TEXT_ENCODER_NAMES = {
    r"^token_embedding\.weight$": "shared.weight",
    r"^norm\.weight$": "encoder.final_layer_norm.weight",
    r"^blocks\.(\d+)\.norm1\.weight$": r"encoder.block.\1.layer.0.layer_norm.weight",
    r"^blocks\.(\d+)\.attn\.([qkvo])\.weight$": r"encoder.block.\1.layer.0.SelfAttention.\2.weight",
    r"^blocks\.(\d+)\.pos_embedding\.embedding\.weight$": (
        r"encoder.block.\1.layer.0.SelfAttention.relative_attention_bias.weight"
    ),
    r"^blocks\.(\d+)\.norm2\.weight$": r"encoder.block.\1.layer.1.layer_norm.weight",
    r"^blocks\.(\d+)\.ffn\.gate\.0\.weight$": r"encoder.block.\1.layer.1.DenseReluDense.wi_0.weight",
    r"^blocks\.(\d+)\.ffn\.fc1\.weight$": r"encoder.block.\1.layer.1.DenseReluDense.wi_1.weight",
    r"^blocks\.(\d+)\.ffn\.fc2\.weight$": r"encoder.block.\1.layer.1.DenseReluDense.wo.weight",
}

IMAGE_ENCODER_NAMES = {
    r"^visual\.cls_embedding$": "embeddings.class_embedding",
    r"^visual\.pos_embedding$": "embeddings.position_embedding.weight",
    r"^visual\.patch_embedding\.weight$": "embeddings.patch_embedding.weight",
    r"^visual\.pre_norm\.(.+)$": r"pre_layrnorm.\1",
    r"^visual\.post_norm\.(.+)$": r"post_layernorm.\1",
    r"^visual\.transformer\.(\d+)\.norm([12])\.(.+)$": r"encoder.layers.\1.layer_norm\2.\3",
    r"^visual\.transformer\.(\d+)\.attn\.proj\.(.+)$": r"encoder.layers.\1.self_attn.out_proj.\2",
    r"^visual\.transformer\.(\d+)\.mlp\.0\.(.+)$": r"encoder.layers.\1.mlp.fc1.\2",
    r"^visual\.transformer\.(\d+)\.mlp\.2\.(.+)$": r"encoder.layers.\1.mlp.fc2.\2",
}
# The original file holds the whole of CLIP; only its eye is used.
UNUSED_IN_IMAGE_ENCODER = ("textual.", "log_scale", "visual.head")


def rename_transformer_key(key: str) -> str:
    """Return our name of a tensor of the base model in the original layout, or of the adapter."""
    renamed = _rename(key, ADAPTER_NAMES)
    if renamed is None:
        (renamed,) = convert_wan_transformer_to_diffusers({key: torch.empty(0)})
    return renamed


def convert_transformer(name: str, tensor: torch.Tensor) -> Iterable[NamedTensor]:
    """Read a tensor of the base model in the original layout, or of the adapter."""
    return [(rename_transformer_key(name), tensor)]


def convert_adapter(name: str, tensor: torch.Tensor) -> Iterable[NamedTensor]:
    """Read a tensor of the adapter, or of the base model in diffusers' layout, whose names are ours."""
    return [(_rename(name, ADAPTER_NAMES) or name, tensor)]


def is_adapter_name(name: str) -> bool:
    """Say whether a tensor of the transformer comes from the adapter, by our name of it."""
    return bool(set(name.split(".")) & ADAPTER_MODULES)


def convert_text_encoder(name: str, tensor: torch.Tensor) -> Iterable[NamedTensor]:
    """Read a tensor of the original text encoder."""
    return [(_rename(name, TEXT_ENCODER_NAMES) or name, tensor)]


def convert_image_encoder(name: str, tensor: torch.Tensor) -> Iterable[NamedTensor]:
    """Read a tensor of the original image encoder, which stores queries, keys and values as one."""
    if name.startswith(UNUSED_IN_IMAGE_ENCODER):
        return []
    # The original stores queries, keys and values of CLIP as one matrix; transformers has three.
    if fused := re.match(r"^visual\.transformer\.(\d+)\.attn\.to_qkv\.(.+)$", name):
        layer, leaf = fused.groups()
        names = (f"encoder.layers.{layer}.self_attn.{part}_proj.{leaf}" for part in "qkv")
        return zip(names, (part.contiguous() for part in tensor.chunk(3)), strict=True)
    renamed = _rename(name, IMAGE_ENCODER_NAMES) or name
    # The original keeps the leading dimensions of its embeddings, of size 1.
    is_embedding = renamed.startswith("embeddings.") and "patch" not in renamed
    return [(renamed, tensor.squeeze(0).squeeze(0) if is_embedding else tensor)]


def convert_diffusers_image_encoder(name: str, tensor: torch.Tensor) -> Iterable[NamedTensor]:
    """Read a tensor of the image encoder in diffusers' layout, whose names older versions of transformers gave."""
    # A range of numbers that older versions stored and newer ones make.
    return [] if name.endswith("position_ids") else [(name.removeprefix("vision_model."), tensor)]


def convert_vae(name: str, tensor: torch.Tensor) -> Iterable[NamedTensor]:
    """Read a tensor of the original VAE."""
    converted: dict[str, torch.Tensor] = convert_wan_vae_to_diffusers({name: tensor})
    return converted.items()


def _rename(name: str, table: dict[str, str]) -> str | None:
    """Return the new name, None where the table has none."""
    for pattern, replacement in table.items():
        if re.match(pattern, name):
            return re.sub(pattern, replacement, name)
    return None
