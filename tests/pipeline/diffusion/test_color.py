"""Colours matched to the photo's."""

import numpy as np
import pytest
import torch
from skimage.color import lab2rgb, rgb2lab

from pipeline.diffusion.color import match_colors


def match_with_skimage(video: torch.Tensor, photo: torch.Tensor, strength: float) -> torch.Tensor:
    reference = rgb2lab(((photo[0, :, 0] + 1) / 2).permute(1, 2, 0).numpy())
    frames = []
    for frame in ((video[0] + 1) / 2).permute(1, 2, 3, 0).numpy():
        lab = rgb2lab(frame)
        spread = reference.std((0, 1)) / lab.std((0, 1))
        matched = lab2rgb((lab - lab.mean((0, 1))) * spread + reference.mean((0, 1)))
        frames.append(strength * matched.clip(0, 1) + (1 - strength) * frame)
    return torch.from_numpy(np.stack(frames)).permute(3, 0, 1, 2)[None] * 2 - 1


@pytest.mark.filterwarnings("ignore:Conversion from CIE-LAB")
@pytest.mark.parametrize("strength", [1.0, 0.4])
def test_agrees_with_skimage(strength: float) -> None:
    generator = torch.Generator().manual_seed(0)
    video = torch.rand(1, 3, 4, 24, 16, generator=generator, dtype=torch.float64) * 2 - 1
    photo = torch.rand(1, 3, 1, 24, 16, generator=generator, dtype=torch.float64) * 1.2 - 0.8
    ours = match_colors(video, photo, strength)
    assert torch.allclose(ours, match_with_skimage(video, photo, strength), atol=1e-9)


def test_a_frame_of_one_colour_becomes_the_photos_mean_without_dividing_by_zero() -> None:
    video, photo = torch.full((1, 3, 1, 4, 4), 0.5), torch.full((1, 3, 1, 4, 4), -0.5)
    assert torch.allclose(match_colors(video, photo, 1.0), photo, atol=1e-4)
