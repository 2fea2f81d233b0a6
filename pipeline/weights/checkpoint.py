"""Where the tensors of an engine's models are: in released files, or in a folder that was prepared from them."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.errors import WeightsError
from pipeline.weights.loading import Component, ComponentSpec
from pipeline.weights.lora import Lora
from pipeline.weights.manifest import OVERLAYS_FOLDER, check_files, is_prepared
from pipeline.weights.tensor_files import read_shapes


@dataclass(frozen=True)
class Checkpoint:
    """All that an engine's models are made from.

    Attributes:
        components: The models, by name.
        folders: What is used as it is, such as a tokenizer, by name.
        overlays: Other values for some of the transformer's tensors, by name; those that are there.
    """

    components: Mapping[str, Component]
    folders: Mapping[str, Path]
    overlays: Mapping[str, Component] = field(default_factory=dict)

    def with_component(self, component: Component) -> "Checkpoint":
        """Return the same with another model in place of one."""
        return replace(self, components={**self.components, component.spec.name: component})


def _find_none(released: Path, transformer: Component) -> Mapping[str, Component]:
    del released, transformer
    return {}


@dataclass(frozen=True)
class CheckpointLayout:
    """How an engine's models are stored.

    Attributes:
        components: The models; each has a folder of its name in a prepared folder.
        folders: Names of the folders that are copied as they are.
        transformer: The model that LoRAs change, and that variants are made of. Its blocks are `blocks`.
        open_released: Finds the models in a folder of released files; raises `WeightsError`.
        read_lora: Reads a file; raises `WeightsError`.
        find_overlays: Finds the transformer's overlays in a folder of released files, by name.
    """

    components: tuple[ComponentSpec, ...]
    folders: tuple[str, ...]
    transformer: ComponentSpec
    open_released: Callable[[Path], Checkpoint]
    read_lora: Callable[[Path], Lora]
    find_overlays: Callable[[Path, Component], Mapping[str, Component]] = _find_none


def make_checkpoint(components: Iterable[Component], folders: Mapping[str, Path]) -> Checkpoint:
    """Return the checkpoint of these models.

    Raises:
        WeightsError: A folder is not there.
    """
    for name, folder in folders.items():
        if not folder.is_dir():
            raise WeightsError(f"Expected the {name} at {folder}. Fetch the weights again.")
    return Checkpoint({component.spec.name: component for component in components}, folders)


def open_checkpoint(folder: Path, layout: CheckpointLayout) -> Checkpoint:
    """Find the models in a prepared folder or in one of released files, without reading weights.

    Raises:
        WeightsError: Something is missing, cut off or does not fit.
    """
    if not is_prepared(folder):
        checkpoint = layout.open_released(folder)
        transformer = checkpoint.components[layout.transformer.name]
        return replace(checkpoint, overlays=layout.find_overlays(folder, transformer))
    check_files(folder)
    components = (open_component(folder / spec.name, spec) for spec in layout.components)
    checkpoint = make_checkpoint(components, {name: folder / name for name in layout.folders})
    return replace(checkpoint, overlays=_open_overlays(folder, layout))


def _open_overlays(folder: Path, layout: CheckpointLayout) -> dict[str, Component]:
    overlays = {}
    for path in sorted((folder / OVERLAYS_FOLDER).glob("*")):
        if is_prepared(path):
            check_files(path)
            component = open_component(path / layout.transformer.name, layout.transformer)
            # Whether anything was missing was seen when it was prepared.
            overlays[path.name] = replace(component, required=frozenset().union(*map(read_shapes, component.files)))
    return overlays


def open_component(folder: Path, spec: ComponentSpec) -> Component:
    """Find a model in a folder of its own, under the names that it has itself.

    Raises:
        WeightsError: Its architecture or a file is missing.
    """
    return Component(spec, read_config(folder), find_shards(folder))


def find_folder(folder: Path, names: Iterable[str]) -> Path:
    """Return the first of some folders that is there.

    Args:
        folder: Of released files.
        names: That it may have.

    Raises:
        WeightsError: None is there.
    """
    names = tuple(names)
    for name in names:
        if (folder / name).is_dir():
            return folder / name
    raise WeightsError(f"Expected a folder {' or '.join(names)} in {folder}, but there is none. Fetch the weights.")


def find_shards(folder: Path) -> tuple[Path, ...]:
    """Return the weights' files.

    Raises:
        WeightsError: There are none, or an index names one that is not there.
    """
    shards = tuple(sorted(folder.glob("*.safetensors")))
    expected = {
        folder / name
        for index in folder.glob("*.safetensors.index.json")
        for name in json.loads(index.read_text())["weight_map"].values()
    }
    missing = sorted(expected - set(shards)) or ([] if shards else [folder / "*.safetensors"])
    if missing:
        raise WeightsError(f"Expected weights at {missing[0]}, but there is no such file. Fetch the weights again.")
    return shards


def read_config(folder: Path) -> dict[str, Any]:
    """Read a model's architecture.

    Raises:
        WeightsError: It is not there.
    """
    path = folder / "config.json"
    try:
        config: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise WeightsError(f"Expected the model's architecture at {path}. Fetch the weights again.") from error
    return config
