"""What an engine says of its weights before there are any. Knows no torch: it is read before a download."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import WeightsError
from pipeline.weights.manifest import is_prepared, overlay_path

if TYPE_CHECKING:
    from pipeline.weights.checkpoint import CheckpointLayout

VARIANTS_FOLDER = "variants"


@dataclass(frozen=True)
class Source:
    """Files of one repository on the hub.

    Attributes:
        repository: `owner/name`.
        revision: Branch, pull request or commit. It is resolved to a commit once, and that one is kept.
        folder: Where they go, below the folder of all sources.
        patterns: The files, as shell patterns.
        overlay: The overlay of the transformer that they are; empty where they are the model itself.
    """

    repository: str
    revision: str
    folder: str
    patterns: tuple[str, ...]
    overlay: str = ""

    def has(self, repository: str, path: str) -> bool:
        """Say whether a file of a repository is one of them."""
        return repository == self.repository and any(fnmatchcase(path, pattern) for pattern in self.patterns)

    def is_prepared_in(self, weights: Path) -> bool:
        """Say whether a prepared folder has what is made of them."""
        return is_prepared(overlay_path(weights, self.overlay) if self.overlay else weights)


@dataclass(frozen=True)
class AddedLora:
    """A LoRA in a transformer's weights.

    Attributes:
        name: Its folder's, below `loras`.
        scale: How much of it is added.
    """

    name: str
    scale: float = 1.0


@dataclass(frozen=True)
class Variant:
    """What is special about a prepared transformer.

    Attributes:
        lora: The LoRA that is in the weights; None for none.
        is_fp8: Whether the blocks' linear layers are in fp8.
    """

    lora: AddedLora | None
    is_fp8: bool

    @property
    def name(self) -> str:
        """How it is asked for, and its folder: `fp8`, `lightx2v`, `lightx2v-fp8` and so on."""
        lora = "" if self.lora is None else self.lora.name
        return "-".join(filter(None, (lora, "fp8" if self.is_fp8 else "")))

    def path_in(self, weights: Path) -> Path:
        """Return its folder in a prepared folder."""
        return weights / VARIANTS_FOLDER / self.name


@dataclass(frozen=True)
class WeightsSpec:
    """The weights of an engine.

    Attributes:
        name: Of the engine, and of the folder of its prepared weights.
        sources: An allow-list of released files, since the repositories hold far more.
        downloads: Name of the folder where they are kept until they are prepared, and of the list of their commits.
        prepared_bytes: Size of the prepared folder without its overlays, about.
        overlay_bytes: Of each overlay, about.
        bf16_bytes: Of the transformer alone in bf16, about.
        fp8_bytes: Of the transformer alone in fp8, about.
        loras: What profiles ask for.
        load_layout: Imports torch, and says how the files are read.
    """

    name: str
    sources: tuple[Source, ...]
    downloads: str
    prepared_bytes: int
    overlay_bytes: int
    bf16_bytes: int
    fp8_bytes: int
    loras: tuple[AddedLora, ...]
    load_layout: Callable[[], "CheckpointLayout"]

    def missing_sources(self, weights: Path) -> tuple[Source, ...]:
        """Return the sources of what a folder lacks to be prepared."""
        return tuple(source for source in self.sources if not source.is_prepared_in(weights))

    def count_prepared_bytes(self, sources: Iterable[Source]) -> int:
        """Return how large what is made of some of the sources is, about."""
        parts = {source.overlay for source in sources}
        return sum(self.overlay_bytes if overlay else self.prepared_bytes for overlay in parts)

    @property
    def variants(self) -> dict[str, Variant]:
        """All variants that there can be, by name."""
        all_variants = (Variant(lora, is_fp8) for lora in (None, *self.loras) for is_fp8 in (False, True))
        return {variant.name: variant for variant in all_variants if variant.name}

    def get_variant(self, name: str) -> Variant:
        """Return the variant of that name.

        Raises:
            WeightsError: There is none.
        """
        if name not in self.variants:
            raise WeightsError(f"Expected a variant of the weights ({', '.join(self.variants)}), got '{name}'.")
        return self.variants[name]
