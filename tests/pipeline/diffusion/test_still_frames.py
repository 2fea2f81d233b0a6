"""Still frames cost less and encode to the same numbers."""

import pytest
import torch
from diffusers import AutoencoderKLWan

from pipeline.diffusion.still_frames import encoding_still_frames


@pytest.fixture
def vae() -> AutoencoderKLWan:
    torch.manual_seed(0)
    return AutoencoderKLWan(base_dim=8, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=2).requires_grad_(
        requires_grad=False
    )


def make_video(num_frames: int) -> torch.Tensor:
    """A picture, then grey."""
    return torch.cat([torch.randn(1, 3, 1, 8, 16), torch.zeros(1, 3, num_frames - 1, 8, 16)], dim=2)


@pytest.mark.parametrize("num_frames", [1, 5, 81])
def test_gives_the_same_numbers(vae: AutoencoderKLWan, num_frames: int) -> None:
    video = make_video(num_frames)
    expected = vae.encode(video).latent_dist.mode()
    with encoding_still_frames(vae):
        latents = vae.encode(video).latent_dist.mode()
    assert torch.equal(latents, expected)


def test_gives_the_same_numbers_for_a_video_that_moves(vae: AutoencoderKLWan) -> None:
    video = torch.randn(1, 3, 9, 8, 16)
    expected = vae.encode(video).latent_dist.mode()
    with encoding_still_frames(vae):
        assert torch.equal(vae.encode(video).latent_dist.mode(), expected)


def test_computes_the_costly_layers_a_third_of_the_times(vae: AutoencoderKLWan) -> None:
    calls = []
    first, last = vae.encoder.down_blocks[0].conv1, vae.encoder.mid_block.resnets[1].conv1
    for name, module in (("full resolution", first), ("an eighth", last)):
        module.register_forward_hook(lambda *_, name=name: calls.append(name))
    with encoding_still_frames(vae):
        vae.encode(make_video(81))
    assert calls.count("full resolution") <= 21 // 3
    assert calls.count("an eighth") <= 21


def test_leaves_the_encoder_as_it_was(vae: AutoencoderKLWan) -> None:
    with pytest.raises(RuntimeError), encoding_still_frames(vae):
        vae.encode(torch.randn(1, 7, 1, 8, 16))
    assert all("forward" not in vars(layer) for layer in (*vae.encoder.down_blocks, vae.encoder.mid_block))
