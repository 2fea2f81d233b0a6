"""How the weights of an engine on diffusion come into memory."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from pipeline.diffusion.memory import OFFLOADED, count_bytes, holds, open_device
from pipeline.engine import EngineSettings, PrecisionSetting, Reporter
from pipeline.errors import EngineUnavailableError
from pipeline.profiles import Model
from pipeline.weights.checkpoint import Checkpoint, CheckpointLayout, open_checkpoint
from pipeline.weights.loading import LoadingProgress, load_component
from pipeline.weights.quantization import choose_precision, quantize_blocks
from pipeline.weights.variants import Variants

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OpenedWeights:
    """Weights that were found, and where they go.

    Attributes:
        checkpoint: Where they are.
        variants: What was prepared of them for these settings.
        is_quantized: Whether they are in the precision of the settings already.
        device: Where everything is computed.
        fits: Whether it holds all of them at once.
    """

    checkpoint: Checkpoint
    variants: Variants
    is_quantized: bool
    device: torch.device
    fits: bool

    def follow(self, report: Reporter) -> Callable[[int], None]:
        """Return what takes the bytes of every tensor that arrived, and reports them."""
        return LoadingProgress(report, count_bytes(self.checkpoint)).report

    def quantize(self, blocks: nn.Module, setting: PrecisionSetting) -> None:
        """Bring a transformer's blocks into the precision of the settings, unless they are."""
        if self.is_quantized:
            return
        precision = choose_precision(setting, fits=self.fits)
        _log.info("Weights: %s; %s.", precision, self.describe_place())
        quantize_blocks(blocks, precision, self.device)

    def describe_place(self) -> str:
        """Say for the log where the weights are."""
        return "all on the device" if self.fits else "they wait in CPU memory"


def open_weights(
    settings: EngineSettings,
    model: Model,
    layout: CheckpointLayout,
    reserved_bytes: int,
    agree: Callable[[bool], bool],
) -> OpenedWeights:
    """Find the weights of a model, without reading them.

    Args:
        settings: Where they are, and the device.
        model: Whose.
        layout: How they are stored.
        reserved_bytes: What the device needs besides.
        agree: Says whether the weights fit into the memory of all devices, given whether they fit into this one's.

    Raises:
        WeightsError: A file is missing, broken or does not fit.
        EngineUnavailableError: There are no weights, or the device is not there.
    """
    weights = settings.find_weights(model)
    if weights is None:
        raise EngineUnavailableError("It needs the model's weights: name their folder in the settings.")
    device = open_device(settings.device)
    checkpoint = open_checkpoint(weights, layout)
    variants = Variants(weights, layout, settings.precision, device)
    if (quantized := variants.open_quantized()) is not None:
        checkpoint = checkpoint.with_component(quantized)
    fits = agree(holds(device, count_bytes(checkpoint) + reserved_bytes))
    return OpenedWeights(checkpoint, variants, quantized is not None, device, fits)


def make_loader(
    checkpoint: Checkpoint, device: torch.device, *, offloaded: bool, report: Callable[[int], None]
) -> Callable[[str], Any]:
    """Return what reads a model's weights, given its name.

    Args:
        checkpoint: Where they are.
        device: Where everything is computed.
        offloaded: Whether the two large models stay in CPU memory, for `place_models`.
        report: Takes the bytes of every tensor that arrived; raises to stop.
    """
    host = torch.device("cpu")

    def load(name: str) -> Any:  # noqa: ANN401  # each kind has its class
        is_waiting = offloaded and name in OFFLOADED
        return load_component(checkpoint.components[name], host if is_waiting else device, report)

    return load
