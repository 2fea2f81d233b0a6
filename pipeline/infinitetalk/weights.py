"""What InfiniteTalk's weights are and where they come from. Knows no torch."""

from typing import TYPE_CHECKING

from pipeline.infinitetalk.profiles import PEOPLE_OVERLAY, PROFILES, get_options
from pipeline.weights.spec import AddedLora, Source, WeightsSpec

if TYPE_CHECKING:
    from pipeline.weights.checkpoint import CheckpointLayout

_SOURCES = (
    # The same model in the layout of diffusers: safetensors only, where the original repository has pickles.
    Source(
        "Wan-AI/Wan2.1-I2V-14B-480P-Diffusers",
        "main",
        "base",
        (
            "transformer/*.json",
            "transformer/*.safetensors",
            "text_encoder/*.json",
            "text_encoder/*.safetensors",
            "tokenizer/*",
            "image_encoder/*.json",
            "image_encoder/*.safetensors",
            "vae/*.json",
            "vae/*.safetensors",
        ),
    ),
    # The main branch has the audio encoder as a pickle only; the pull request has the same numbers as safetensors.
    Source("TencentGameMate/chinese-wav2vec2-base", "refs/pr/1", "audio_encoder", ("config.json", "model.safetensors")),
    Source("MeiGen-AI/InfiniteTalk", "main", "adapter", ("single/infinitetalk.safetensors",)),
    Source("MeiGen-AI/InfiniteTalk", "main", "adapter", ("multi/infinitetalk.safetensors",), overlay=PEOPLE_OVERLAY),
    Source(
        "vrgamedevgirl84/Wan14BT2VFusioniX",
        "main",
        "loras/fusionix",
        ("FusionX_LoRa/Wan2.1_I2V_14B_FusionX_LoRA.safetensors",),
    ),
    Source(
        "lightx2v/Wan2.1-Distill-Loras",
        "main",
        "loras/lightx2v",
        ("wan2.1_i2v_lora_rank64_lightx2v_4step.safetensors",),
    ),
)


def _find_loras() -> tuple[AddedLora, ...]:
    wanted = {one.lora: one.lora_scale for one in map(get_options, PROFILES) if one.lora is not None}
    return tuple(AddedLora(name, wanted[name]) for name in sorted(wanted))


def _load_layout() -> "CheckpointLayout":
    from pipeline.infinitetalk.checkpoint import LAYOUT

    return LAYOUT


WEIGHTS = WeightsSpec(
    name="infinitetalk",
    sources=_SOURCES,
    downloads="sources",
    # The transformer takes 37.8 GB and the text encoder 11.4 GB in bf16, the rest is in fp32.
    prepared_bytes=54_000_000_000,
    overlay_bytes=5_000_000_000,
    bf16_bytes=38_100_000_000,
    fp8_bytes=19_600_000_000,
    loras=_find_loras(),
    load_layout=_load_layout,
)
