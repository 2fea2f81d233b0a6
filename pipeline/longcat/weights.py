"""What LongCat's weights are and where they come from. Knows no torch."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from pipeline.longcat.profiles import MODEL, PROFILES, get_options
from pipeline.weights.spec import AddedLora, Release, Source, WeightsSpec

if TYPE_CHECKING:
    from pipeline.weights.checkpoint import CheckpointLayout

_AVATAR_15 = "meituan-longcat/LongCat-Video-Avatar-1.5"

_SHARED = (
    # The repository's own transformer, 54 GB, is of no use here.
    Source(
        "meituan-longcat/LongCat-Video",
        "main",
        "base",
        ("tokenizer/*", "text_encoder/*.json", "text_encoder/*.safetensors", "vae/*.json", "vae/*.safetensors"),
    ),
)
_AUDIO_15 = Source(_AVATAR_15, "main", "avatar", ("whisper-large-v3/*.json", "whisper-large-v3/model.safetensors"))
_LORA_15 = Source(_AVATAR_15, "main", "loras/dmd", ("lora/dmd_lora.safetensors",))


def _transformer(name: str) -> Source:
    return Source(_AVATAR_15, "main", "avatar", (f"{name}/*.json", f"{name}/*.safetensors"))


_BF16 = Release(
    (*_SHARED, _AUDIO_15, _LORA_15, _transformer("base_model")),
    "base_model",
    # The transformer takes 31.7 GB and the text encoder 11.4 GB in bf16, the rest is in fp32.
    prepared_bytes=48_600_000_000,
)
# A row for each release that has profiles, which 1.0 has not. Newer weights of the same architecture are one more;
# their keys say what they are.
RELEASES = {
    "1.5": _BF16,
    "1.5-int8": Release(
        (*_SHARED, _AUDIO_15, _LORA_15, _transformer("base_model_int8")),
        "base_model_int8",
        prepared_bytes=32_800_000_000,
        is_quantized=True,
    ),
}


def _find_loras() -> tuple[AddedLora, ...]:
    wanted = {one.lora: one.lora_scale for one in map(get_options, PROFILES)}
    return tuple(AddedLora(name, wanted[name]) for name in sorted(wanted))


def _load_layout(transformer: str = "") -> "CheckpointLayout":
    from pipeline.longcat.checkpoint import LAYOUT, open_released

    # A whole clone of the repository has more than one.
    return replace(LAYOUT, open_released=partial(open_released, transformers=(transformer,))) if transformer else LAYOUT


WEIGHTS = WeightsSpec(
    name=MODEL,
    sources=_BF16.sources,
    downloads=f"{MODEL}-sources",
    prepared_bytes=_BF16.prepared_bytes,
    overlay_bytes=31_700_000_000,
    bf16_bytes=31_700_000_000,
    fp8_bytes=16_000_000_000,
    loras=_find_loras(),
    load_layout=_load_layout,
    releases=RELEASES,
)
