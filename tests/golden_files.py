"""A folder of golden cases: rows that say how each is built, and what the original answered."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file

from pipeline.types import Pixels

Row = dict[str, Any]
Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class GoldenFolder:
    """What `cases.json` and the files beside it hold; rows and units are read once.

    Attributes:
        path: Of the folder.
    """

    path: Path

    def read_cases(self) -> dict[str, list[Row]]:
        """Return the rows of each list."""
        return _read_json(self.path / "cases.json")

    def read_rows(self, kind: str) -> list[Row]:
        """Return the rows of one of the lists; a folder may lack it."""
        return self.read_cases().get(kind, [])

    def read_units(self) -> Tensors:
        """Return what single parts answered, by the cases' names."""
        return _read_tensors(self.path / "units.safetensors")

    def read_loop(self, row: Row) -> Tensors:
        """Return what a whole generation answered."""
        return load_file(self.path / f"loop_{row['name']}.safetensors")

    def read_photo(self, name: str) -> Pixels:
        """Return what a whole generation was made of."""
        return np.array(Image.open(self.path / f"loop_{name}.png").convert("RGB"))


_read_json = cache(lambda path: json.loads(path.read_text()))
_read_tensors = cache(load_file)
