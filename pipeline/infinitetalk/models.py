"""The loaded models, and where their weights are."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from diffusers import AutoencoderKLWan
from transformers import AutoTokenizer, CLIPVisionModel, PreTrainedTokenizerBase, UMT5EncoderModel, Wav2Vec2Model

from pipeline.diffusion.loading import make_loader
from pipeline.infinitetalk.checkpoint import TOKENIZER
from pipeline.infinitetalk.transformer import InfiniteTalkTransformer3DModel
from pipeline.weights.checkpoint import Checkpoint


@dataclass(frozen=True)
class Models:
    """All that a video is made with.

    Attributes:
        device: Where everything is computed; offloaded weights come there when they are needed.
    """

    transformer: InfiniteTalkTransformer3DModel
    text_encoder: UMT5EncoderModel
    tokenizer: PreTrainedTokenizerBase
    image_encoder: CLIPVisionModel
    vae: AutoencoderKLWan
    audio_encoder: Wav2Vec2Model
    device: torch.device

    @property
    def token_side(self) -> int:
        """Pixels of the picture that a token is wide and high."""
        side: int = self.vae.config.scale_factor_spatial * self.transformer.config.patch_size[1]
        return side


def load_models(
    checkpoint: Checkpoint, device: torch.device, *, offloaded: bool, report: Callable[[int], None]
) -> Models:
    """Read all weights.

    Args:
        checkpoint: Where they are.
        device: Where everything is computed.
        offloaded: Whether the two large models stay in CPU memory, for `place_models`.
        report: Takes the bytes of every tensor that arrived; raises to stop.

    Raises:
        WeightsError: A file is missing, broken or does not fit.
    """
    load = make_loader(checkpoint, device, offloaded=offloaded, report=report)
    return Models(
        transformer=load("transformer"),
        text_encoder=load("text_encoder"),
        tokenizer=AutoTokenizer.from_pretrained(checkpoint.folders[TOKENIZER], local_files_only=True),
        image_encoder=load("image_encoder"),
        vae=load("vae"),
        audio_encoder=load("audio_encoder"),
        device=device,
    )
