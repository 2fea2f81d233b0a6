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


PREPARED_BYTES = 53_000_000_000
"""InfiniteTalk, prepared, about: transformer 37.8 GB and text encoder 11.4 GB in bf16, the rest in fp32."""

INFINITETALK: tuple[Source, ...] = (
    Source(
        "Wan-AI/Wan2.1-I2V-14B-480P",
        "main",
        "base",
        (
            "config.json",
            "diffusion_pytorch_model*.safetensors",
            "diffusion_pytorch_model.safetensors.index.json",
            "models_t5_umt5-xxl-enc-bf16.pth",
            "models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth",
            "Wan2.1_VAE.pth",
            "google/umt5-xxl/*",
        ),
    ),
    # The main branch has the audio encoder as a pickle only; the pull request has the same numbers as safetensors.
    Source("TencentGameMate/chinese-wav2vec2-base", "refs/pr/1", "audio_encoder", ("config.json", "model.safetensors")),
    Source("MeiGen-AI/InfiniteTalk", "main", "adapter", ("single/infinitetalk.safetensors",)),
)
