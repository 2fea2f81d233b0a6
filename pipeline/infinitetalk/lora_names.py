"""How LoRAs for Wan 2.1 name what they change."""

import re
from collections.abc import Iterable

from diffusers.loaders.single_file_utils import convert_wan_transformer_to_diffusers

from pipeline.weights.lora import LoraNames

# Names whose own underscores stay when the others become dots.
COMPOUND_NAMES = re.compile(
    r"(self_attn|cross_attn|[kv]_img|norm_[qk](?:_img)?|img_emb|[a-z]+_(?:embedding|projection))"
)
DIFFUSERS_NAMES = re.compile(r"\battn[12]\b|\bffn\.net\b|\bcondition_embedder\b|\bproj_out\b")


def _restore_dots(path: str) -> str:
    """Turn `blocks_0_self_attn_q` into `blocks.0.self_attn.q`."""
    pieces = COMPOUND_NAMES.split(path)
    return "".join(piece if COMPOUND_NAMES.fullmatch(piece) else piece.replace("_", ".") for piece in pieces)


def _rename(names: Iterable[str]) -> dict[str, str]:
    """Return the parameters' names in diffusers, each with the name it came under."""
    originals = {name: name for name in names}
    if any(DIFFUSERS_NAMES.search(name) for name in originals):
        return originals
    # diffusers' own LoRA loader drops what is not low-rank; of it only this table of names is used.
    renamed: dict[str, str] = convert_wan_transformer_to_diffusers(originals)
    return renamed


LORA_NAMES = LoraNames("Wan 2.1 image-to-video (14B)", _restore_dots, _rename)
