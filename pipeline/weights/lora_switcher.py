"""Change the loaded model from one LoRA to another, always from the stored weights, so that nothing adds up."""

from collections.abc import Callable, Iterator
from pathlib import Path

from torch import nn

from pipeline.engine import Reporter
from pipeline.errors import WeightsError
from pipeline.weights.loading import Component, LoadingProgress, count_bytes
from pipeline.weights.lora import Lora, check_lora, fuse_lora
from pipeline.weights.lora_files import find_lora
from pipeline.weights.offloading import stop_offloading
from pipeline.weights.overlay import Overlay
from pipeline.weights.quantization import write_weight
from pipeline.weights.spec import AddedLora
from pipeline.weights.tensor_files import NamedTensor


class LoraSwitcher:
    """Keeps the transformer's weights with the LoRA that the next video needs.

    Args:
        transformer: As it was loaded.
        component: Its stored weights.
        weights: The folder that has the LoRAs.
        read_lora: Reads one of their files.
        open_fused: Finds weights into which a LoRA has been added already; None where there are none.
        overlay: Takes turns with some of the weights; None where there is none.
    """

    def __init__(
        self,
        transformer: nn.Module,
        component: Component,
        weights: Path,
        read_lora: Callable[[Path], Lora],
        open_fused: Callable[[AddedLora], Component | None] = lambda _: None,
        *,
        overlay: Overlay | None = None,
    ) -> None:
        self._transformer = transformer
        self._component = component
        self._weights = weights
        self._read_lora = read_lora
        self._open_fused = open_fused
        self._overlay = overlay
        self._fused: AddedLora | None = None
        self._changed: frozenset[str] = frozenset()

    @property
    def has_overlay(self) -> bool:
        """Whether there is one."""
        return self._overlay is not None

    def choose(self, lora: AddedLora | None, report: Reporter, *, overlaid: bool = False) -> None:
        """Let the weights hold this LoRA, or none; where they change, they are not offloaded any more.

        Args:
            lora: Of the next video.
            report: Takes progress where weights are read again.
            overlaid: Whether they are to be those of the overlay, as far as it goes; LoRAs do not change those.

        Raises:
            GenerationCancelledError: `report` said so.
            WeightsError: Its file is missing, broken or made for another model; the weights are then without a LoRA.
                Or there is no overlay.
        """
        if overlaid and self._overlay is None:
            raise WeightsError(f"Expected an overlay of the weights in {self._weights}, but there is none.")
        self._choose_lora(lora, report)
        if self._overlay is not None:
            self._overlay.apply(report) if overlaid else self._overlay.remove()

    def _choose_lora(self, lora: AddedLora | None, report: Reporter) -> None:
        is_half_changed = self._fused is None and bool(self._changed)
        if lora == self._fused and not is_half_changed:
            return
        # What is changed on the device while weights come and go is not changed in the memory that they come from.
        stop_offloading(self._transformer)
        if self._overlay is not None:
            # Otherwise what is written now would be exchanged for older values later.
            self._overlay.remove()
        fused = self._open_fused(lora) if lora is not None else None
        if fused is not None:
            self._take(fused, report)
        else:
            self._restore(report)
            if lora is not None:
                self._add(lora)
        self._fused = lora

    def _take(self, fused: Component, report: Reporter) -> None:
        self._fused = None
        # From here on, whatever happens, these are to be restored.
        self._changed = frozenset(name for name, _ in self._transformer.named_parameters())
        for name, tensor in _read(fused, report):
            write_weight(self._transformer, name, tensor)

    def _add(self, added: AddedLora) -> None:
        lora = self._read_lora(find_lora(self._weights, added.name))
        check_lora(self._transformer, lora)
        # From here on, whatever happens, these are to be restored.
        self._changed = frozenset(lora.changes)
        fuse_lora(self._transformer, lora, added.scale)

    def _restore(self, report: Reporter) -> None:
        self._fused = None
        if not self._changed:
            return
        for name, tensor in _read(self._component, report):
            if name in self._changed:
                write_weight(self._transformer, name, tensor)
        self._changed = frozenset()


def _read(component: Component, report: Reporter) -> Iterator[NamedTensor]:
    progress = LoadingProgress(report, component.count_bytes())
    for name, tensor in component.tensors():
        yield name, tensor
        progress.report(count_bytes(tensor))
