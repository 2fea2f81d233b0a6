"""Names of files that any system takes, made of what clients call their videos."""

import re
import unicodedata
from collections.abc import Iterable

_FORBIDDEN = re.compile(r'[<>:"/\\|?*\s]+')
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_MOST_BYTES = 100


def choose_names(references: Iterable[str | None], ending: str) -> list[str]:
    """Return a name for each, which no other one has, whatever letters a disk takes for the same.

    Args:
        references: What clients call their videos; None where they do not.
        ending: Of every name, such as `.mp4`.
    """
    names: list[str] = []
    taken: set[str] = set()
    last: dict[str, int] = {}
    for number, reference in enumerate(references):
        wanted = _clean(reference or "") or f"row-{number:04}"
        name, copies = wanted, last.get(_fold(wanted), 1)
        while _fold(name) in taken:
            copies += 1
            name = f"{wanted}-{copies}"
        last[_fold(wanted)] = copies
        taken.add(_fold(name))
        names.append(f"{name}{ending}")
    return names


def _clean(reference: str) -> str:
    seen = "".join(
        mark for mark in unicodedata.normalize("NFC", reference) if unicodedata.category(mark) not in _UNSEEN
    )
    text = _FORBIDDEN.sub("_", seen).strip("._ ")
    text = text.encode()[:_MOST_BYTES].decode(errors="ignore").strip("._ ")
    return f"_{text}" if _DEVICES.fullmatch(text) else text


def _fold(name: str) -> str:
    return unicodedata.normalize("NFKD", name).casefold()
