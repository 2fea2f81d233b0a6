"""The architecture of released files that come without diffusers' or transformers' config: read from their shapes."""

from collections.abc import Mapping
from typing import Any

from pipeline.diffusion.audio_projection import read_audio_sizes
from pipeline.weights.sizes import Sizes

Config = dict[str, Any]

# Heads cannot be seen in the shapes; those of CLIP's ViT-H have this width.
IMAGE_ENCODER_HEAD_DIM = 80


def read_base_config(sizes: Sizes, num_heads: int) -> Config:
    """Return the transformer's config from the base model in the original layout."""
    dim, in_channels, *patch_size = sizes.of("patch_embedding.weight")
    patch_volume = patch_size[0] * patch_size[1] * patch_size[2]
    return {
        "patch_size": tuple(patch_size),
        "num_attention_heads": num_heads,
        "attention_head_dim": dim // num_heads,
        "in_channels": in_channels,
        "out_channels": sizes.of("head.head.weight")[0] // patch_volume,
        "text_dim": sizes.of("text_embedding.0.weight")[1],
        "freq_dim": sizes.of("time_embedding.0.weight")[1],
        "ffn_dim": sizes.of("blocks.0.ffn.0.weight")[0],
        "num_layers": sizes.count("blocks."),
        "image_dim": sizes.of("img_emb.proj.1.weight")[1],
        "added_kv_proj_dim": dim,
    }


def read_audio_config(sizes: Sizes, audio_encoder: Mapping[str, Any]) -> Config:
    """Return the part of the transformer's config that the adapter and the audio encoder decide.

    Raises:
        WeightsError: The two do not fit.
    """
    layers, channels = audio_encoder["num_hidden_layers"], audio_encoder["hidden_size"]
    return read_audio_sizes(sizes, layers, channels, "an adapter")


def read_text_encoder_config(sizes: Sizes) -> Config:
    """Return UMT5's config from the original file."""
    vocab_size, d_model = sizes.of("token_embedding.weight")
    num_buckets, num_heads = sizes.of("blocks.0.pos_embedding.embedding.weight")
    return {
        "vocab_size": vocab_size,
        "d_model": d_model,
        "d_kv": sizes.of("blocks.0.attn.q.weight")[0] // num_heads,
        "d_ff": sizes.of("blocks.0.ffn.fc1.weight")[0],
        "num_layers": sizes.count("blocks."),
        "num_heads": num_heads,
        "relative_attention_num_buckets": num_buckets,
        "feed_forward_proj": "gated-gelu",
    }


def read_image_encoder_config(sizes: Sizes) -> Config:
    """Return CLIP's config from the original file."""
    hidden_size, _, patch_size, _ = sizes.of("visual.patch_embedding.weight")
    num_patches = sizes.of("visual.pos_embedding")[1] - 1
    return {
        "hidden_size": hidden_size,
        "intermediate_size": sizes.of("visual.transformer.0.mlp.0.weight")[0],
        "num_hidden_layers": sizes.count("visual.transformer."),
        "num_attention_heads": hidden_size // IMAGE_ENCODER_HEAD_DIM,
        "image_size": patch_size * round(num_patches**0.5),
        "patch_size": patch_size,
        "hidden_act": "gelu",
    }


def read_vae_config(sizes: Sizes) -> Config:
    """Return the VAE's config from the original file; only its width differs from Wan 2.1's."""
    return {"base_dim": sizes.of("encoder.conv1.weight")[0], "z_dim": sizes.of("decoder.conv1.weight")[1]}
