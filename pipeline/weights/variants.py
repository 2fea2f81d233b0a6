"""Variants of a prepared transformer: with a LoRA in its weights, in fp8, or both. Each has a folder of its own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from pipeline.engine import PrecisionSetting
from pipeline.errors import WeightsError
from pipeline.weights.checkpoint import CheckpointLayout, open_checkpoint, open_component
from pipeline.weights.fp8_files import Fp8Component, Unpack, find_linear_weights, pack
from pipeline.weights.loading import Component
from pipeline.weights.lora import Lora, check_lora
from pipeline.weights.lora_files import find_lora
from pipeline.weights.manifest import check_files, is_prepared, read_manifest, write_manifest
from pipeline.weights.prepare import SHARD_BYTES, write_component, write_whole
from pipeline.weights.spec import AddedLora, Variant
from pipeline.weights.tensor_files import NamedTensor


def prepare_variant(
    weights: Path,
    variant: Variant,
    layout: CheckpointLayout,
    *,
    shard_bytes: int = SHARD_BYTES,
    report: Callable[[str, int], None] = lambda _name, _num_bytes: None,
) -> None:
    """Write a variant into a prepared folder. It appears when it is complete; one that is complete stays as it is.

    Args:
        weights: The prepared folder.
        variant: Which.
        layout: How the engine's models are stored.
        shard_bytes: Largest size of a file, and what is held in memory.
        report: Takes the transformer's name and the bytes written of it so far.

    Raises:
        WeightsError: A file is missing, broken or does not fit; the message names it.
    """
    target = variant.path_in(weights)
    if is_prepared(target):
        check_files(target)
        return
    base = read_manifest(weights)
    name = layout.transformer.name
    component = open_checkpoint(weights, layout).components[name]
    if component.config.get("int8"):
        raise WeightsError(f"{weights} holds a release in 8 bits, of which no variants are made. Use it as it is.")
    tensors = component.tensors()
    sources = {file.path: file.num_bytes for file in base.files if file.path.startswith(name)}
    if variant.lora is not None:
        path = find_lora(weights, variant.lora.name)
        sources[str(path.relative_to(weights))] = path.stat().st_size
        tensors = _add_lora(component, layout.read_lora(path), variant.lora.scale)
    if variant.is_fp8:
        tensors = pack(tensors, find_linear_weights(component.build_empty()))
    with write_whole(target) as partial:
        write_component(component, partial / name, shard_bytes, report, tensors)
        write_manifest(partial, sources, base.revisions)


@dataclass(frozen=True)
class Variants:
    """What was prepared for an engine.

    Attributes:
        weights: A folder that may be a prepared one.
        layout: How the engine's models are stored.
        precision: Of the engine's settings.
        device: Where it computes.
    """

    weights: Path
    layout: CheckpointLayout
    precision: PrecisionSetting
    device: torch.device

    def open_quantized(self) -> Component | None:
        """Find the weights in this precision; None where they have to be quantised."""
        return self.open(Variant(None, is_fp8=True)) if self.precision == "fp8" else None

    def open_fused(self, lora: AddedLora) -> Component | None:
        """Find weights that have the LoRA, in this precision or not quantised yet; None where there are none."""
        quantized = self.open(Variant(lora, is_fp8=True)) if self.precision == "fp8" else None
        return quantized or self.open(Variant(lora, is_fp8=False))

    def open(self, variant: Variant) -> Component | None:
        """Find a variant's weights; None where it was not prepared.

        Raises:
            WeightsError: A file is missing or cut off, or was made from another LoRA than is there now.
        """
        folder = variant.path_in(self.weights)
        if not is_prepared(folder):
            return None
        check_files(folder)
        _check_sources(self.weights, folder)
        component = open_component(folder / self.layout.transformer.name, self.layout.transformer)
        if variant.is_fp8:
            return Fp8Component(component.spec, component.config, component.files, Unpack(self.device))
        return component


def _check_sources(weights: Path, folder: Path) -> None:
    """Refuse a variant whose LoRA was exchanged since: the old one would go on being used, unseen."""
    for name, num_bytes in read_manifest(folder).sources.items():
        path = weights / name
        if path.is_file() and path.stat().st_size != num_bytes:
            raise WeightsError(f"{path} is another file than {folder} was made from. Delete that folder.")


def _add_lora(component: Component, lora: Lora, scale: float) -> Iterator[NamedTensor]:
    check_lora(component.build_empty(), lora)
    for name, tensor in component.tensors():
        change = lora.changes.get(name)
        if change is None:
            yield name, tensor
        else:
            values = tensor.float() + scale * change.compute(tensor.shape, tensor.device)
            yield name, values.to(tensor.dtype)
