"""The released files: their key names and ours."""

import re

import torch
from diffusers.loaders.single_file_utils import convert_wan_transformer_to_diffusers

# Renamed before diffusers' converter sees them: it would turn `audio_cross_attn` into `audio_attn2`.
ADAPTER_KEYS = {
    r"^(audio_proj\..+)$": r"\1",
    r"^(blocks\.\d+)\.norm_x\.(.+)$": r"\1.norm_audio.\2",
    r"^(blocks\.\d+)\.audio_cross_attn\.q_linear\.(.+)$": r"\1.audio_attn.to_q.\2",
    r"^(blocks\.\d+)\.audio_cross_attn\.kv_linear\.(.+)$": r"\1.audio_attn.to_kv.\2",
    r"^(blocks\.\d+)\.audio_cross_attn\.proj\.(.+)$": r"\1.audio_attn.to_out.\2",
}


def rename_transformer_key(key: str) -> str:
    """Return our name of a key of the base model in the original layout, or of the adapter."""
    for pattern, replacement in ADAPTER_KEYS.items():
        if re.match(pattern, key):
            return re.sub(pattern, replacement, key)
    (renamed,) = convert_wan_transformer_to_diffusers({key: torch.empty(0)})
    return str(renamed)
