"""The loaded models, and where their weights are."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import AutoencoderKLWan
from diffusers.hooks import HookRegistry, apply_group_offloading
from diffusers.hooks.group_offloading import (
    _GROUP_OFFLOADING,
    _LAYER_EXECUTION_TRACKER,
    _LAZY_PREFETCH_GROUP_OFFLOADING,
    _is_group_offload_enabled,
)
from torch import nn
from transformers import AutoTokenizer, CLIPVisionModel, PreTrainedTokenizerBase, UMT5EncoderModel, Wav2Vec2Model

from pipeline.diffusion.loading import load_component
from pipeline.infinitetalk.checkpoint import Checkpoint
from pipeline.infinitetalk.transformer import InfiniteTalkTransformer3DModel

# diffusers moves the transformer's blocks whole; the text encoder's are one level too deep for that.
OFFLOADED = {"transformer": "block_level", "text_encoder": "leaf_level"}
OFFLOADING_HOOKS = (_GROUP_OFFLOADING, _LAYER_EXECUTION_TRACKER, _LAZY_PREFETCH_GROUP_OFFLOADING)


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
    host = torch.device("cpu")

    def load(name: str) -> Any:  # noqa: ANN401  # each kind has its class
        is_waiting = offloaded and name in OFFLOADED
        return load_component(checkpoint.components[name], host if is_waiting else device, report)

    return Models(
        transformer=load("transformer"),
        text_encoder=load("text_encoder"),
        tokenizer=AutoTokenizer.from_pretrained(checkpoint.tokenizer, local_files_only=True),
        image_encoder=load("image_encoder"),
        vae=load("vae"),
        audio_encoder=load("audio_encoder"),
        device=device,
    )


def place_models(models: Models, *, offloaded: bool) -> None:
    """Let the two large models wait in CPU memory, or bring them to the device for good; does nothing twice."""
    for name, offload_type in OFFLOADED.items():
        model = getattr(models, name)
        if not offloaded:
            bring_back(model, models.device)
        elif not _is_group_offload_enabled(model):
            offload(model, offload_type, models.device)


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
    if not _is_group_offload_enabled(model):
        return
    registry = HookRegistry.check_if_exists_or_initialize(model)
    for hook in OFFLOADING_HOOKS:
        registry.remove_hook(hook, recurse=True)
    # Also those that are there already: a quantised weight that was on the device goes on saying that it is.
    model.to("cpu")
