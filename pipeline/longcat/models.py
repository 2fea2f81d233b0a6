"""The loaded models, and where their weights are."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from diffusers import AutoencoderKLWan
from transformers import AutoTokenizer, PreTrainedTokenizerBase, UMT5EncoderModel, Wav2Vec2Model
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from pipeline.diffusion.loading import make_loader
from pipeline.longcat.checkpoint import TOKENIZER
from pipeline.longcat.transformer import LongCatTransformer
from pipeline.weights.checkpoint import Checkpoint


@dataclass(frozen=True)
class Models:
    """All that a video is made with.

    Attributes:
        device: Where everything is computed; offloaded weights come there when they are needed.
    """

    transformer: LongCatTransformer
    text_encoder: UMT5EncoderModel
    tokenizer: PreTrainedTokenizerBase
    vae: AutoencoderKLWan
    audio_encoder: WhisperEncoder | Wav2Vec2Model
    device: torch.device

    @property
    def token_side(self) -> int:
        """Pixels of the picture that a token is wide and high."""
        side: int = self.vae.config.scale_factor_spatial * self.transformer.architecture.patch_size[1]
        return side

    @property
    def hears_whisper(self) -> bool:
        """Whether the weights are of version 1.5 or newer; 1.0 hears wav2vec2."""
        return isinstance(self.audio_encoder, WhisperEncoder)


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
        vae=load("vae"),
        audio_encoder=load("audio_encoder"),
        device=device,
    )
