"""Which files of which repositories make a model: an allow-list, since the repositories hold far more."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """Files of one repository on the hub.

    Attributes:
        repository: `owner/name`.
        revision: Branch, pull request or commit. It is resolved to a commit once, and that one is kept.
        folder: Where they go, below the folder of all sources.
        patterns: The files, as shell patterns.
    """

    repository: str
    revision: str
    folder: str
    patterns: tuple[str, ...]


PREPARED_BYTES = 54_000_000_000
"""InfiniteTalk, prepared, about: transformer 37.8 GB and text encoder 11.4 GB in bf16, the rest in fp32."""

BF16_BYTES, FP8_BYTES = 38_100_000_000, 19_600_000_000
"""Another variant of the transformer, about."""

INFINITETALK: tuple[Source, ...] = (
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
