"""Where the weights of a loaded model are, and what to say when the GPU's memory is short."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import nn

from pipeline.errors import EngineError, EngineUnavailableError
from pipeline.weights.checkpoint import Checkpoint
from pipeline.weights.offloading import bring_back, is_offloaded, offload

# diffusers moves the transformer's blocks whole; the text encoder's are one level too deep for that.
OFFLOADED = {"transformer": "block_level", "text_encoder": "leaf_level"}


class LargeModels(Protocol):
    """The two models of an engine that may wait in CPU memory."""

    @property
    def transformer(self) -> nn.Module:
        """Predicts the flow."""
        ...

    @property
    def text_encoder(self) -> nn.Module:
        """Reads the prompt."""
        ...

    @property
    def device(self) -> torch.device:
        """Where everything is computed."""
        ...


def place_models(models: LargeModels, *, offloaded: bool) -> None:
    """Let the two large models wait in CPU memory, or bring them to the device for good; does nothing twice."""
    for name, offload_type in OFFLOADED.items():
        model = getattr(models, name)
        if not offloaded:
            bring_back(model, models.device)
        elif not is_offloaded(model):
            offload(model, offload_type, models.device)


@contextmanager
def explain_short_memory(advice: str) -> Iterator[None]:
    """Turn the GPU's refusal of memory into an error that says what to do.

    Args:
        advice: Follows `The GPU has too little free memory`.

    Raises:
        EngineError: Memory is short.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise EngineError(f"The GPU has too little free memory {advice}") from error


def open_device(name: str) -> torch.device:
    """Return the device of a setting.

    Raises:
        EngineUnavailableError: It is not there.
    """
    device = torch.device("cuda:0" if name == "auto" else name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise EngineUnavailableError("It needs an NVIDIA GPU, but torch finds none. Check the driver.")
    return device


def count_bytes(checkpoint: Checkpoint) -> int:
    """Return what all models take in memory."""
    return sum(component.count_bytes() for component in checkpoint.components.values())


def holds(device: torch.device, num_bytes: int) -> bool:
    """Say whether the device has so much free memory; a CPU's is not counted."""
    return device.type == "cpu" or torch.cuda.mem_get_info(device)[0] > num_bytes
