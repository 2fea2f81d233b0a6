"""All that the page says, a table for each language, and which language a visitor gets."""

import re
from dataclasses import dataclass
from functools import cache

from app.ui.texts import de, de_notices, en
from pipeline import notices
from pipeline.notices import Notice, Value


@dataclass(frozen=True)
class Texts:
    """The page's texts in one language.

    Attributes:
        language: Its code, e.g. `en`.
        name: What its speakers call it.
        table: Key to sentence.
        notices: Code of a notice to sentence.
    """

    language: str
    name: str
    table: dict[str, str]
    notices: dict[str, str]

    def __call__(self, key: str, **values: Value) -> str:
        """Return the sentence with its values filled in."""
        sentence = self.table[key]
        return sentence.format(**values) if values else sentence

    def count(self, key: str, number: int, **values: Value) -> str:
        """Return the sentence for one or for many."""
        return self(f"{key}.one" if number == 1 else f"{key}.many", **values)

    def notice(self, notice: Notice) -> str:
        """Return what a notice says; one that was not translated yet says it in English."""
        sentence = self.notices.get(notice.code)
        return sentence.format(**notice.values) if sentence else notice.text


LANGUAGES: dict[str, Texts] = {
    "en": Texts("en", en.NAME, en.TEXTS, notices.TEXTS),
    "de": Texts("de", de.NAME, de.TEXTS, de_notices.TEXTS),
}
ENGLISH = LANGUAGES["en"]


@cache
def choose_language(accepted: str) -> str:
    """Return the code of the language to show.

    Args:
        accepted: The browser's `Accept-Language` header.
    """
    wishes = [_parse_wish(wish) for wish in accepted.split(",")]
    for _, code in sorted(wishes, key=lambda wish: -wish[0]):
        if code in LANGUAGES:
            return code
    return ENGLISH.language


def _parse_wish(wish: str) -> tuple[float, str]:
    code, _, quality = wish.strip().partition(";q=")
    weight = float(quality) if re.fullmatch(r"[01](\.\d{1,3})?", quality) else 1.0
    return weight, code.partition("-")[0].lower()
