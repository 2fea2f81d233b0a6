"""Change the loaded model from one LoRA to another, always from the stored weights, so that nothing adds up."""

from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from pipeline.diffusion.loading import Component, LoadingProgress, count_bytes
from pipeline.diffusion.lora import check_lora, fuse_lora, read_lora
from pipeline.diffusion.quantization import write_weight
from pipeline.diffusion.tensor_files import NamedTensor
from pipeline.engine import Reporter
from pipeline.infinitetalk.lora_files import find_lora
from pipeline.infinitetalk.models import stop_offloading
from pipeline.infinitetalk.transformer import InfiniteTalkTransformer3DModel
from pipeline.profiles import LoraName, Profile


class Distillation:
    """Keeps the transformer's weights as a profile needs them.

    Args:
        transformer: As it was loaded.
        component: Its stored weights.
        weights: The folder that has the LoRAs.
        open_fused: Finds weights into which a LoRA has been added already; None where there are none.
    """

    def __init__(
        self,
        transformer: InfiniteTalkTransformer3DModel,
        component: Component,
        weights: Path,
        open_fused: Callable[[LoraName], Component | None] = lambda _: None,
    ) -> None:
        self._transformer = transformer
        self._component = component
        self._weights = weights
        self._open_fused = open_fused
        self._fused: tuple[LoraName, float] | None = None
        self._changed: frozenset[str] = frozenset()

    def choose(self, profile: Profile, report: Reporter) -> None:
        """Let the weights hold the profile's LoRA, or none; where they change, they are not offloaded any more.

        Args:
            profile: Of the next video.
            report: Takes progress where weights are read again.

        Raises:
            GenerationCancelledError: `report` said so.
            WeightsError: Its file is missing, broken or made for another model; the weights are then without a LoRA.
        """
        wanted = None if profile.lora is None else (profile.lora, profile.lora_scale)
        is_half_changed = self._fused is None and bool(self._changed)
        if wanted == self._fused and not is_half_changed:
            return
        # What is changed on the device while weights come and go is not changed in the memory that they come from.
        stop_offloading(self._transformer)
        fused = self._open_fused(profile.lora) if profile.lora is not None else None
        if fused is not None:
            self._take(fused, report)
        else:
            self._restore(report)
            if wanted is not None:
                self._add(*wanted)
        self._fused = wanted

    def _take(self, fused: Component, report: Reporter) -> None:
        self._fused = None
        # From here on, whatever happens, these are to be restored.
        self._changed = frozenset(name for name, _ in self._transformer.named_parameters())
        for name, tensor in _read(fused, report):
            self._write(name, tensor)

    def _add(self, name: LoraName, scale: float) -> None:
        lora = read_lora(find_lora(self._weights, name))
        check_lora(self._transformer, lora)
        # From here on, whatever happens, these are to be restored.
        self._changed = frozenset(lora.changes)
        fuse_lora(self._transformer, lora, scale)

    def _restore(self, report: Reporter) -> None:
        self._fused = None
        if not self._changed:
            return
        for name, tensor in _read(self._component, report):
            if name in self._changed:
                self._write(name, tensor)
        self._changed = frozenset()

    def _write(self, name: str, tensor: torch.Tensor) -> None:
        if type(tensor) is torch.Tensor:
            write_weight(self._transformer, name, tensor)
        else:  # quantised when it was stored
            parameter = self._transformer.get_parameter(name)
            with torch.no_grad():
                parameter.copy_(tensor.to(parameter.device))


def _read(component: Component, report: Reporter) -> Iterator[NamedTensor]:
    progress = LoadingProgress(report, component.count_bytes())
    for name, tensor in component.tensors():
        yield name, tensor
        progress.report(count_bytes(tensor))
