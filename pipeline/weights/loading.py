"""Bring a model's tensors from files to the device: checked, cast, never in memory twice and never drawn at random."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from torch import nn
from transformers import PreTrainedModel
from transformers.initialization import no_init_weights

from pipeline.engine import Reporter
from pipeline.errors import WeightsError
from pipeline.types import Progress
from pipeline.weights.tensor_files import NamedTensor, read_shapes, read_tensors

Convert = Callable[[str, torch.Tensor], Iterable[NamedTensor]]
"""Turns a stored tensor into the model's own: one, several that were stored as one, or none where it has no use."""


def keep_name(name: str, tensor: torch.Tensor) -> Iterable[NamedTensor]:
    """Take a tensor as it is stored."""
    return [(name, tensor)]


@dataclass(frozen=True)
class ComponentSpec:
    """What sort of model a component is, whatever files it is read from.

    Attributes:
        name: Of the component, and of its folder.
        build: Makes the model from its config.
        dtype: Of its weights.
        kept_in_fp32: Parts of names whose weights stay in fp32.
        tied: Names that stand for the tensor of another name.
    """

    name: str
    build: Callable[[dict[str, Any]], nn.Module]
    dtype: torch.dtype = torch.float32
    kept_in_fp32: tuple[str, ...] = ()
    tied: Mapping[str, str] = field(default_factory=dict)

    def dtype_of(self, name: str, tensor: torch.Tensor) -> torch.dtype:
        """Return the dtype in which a tensor is used."""
        if not tensor.is_floating_point():
            return tensor.dtype
        return torch.float32 if set(name.split(".")) & set(self.kept_in_fp32) else self.dtype


@dataclass(frozen=True)
class Component:
    """One model of a checkpoint: its files and how to read them.

    Attributes:
        spec: What sort of model it is.
        config: Its architecture, as its class takes it.
        files: Where its tensors are; a later file's are laid over an earlier one's.
        convert: From stored names to the model's own.
        required: Names of the model's tensors that must be there; None for all.
    """

    spec: ComponentSpec
    config: dict[str, Any]
    files: tuple[Path, ...]
    convert: Convert = field(default=keep_name)
    required: frozenset[str] | None = None

    def build_empty(self) -> nn.Module:
        """Make the model without memory for its weights."""
        with init_empty_weights(), no_init_weights():
            return self.spec.build(self.config)

    @cached_property
    def empty_tensors(self) -> Mapping[str, torch.Tensor]:
        """The model's own tensors without memory, by name; to build a model takes its time."""
        return self.build_empty().state_dict()

    def count_bytes(self) -> int:
        """Return the size in memory of the model, or of what is required of it."""
        return sum(
            tensor.numel() * self.spec.dtype_of(name, tensor).itemsize
            for name, tensor in self.empty_tensors.items()
            if self.required is None or name in self.required
        )

    def tensors(self) -> Iterator[NamedTensor]:
        """Yield the model's tensors, in the dtype in which they are used.

        Raises:
            WeightsError: A file is broken, a tensor is missing, has another shape or has no place in the model.
        """
        expected = {name: tensor.shape for name, tensor in self.empty_tensors.items()}
        unread = set(expected) - set(self.spec.tied)
        for path, stored_name, stored in self._stored_tensors():
            for converted_name, tensor in self.convert(stored_name, stored):
                name = self.spec.tied.get(converted_name, converted_name)
                _check_tensor(name, tensor, expected, f"{stored_name} in {path}")
                if name in unread:
                    unread.discard(name)
                    yield name, tensor.to(self.spec.dtype_of(name, tensor))
        if missing := unread if self.required is None else unread & self.required:
            files = ", ".join(str(path) for path in self.files)
            raise WeightsError(f"Expected {min(missing)} in {files}, but it is not there. Fetch the weights again.")

    def _stored_tensors(self) -> Iterator[tuple[Path, str, torch.Tensor]]:
        overlaid = [frozenset(read_shapes(path)) for path in self.files]
        for index, path in enumerate(self.files):
            skip = frozenset().union(*overlaid[index + 1 :])
            for name, tensor in read_tensors(path, skip):
                yield path, name, tensor


class LoadingProgress:
    """Turns the bytes of tensors that arrived into progress."""

    def __init__(self, sink: Reporter, num_bytes: int) -> None:
        """Begin with nothing.

        Args:
            sink: Takes the progress; raises to stop.
            num_bytes: Of all tensors.
        """
        self._sink = sink
        self._num_bytes = num_bytes
        self._num_loaded = 0

    def report(self, num_bytes_more: int) -> None:
        """Report that so many more have arrived."""
        self._num_loaded += num_bytes_more
        self._sink(Progress("loading", self._num_loaded, self._num_bytes, 100.0 * self._num_loaded / self._num_bytes))


def load_component(component: Component, device: torch.device, report: Callable[[int], None]) -> Any:  # noqa: ANN401  # each component has its class
    """Read a model's weights straight to the device.

    Args:
        component: Which model.
        device: Where to.
        report: Takes the bytes of every tensor that arrived; raises to stop.

    Returns:
        The model, ready for inference.

    Raises:
        WeightsError: See `Component.tensors`.
    """
    model = component.build_empty()
    for name, tensor in component.tensors():
        parent, _, leaf = name.rpartition(".")
        _assign(model.get_submodule(parent), leaf, tensor.to(device))
        report(count_bytes(tensor))
    if isinstance(model, PreTrainedModel):
        model.tie_weights()
    # What is computed rather than stored, e.g. the table of rotary angles.
    return model.to(device).eval().requires_grad_(requires_grad=False)


def count_bytes(tensor: torch.Tensor) -> int:
    """Return what a tensor takes in memory; a quantised one says itself what it would take if it were not."""
    parts = getattr(tensor, "tensor_data_names", ())
    return sum(getattr(tensor, part).nbytes for part in parts) or tensor.nbytes


def _assign(module: nn.Module, name: str, tensor: torch.Tensor) -> None:
    if name in module._parameters:  # noqa: SLF001  # no public way replaces a parameter without copying
        module._parameters[name] = nn.Parameter(tensor, requires_grad=False)  # noqa: SLF001  # see above
    else:
        module._buffers[name] = tensor  # noqa: SLF001  # see above


def _check_tensor(name: str, tensor: torch.Tensor, expected: dict[str, torch.Size], where: str) -> None:
    if name not in expected:
        raise WeightsError(f"{where} has no place in the model. Check that the file belongs to it.")
    if tensor.shape != expected[name]:
        raise WeightsError(
            f"Expected the shape {tuple(expected[name])} of {where}, got {tuple(tensor.shape)}. "
            "Check that the file belongs to the model."
        )
