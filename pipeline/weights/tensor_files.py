"""Read tensors from files, one after the other, so that no more than one is in memory twice.

safetensors' own reader maps the file into memory, which is slow on the network file systems where weights live.
"""

import json
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

import torch

from pipeline.errors import WeightsError

Shapes = Mapping[str, tuple[int, ...]]
NamedTensor = tuple[str, torch.Tensor]

HEADER_LENGTH_BYTES = 8
LARGEST_HEADER_BYTES = 100_000_000

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "I64": torch.int64,
    "I8": torch.int8,
    "I32": torch.int32,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


@dataclass(frozen=True)
class StoredTensor:
    """Where a tensor lies in a safetensors file, in bytes from the file's beginning."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    begin: int
    end: int


def read_shapes(path: Path) -> Shapes:
    """Return the name and shape of every tensor in the file, without reading the tensors.

    Raises:
        WeightsError: The file is missing or broken.
    """
    if path.suffix == ".safetensors":
        return {name: stored.shape for name, stored in _read_header(path).items()}
    return {name: tuple(tensor.shape) for name, tensor in _map_pickle(path).items()}


def read_tensors(path: Path, skip: frozenset[str] = frozenset()) -> Iterator[NamedTensor]:
    """Yield the file's tensors in the order in which they are stored, each in memory of its own.

    Args:
        path: A safetensors file, or a pickle that torch wrote.
        skip: Names to leave out.

    Raises:
        WeightsError: The file is missing or broken.
    """
    if path.suffix == ".safetensors":
        yield from _read_safetensors(path, skip)
    else:
        yield from ((name, tensor.clone()) for name, tensor in _map_pickle(path).items() if name not in skip)


def _read_safetensors(path: Path, skip: frozenset[str]) -> Iterator[NamedTensor]:
    header = _read_header(path)
    with path.open("rb") as file:
        for name, stored in sorted(header.items(), key=lambda item: item[1].begin):
            if name not in skip:
                file.seek(stored.begin)
                yield name, _read_tensor(file, stored, f"{name} in {path}")


def _read_tensor(file: BufferedReader, stored: StoredTensor, where: str) -> torch.Tensor:
    data = torch.empty(stored.end - stored.begin, dtype=torch.uint8)
    num_bytes = file.readinto(data.numpy().data)
    if num_bytes != len(data):
        raise WeightsError(f"Expected {len(data)} bytes of {where}, got {num_bytes}. Fetch the file again.")
    return data.view(stored.dtype).reshape(stored.shape)


def _read_header(path: Path) -> dict[str, StoredTensor]:
    if not path.is_file():
        raise WeightsError(f"Expected weights at {path}, but there is no such file. Fetch the weights again.")
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(HEADER_LENGTH_BYTES), "little")
        data_begin = HEADER_LENGTH_BYTES + length
        if length > LARGEST_HEADER_BYTES or data_begin > size:
            raise WeightsError(f"Expected a safetensors file at {path}, but its header is broken. Fetch it again.")
        text = file.read(length)
    try:
        entries = json.loads(text)
        header = {name: _parse(entry, data_begin) for name, entry in entries.items() if name != "__metadata__"}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"Expected a safetensors file at {path}, but its header is broken. Fetch it again."
        ) from error
    for name, stored in header.items():
        if stored.end > size:
            raise WeightsError(
                f"{path} is cut off: expected {name} to end at byte {stored.end}, "
                f"but the file has {size}. Fetch it again."
            )
    return header


def _parse(entry: dict[str, object], data_begin: int) -> StoredTensor:
    shape = tuple(map(int, entry["shape"]))  # type: ignore[call-overload]  # TypeError is caught
    begin, end = map(int, entry["data_offsets"])  # type: ignore[call-overload]  # TypeError is caught
    dtype = DTYPES[str(entry["dtype"])]
    if end - begin != dtype.itemsize * torch.Size(shape).numel():
        raise ValueError
    return StoredTensor(dtype, shape, data_begin + begin, data_begin + end)


def _map_pickle(path: Path) -> dict[str, torch.Tensor]:
    """Map a file into memory; nothing but tensors is unpickled."""
    if not path.is_file():
        raise WeightsError(f"Expected weights at {path}, but there is no such file. Fetch the weights again.")
    try:
        state_dict = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (RuntimeError, pickle.UnpicklingError, ValueError, EOFError) as error:
        raise WeightsError(f"Expected torch's weights at {path}, but the file is broken. Fetch it again.") from error
    if not isinstance(state_dict, dict) or not all(isinstance(value, torch.Tensor) for value in state_dict.values()):
        raise WeightsError(f"Expected a table of tensors at {path}, but the file has something else. Fetch it again.")
    return state_dict
