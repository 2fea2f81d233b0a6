"""Weights that wait in CPU memory and come to the device when they are needed."""

import torch
from diffusers.hooks import HookRegistry, apply_group_offloading
from diffusers.hooks.group_offloading import (
    _GROUP_OFFLOADING,
    _LAYER_EXECUTION_TRACKER,
    _LAZY_PREFETCH_GROUP_OFFLOADING,
    _is_group_offload_enabled,
)
from torch import nn

OFFLOADING_HOOKS = (_GROUP_OFFLOADING, _LAYER_EXECUTION_TRACKER, _LAZY_PREFETCH_GROUP_OFFLOADING)


def is_offloaded(model: nn.Module) -> bool:
    """Say whether its weights wait in CPU memory."""
    answer: bool = _is_group_offload_enabled(model)
    return answer


def offload(model: nn.Module, offload_type: str, device: torch.device) -> None:
    """Let weights wait in CPU memory and come to the device while those before them compute."""
    apply_group_offloading(
        model,
        onload_device=device,
        offload_device=torch.device("cpu"),
        offload_type=offload_type,
        num_blocks_per_group=1,
        use_stream=device.type == "cuda",
    )


def bring_back(model: nn.Module, device: torch.device) -> None:
    """Keep weights on the device, offloaded ones and those that waited until a moment ago."""
    stop_offloading(model)
    # Weights that are there remain the same tensors: compiled blocks know them.
    if any(weight.device != device for weight in model.parameters()):
        model.to(device)


def stop_offloading(model: nn.Module) -> None:
    """Keep offloaded weights in CPU memory; those of a model that is not offloaded stay where they are."""
    if not is_offloaded(model):
        return
    registry = HookRegistry.check_if_exists_or_initialize(model)
    for hook in OFFLOADING_HOOKS:
        registry.remove_hook(hook, recurse=True)
    # Also those that are there already: a quantised weight that was on the device goes on saying that it is.
    model.to("cpu")
