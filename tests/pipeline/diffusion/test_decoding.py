"""Half the bits make the same pictures, or are not used."""

import pytest
import torch
from diffusers import AutoencoderKLWan

from pipeline.diffusion.decoding import LEVEL, decode_latents, halve_decoder
from tests.golden_rule import make_vae

LATENTS = torch.randn(1, 16, 2, 4, 3, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def vae() -> AutoencoderKLWan:
    return make_vae().requires_grad_(requires_grad=False)


def overflow(vae: AutoencoderKLWan) -> None:
    """Let the residual stream grow past what fp16 holds; the norms bring it back, so that fp32 makes a picture."""
    vae.decoder.conv_in.weight.mul_(1e6)


def test_decodes_the_same_pictures_in_fp16(vae: AutoencoderKLWan) -> None:
    expected = decode_latents(vae, LATENTS)
    halve_decoder(vae, checked_side=4)
    frames = decode_latents(vae, LATENTS)
    assert vae.decoder.conv_in.weight.dtype == torch.float16
    assert frames.dtype == torch.float32
    assert 0 < (frames - expected).abs().max() < LEVEL


def test_encodes_as_before(vae: AutoencoderKLWan) -> None:
    halve_decoder(vae, checked_side=4)
    assert vae.dtype == vae.quant_conv.weight.dtype == torch.float32


def test_keeps_fp32_where_fp16_overflows(vae: AutoencoderKLWan) -> None:
    overflow(vae)
    expected = decode_latents(vae, LATENTS)
    halve_decoder(vae, checked_side=4)
    assert torch.equal(decode_latents(vae, LATENTS), expected)


def test_goes_back_to_fp32_where_fp16_overflows_later(vae: AutoencoderKLWan, caplog: pytest.LogCaptureFixture) -> None:
    halve_decoder(vae, checked_side=4)
    frames = decode_latents(vae, 1e6 * LATENTS)
    assert not frames.isnan().any()
    assert vae.decoder.conv_in.weight.dtype == torch.float32
    assert "left its range" in caplog.text
