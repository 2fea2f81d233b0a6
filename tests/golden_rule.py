"""The golden cases' tensors and what they are compared by: every number follows from its name."""

import math
import zlib
from collections.abc import Iterable
from typing import TypeVar

import numpy as np
import torch
from diffusers import AutoencoderKLWan
from torch import nn

Model = TypeVar("Model", bound=nn.Module)


def rule(name: str, shape: Iterable[int], amplitude: float = 1.0) -> torch.Tensor:
    """Return the tensor that follows from `name`."""
    shape = tuple(shape)
    raw = np.random.PCG64(zlib.crc32(name.encode())).random_raw(math.prod(shape))
    uniform = (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return torch.from_numpy(((2 * uniform - 1) * amplitude).astype(np.float32).reshape(shape))


def weight(name: str, shape: Iterable[int]) -> torch.Tensor:
    """Return the weight called `name`."""
    shape = tuple(shape)
    leaf = name.rpartition(".")[2]
    if leaf == "bias":
        return rule(name, shape, 0.1)
    if leaf == "modulation":
        return rule(name, shape, 0.5)
    if leaf == "gamma" or (leaf == "weight" and len(shape) == 1):
        return 1 + rule(name, shape, 0.1)
    return rule(name, shape, math.sqrt(3 / (math.prod(shape) / shape[0])))


def fill(model: Model, prefix: str = "") -> Model:
    """Give a model whose own key names are the golden ones its weights."""
    model.load_state_dict({key: weight(prefix + key, tensor.shape) for key, tensor in model.state_dict().items()})
    return model.eval().requires_grad_(requires_grad=False)


def make_vae() -> AutoencoderKLWan:
    """Build the golden VAE."""
    vae = AutoencoderKLWan(
        base_dim=8, z_dim=16, dim_mult=[1, 2, 2, 2], num_res_blocks=1, temperal_downsample=[False, True, True]
    )
    return fill(vae)


def to_bf16(model: Model) -> Model:
    """Cast what runs in bf16 on a GPU, as loading does."""
    kept = tuple(model._keep_in_fp32_modules or ())
    for name, parameter in model.named_parameters():
        if not any(part in kept for part in name.split(".")):
            parameter.data = parameter.data.bfloat16()
    return model


def relative_error(ours: torch.Tensor, golden: torch.Tensor) -> float:
    """Return the norm of the difference over the norm of the golden tensor."""
    assert ours.shape == golden.shape
    assert ours.isfinite().all()
    return ((ours.double() - golden.double()).norm() / golden.double().norm()).item()
