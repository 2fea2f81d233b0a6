"""Other values for some of a model's weights, which take turns with its own."""

import torch
from torch import nn

from pipeline.engine import Reporter
from pipeline.weights.loading import Component, LoadingProgress, count_bytes
from pipeline.weights.offloading import stop_offloading
from pipeline.weights.quantization import write_weight


class Overlay:
    """Exchanges values in place: those that are not in use wait in CPU memory, as they are, so that nothing is lost.

    They are read from the disk when they are first wanted, and never again. The wait costs CPU memory as large as the
    overlay, the exchange the time to move it twice.

    Args:
        model: Whose weights.
        component: The other values.
    """

    def __init__(self, model: nn.Module, component: Component) -> None:
        self._model = model
        self._component = component
        self._waiting: dict[str, torch.Tensor] = {}
        self._is_applied = False

    def apply(self, report: Reporter) -> None:
        """Let the model have the other values; where it gets them now, it is not offloaded any more.

        Args:
            report: Takes progress where they are read.

        Raises:
            GenerationCancelledError: `report` said so; the model then has its own values.
            WeightsError: A file is broken or does not fit; the model then has its own values.
        """
        if self._is_applied:
            return
        if not self._waiting:
            self._waiting = _read(self._component, report)
        self._exchange()

    def remove(self) -> None:
        """Let the model have its own values."""
        if self._is_applied:
            self._exchange()

    def _exchange(self) -> None:
        # What is changed on the device while weights come and go is not changed in the memory that they come from.
        stop_offloading(self._model)
        for name, tensor in self._waiting.items():
            own = self._model.get_parameter(name).detach().clone().to("cpu")
            write_weight(self._model, name, tensor)
            self._waiting[name] = own
        self._is_applied = not self._is_applied


def _read(component: Component, report: Reporter) -> dict[str, torch.Tensor]:
    progress = LoadingProgress(report, component.count_bytes())
    tensors = {}
    for name, tensor in component.tensors():
        tensors[name] = tensor
        progress.report(count_bytes(tensor))
    return tensors
