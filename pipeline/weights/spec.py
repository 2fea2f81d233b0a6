"""What an engine says of its weights before there are any. Knows no torch: it is read before a download."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import WeightsError
from pipeline.weights.manifest import is_prepared, overlay_path, read_manifest

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
class Release:
    """Weights of an engine that can take the place of its usual ones.

    Attributes:
        sources: All that they are made of.
        transformer: Folder of the large model in its repository, by which a prepared folder tells what it was made of.
        prepared_bytes: Size of the prepared folder without its overlays, about.
        is_quantized: Whether the transformer is released in 8 bits, of which no variants are made.
    """

    sources: tuple[Source, ...]
    transformer: str
    prepared_bytes: int
    is_quantized: bool = False


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
        load_layout: Imports torch, and says how the files are read; of a release's transformer, if that is named.
        releases: By name; the first is the usual one. Empty where there is one.
        has_variants: Whether variants can be made of the transformer.
        transformer: Of the release that was asked for, as it has it; empty where any will do.
    """

    name: str
    sources: tuple[Source, ...]
    downloads: str
    prepared_bytes: int
    overlay_bytes: int
    bf16_bytes: int
    fp8_bytes: int
    loras: tuple[AddedLora, ...]
    load_layout: Callable[..., "CheckpointLayout"]
    releases: Mapping[str, Release] = field(default_factory=dict)
    has_variants: bool = True
    transformer: str = ""

    def choose_release(self, name: str) -> "WeightsSpec":
        """Return the same with another release's files; an empty name is the usual one's.

        Raises:
            WeightsError: There is no such release.
        """
        if not name:
            return self
        if name not in self.releases:
            known = ", ".join(self.releases) or "one, which needs no name"
            raise WeightsError(f"Expected a release of {self.name} ({known}), got '{name}'.")
        found = self.releases[name]
        return replace(
            self,
            sources=found.sources,
            downloads=self.downloads if name == next(iter(self.releases)) else f"{self.downloads}-{name}",
            prepared_bytes=found.prepared_bytes,
            load_layout=partial(self.load_layout, found.transformer),
            has_variants=not found.is_quantized,
            transformer=found.transformer,
        )

    def check_release(self, weights: Path) -> None:
        """Check that a folder, where it is prepared, is what was asked for.

        Raises:
            WeightsError: It was made of another release.
        """
        if not self.transformer or not is_prepared(weights):
            return
        if not any(f"/{self.transformer}/" in path for path in read_manifest(weights).sources):
            raise WeightsError(f"{weights} holds another release of {self.name}. Delete it, or name another folder.")

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
        if not self.has_variants:
            return {}
        all_variants = (Variant(lora, is_fp8) for lora in (None, *self.loras) for is_fp8 in (False, True))
        return {variant.name: variant for variant in all_variants if variant.name}

    def get_variant(self, name: str) -> Variant:
        """Return the variant of that name.

        Raises:
            WeightsError: There is none.
        """
        if name not in self.variants:
            known = ", ".join(self.variants) or "none of a release in 8 bits"
            raise WeightsError(f"Expected a variant of the weights ({known}), got '{name}'.")
        return self.variants[name]
