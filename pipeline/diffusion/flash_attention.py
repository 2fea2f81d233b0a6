"""FlashAttention 4 from its own package; diffusers knows it too, but only as a download from a hub of kernels."""

import torch
from diffusers.models.attention_dispatch import _HUB_KERNELS_REGISTRY, AttentionBackendName

FLASH_4 = AttentionBackendName.FLASH_4_HUB


@torch.library.custom_op("pipeline::flash_attention_4", mutates_args=())
def flash_attention_4(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    softmax_scale: float | None = None,
    causal: bool = False,  # as the package names and orders them
) -> torch.Tensor:
    """Attend; all (batch, tokens, heads, head_dim). An operator of torch's, so that compiled code can call it.

    Raises:
        ImportError: The package `flash-attn-4` is not installed.
    """
    from flash_attn.cute import flash_attn_func

    output: torch.Tensor = flash_attn_func(q, k, v, softmax_scale=softmax_scale, causal=causal)[0]
    return output


@flash_attention_4.register_fake
def _(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    softmax_scale: float | None = None,
    causal: bool = False,  # as above
) -> torch.Tensor:
    del k, v, softmax_scale, causal
    return torch.empty_like(q)


def offer_flash_attention_4() -> None:
    """Let diffusers call it under its own name, `flash_4_hub`, without fetching anything."""
    _HUB_KERNELS_REGISTRY[FLASH_4].kernel_fn = flash_attention_4
