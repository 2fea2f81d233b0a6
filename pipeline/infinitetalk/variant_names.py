"""Which variants of the prepared transformer there can be. Knows no torch: names are checked before a download."""

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from pipeline.errors import WeightsError
from pipeline.profiles import LoraName

FOLDER = "variants"


@dataclass(frozen=True)
class Variant:
    """What is special about the weights.

    Attributes:
        lora: The LoRA that is in them, as much of it as its profile asks for; None for none.
        is_fp8: Whether the blocks' linear layers are in fp8.
    """

    lora: LoraName | None
    is_fp8: bool

    @property
    def name(self) -> str:
        """How it is asked for, and its folder: `fp8`, `lightx2v`, `lightx2v-fp8` and so on."""
        return "-".join(filter(None, (self.lora, "fp8" if self.is_fp8 else None)))

    def path_in(self, weights: Path) -> Path:
        """Return its folder in a prepared folder."""
        return weights / FOLDER / self.name


KNOWN = {
    variant.name: variant
    for variant in (Variant(lora, is_fp8) for lora in (None, *get_args(LoraName)) for is_fp8 in (False, True))
    if variant.name
}


def get_variant(name: str) -> Variant:
    """Return the variant of that name.

    Raises:
        WeightsError: There is none.
    """
    if name not in KNOWN:
        raise WeightsError(f"Expected a variant of the weights ({', '.join(KNOWN)}), got '{name}'.")
    return KNOWN[name]
