"""Prepare the released weights for the engine: `python -m pipeline.weights.prepare SOURCE TARGET`.

Base model and adapter become one, everything is cast to the dtype in which it is used and written in the order in which
it is read. No more than one shard is in memory.
"""

import json
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file

from pipeline.errors import WeightsError
from pipeline.weights.checkpoint import CheckpointLayout, open_checkpoint, open_component
from pipeline.weights.loading import Component
from pipeline.weights.lora_files import LORA_FOLDER
from pipeline.weights.manifest import check_files, is_prepared, overlay_path, write_manifest
from pipeline.weights.tensor_files import NamedTensor

SHARD_BYTES = 2_000_000_000

Report = Callable[[str, int], None]
"""Takes the name of each model and the bytes written of it so far."""


def prepare(
    source: Path,
    target: Path,
    layout: CheckpointLayout,
    *,
    shard_bytes: int = SHARD_BYTES,
    revisions: dict[str, str] | None = None,
    report: Report = lambda _name, _num_bytes: None,
) -> None:
    """Write a folder that the engine loads without converting anything.

    The folder appears when it is complete, and not at all if something fails. One that is complete stays as it is, but
    gets the overlays that it lacks and that the source has.

    Args:
        source: Folder of the released files.
        target: The folder to write.
        layout: How the engine's models are stored.
        shard_bytes: Largest size of a file, and what is held in memory.
        revisions: The commit of each repository, to be noted.
        report: Takes the name of each model and the bytes written of it so far.

    Raises:
        WeightsError: A file is missing, broken or does not fit; the message names it.
    """
    preparation = _Preparation(source, target, layout, shard_bytes, revisions or {}, report)
    if is_prepared(target):
        check_files(target)
    elif target.exists():
        raise WeightsError(f"Expected no folder at {target}, or a prepared one. Name another target.")
    else:
        preparation.write_models()
    preparation.write_overlays()


@dataclass(frozen=True)
class _Preparation:
    """What `prepare` was told."""

    source: Path
    target: Path
    layout: CheckpointLayout
    shard_bytes: int
    revisions: dict[str, str]
    report: Report

    def write_models(self) -> None:
        checkpoint = open_checkpoint(self.source, self.layout)
        with write_whole(self.target) as partial:
            for name, folder in checkpoint.folders.items():
                shutil.copytree(folder, partial / name)
            if (self.source / LORA_FOLDER).is_dir():
                shutil.copytree(self.source / LORA_FOLDER, partial / LORA_FOLDER)
            self._write(checkpoint.components.values(), partial)

    def write_overlays(self) -> None:
        """Write those overlays of the transformer that are released and not there, each in a folder of its own."""
        spec = self.layout.transformer
        transformer = open_component(self.target / spec.name, spec)
        for name, component in self.layout.find_overlays(self.source, transformer).items():
            path = overlay_path(self.target, name)
            if is_prepared(path):
                continue
            path.parent.mkdir(exist_ok=True)
            with write_whole(path) as partial:
                self._write((component,), partial)

    def _write(self, components: Collection[Component], folder: Path) -> None:
        """Write models, and at the end what makes the folder a prepared one."""
        for component in components:
            write_component(component, folder / component.spec.name, self.shard_bytes, self.report)
        files = {path for component in components for path in component.files}
        write_manifest(folder, _list_sources(files, self.source), self.revisions)


@contextmanager
def write_whole(target: Path) -> Iterator[Path]:
    """Lend a folder to write into, which becomes the target when all has gone well, and is deleted when it has not."""
    partial = target.with_name(f"{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        yield partial
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_component(
    component: Component,
    folder: Path,
    shard_bytes: int,
    report: Callable[[str, int], None],
    tensors: Iterable[NamedTensor] | None = None,
) -> None:
    """Write one model in shards, each of which is in memory alone.

    Args:
        component: The stored model.
        folder: To be made, with the model's config beside its weights.
        shard_bytes: Largest size of a shard that holds more than one tensor.
        report: Takes the model's name and the bytes written so far.
        tensors: To write in place of the model's own.
    """
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(component.config, indent=1))
    num_bytes = 0
    shards = _collect_shards(component.tensors() if tensors is None else tensors, shard_bytes)
    for index, shard in enumerate(shards, start=1):
        save_file(shard, folder / f"model-{index:05}.safetensors")
        num_bytes += sum(tensor.nbytes for tensor in shard.values())
        # Or it would stay in memory while the next one is collected.
        shard.clear()
        report(component.spec.name, num_bytes)


def _collect_shards(tensors: Iterable[NamedTensor], shard_bytes: int) -> Iterator[dict[str, torch.Tensor]]:
    shard: dict[str, torch.Tensor] = {}
    num_bytes = 0
    for name, tensor in tensors:
        if shard and num_bytes + tensor.nbytes > shard_bytes:
            yield shard
            shard, num_bytes = {}, 0
        shard[name] = tensor
        num_bytes += tensor.nbytes
    yield shard


def _list_sources(files: Iterable[Path], source: Path) -> dict[str, int]:
    return {str(path.relative_to(source)): path.stat().st_size for path in sorted(files)}
