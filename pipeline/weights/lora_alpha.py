"""How strong a LoRA is, where its file says so once for all modules rather than beside each module's factors."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.errors import WeightsError

SETTINGS_BESIDE = "adapter_config.json"
"""Where PEFT's trainers write what the factors' file does not say."""
TABLE_PREFIXES = ("", "transformer.", "diffusion_model.")
"""Before the names in a table; those of a text encoder, which may be in the same file, have others."""
PLAIN_NAMES = ("lora_alpha", "ss_network_alpha", "network_alpha", "alpha")
"""In a header without a table. Trainers that know none write a word, such as `None`, or `Dynamic` for several."""


@dataclass(frozen=True)
class AlphaTable:
    """The alpha of modules that bring none of their own: a module's changes are scaled by its alpha / rank.

    Attributes:
        default: Of all modules; None leaves a module's changes as they are.
        patterns: Of the modules whose names end with what the pattern matches, the first one counts.
        is_stabilized: Whether changes are scaled by alpha / sqrt(rank) instead (rsLoRA).
    """

    default: float | None = None
    patterns: Mapping[str, float] = field(default_factory=dict)
    is_stabilized: bool = False

    def find(self, module: str, rank: int) -> float | None:
        """Return a module's alpha, so that alpha / rank is its scale; None where the file says nothing."""
        matching = (alpha for pattern, alpha in self.patterns.items() if _matches(pattern, module))
        alpha = next(matching, self.default)
        if alpha is None or not self.is_stabilized:
            return alpha
        return alpha * math.sqrt(rank)


def read_alphas(header: Mapping[str, str], path: Path) -> AlphaTable:
    """Find what a LoRA's file says of its alpha: in its header, or in the settings beside it.

    Args:
        header: The texts in the file's head, by name.
        path: Of the file.

    Raises:
        WeightsError: It says something that cannot be an alpha.
    """
    beside = path.with_name(SETTINGS_BESIDE)
    try:
        tables = list(_find_tables(header))
        if not tables and beside.is_file():
            tables = list(_find_tables({SETTINGS_BESIDE: beside.read_text()}))
        if tables:
            return _read_table(tables[0])
        return AlphaTable(next((float(header[name]) for name in PLAIN_NAMES if _is_number(header.get(name))), None))
    except (OSError, ValueError, TypeError, AttributeError, re.error) as error:
        raise WeightsError(
            f"Expected numbers for the LoRA's alpha in the header of {path} or in {beside.name}, got something else. "
            "Without them its strength is unknown. Download it again."
        ) from error


def _find_tables(header: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the trainers' settings in a header that name an alpha, without the prefix of their names."""
    for text in header.values():
        # The name of the alpha also tells settings that are damaged from a text that only looks like settings.
        if not text.lstrip().startswith("{") or "lora_alpha" not in text:
            continue
        table = json.loads(text)
        for prefix in TABLE_PREFIXES:
            if f"{prefix}lora_alpha" in table:
                yield {name.removeprefix(prefix): value for name, value in table.items() if name.startswith(prefix)}
                break


def _read_table(table: Mapping[str, Any]) -> AlphaTable:
    patterns = {pattern: _to_number(alpha) for pattern, alpha in (table.get("alpha_pattern") or {}).items()}
    for pattern in patterns:
        re.compile(pattern)
    alpha = table["lora_alpha"]
    default = None if alpha is None else _to_number(alpha)
    return AlphaTable(default, patterns, bool(table.get("use_rslora", False)))


def _to_number(value: Any) -> float:  # noqa: ANN401  # as JSON has it
    alpha = float(value)
    if not math.isfinite(alpha):
        raise ValueError(alpha)
    return alpha


def _matches(pattern: str, module: str) -> bool:
    """Say whether PEFT would take a pattern for a module."""
    return re.fullmatch(rf"(?:.*\.)?(?:{pattern.removeprefix('^')})", module) is not None


def _is_number(text: str | None) -> bool:
    try:
        return math.isfinite(float(text or ""))
    except ValueError:
        return False
