"""Encode a picture for the transformer's image cross-attention."""

import torch
import torch.nn.functional as F
from transformers import CLIPVisionModel

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


@torch.no_grad()
def encode_image(encoder: CLIPVisionModel, photo: torch.Tensor) -> torch.Tensor:
    """Encode a picture.

    Args:
        encoder: CLIP's vision tower.
        photo: (1, 3, 1, height, width) in [-1, 1]; it is stretched to the encoder's square.

    Returns:
        The last layer but one, without a norm (1, 257, channels).
    """
    size = encoder.config.image_size
    # As the original: bicubic without antialiasing, and no crop.
    pixels = F.interpolate(photo[:, :, 0], size=(size, size), mode="bicubic", align_corners=False) * 0.5 + 0.5
    mean, std = (photo.new_tensor(values).view(3, 1, 1) for values in (CLIP_MEAN, CLIP_STD))
    output = encoder(((pixels - mean) / std).to(encoder.dtype), output_hidden_states=True)
    # Wan takes the output of the 31st of CLIP's 32 layers, without the norm that follows the last.
    embeds: torch.Tensor = output.hidden_states[-2]
    return embeds
