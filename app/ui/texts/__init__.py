"""All that the page says, a table for each language, and which language a visitor gets."""

import re
from dataclasses import dataclass, replace
from functools import cache, reduce

from app.ui.texts import de, de_access, de_notices, de_trust, en, en_access, en_trust
from pipeline import notices
from pipeline.engines import PROFILES
from pipeline.notices import OF_PERSONS, Notice, Person, Value
from pipeline.profiles import Profile

_OF_LISTS = ("face.", "speakers.", "turns.")
_PLACES = {"number", "index", "last", "first", "second", "named"}
"""What counts from 0 in sentences about these lists."""


@dataclass(frozen=True)
class Texts:
    """The page's texts in one language.

    Attributes:
        language: Its code, e.g. `en`.
        name: What its speakers call it.
        decimal_sign: Between a number's ones and tenths.
        table: Key to sentence.
        notices: Code of a notice to sentence.
        kinds: What a file may be instead of a photo, from English.
        reasons: Why a profile cannot run here, from English.
        gradios_words: What Gradio says in English only, and what to say instead.
        of_persons: How a sentence about one of several people begins.
    """

    language: str
    name: str
    decimal_sign: str
    table: dict[str, str]
    notices: dict[str, str]
    kinds: dict[str, str]
    reasons: dict[str, str]
    gradios_words: dict[str, str]
    of_persons: dict[Person, str]

    def __call__(self, key: str, **values: Value) -> str:
        """Return the sentence with its values filled in."""
        sentence = self.table[key]
        return sentence.format(**values) if values else sentence

    def count(self, key: str, number: int, **values: Value) -> str:
        """Return the sentence for one or for many."""
        return self(f"{key}.one" if number == 1 else f"{key}.many", **values)

    def profile_name(self, name: str) -> str:
        """Return what people call a profile; one that is not in the table has its own title."""
        return self.table.get(f"profile.name.{name}") or PROFILES[name].title

    def profile_summary(self, profile: Profile) -> str:
        """Return what a profile is for; one that is not in the table says it itself, in English."""
        return self.table.get(f"profile.summary.{profile.name}") or profile.summary

    def stage(self, name: str) -> str:
        """Return what a run is doing; engines may have stages that no one has named yet."""
        return self.table.get(f"stage.{name}", self.table["stage.starting"])

    def notice(self, notice: Notice) -> str:
        """Return what a notice says; one that is not in the table says it in English.

        People and turns are numbered from 1 on the page, as in the photo.
        """
        notice = _count_from_one(notice)
        sentence = self.notices.get(notice.code)
        if sentence is None:
            return notice.text
        told = sentence.format(**{name: self._localize(value) for name, value in notice.values.items()})
        return notice.tell(told, self.of_persons)

    def reason(self, english: str) -> str:
        """Return why a profile cannot run here, sentence by sentence."""
        return reduce(lambda told, pair: _translate(told, *pair), self.reasons.items(), english)

    def _localize(self, value: Value) -> Value:
        if isinstance(value, float):
            return str(value).replace(".", self.decimal_sign)
        return self.kinds.get(str(value), value)


def _count_from_one(notice: Notice) -> Notice:
    values = dict(notice.values)
    for person in OF_PERSONS:
        if isinstance(number := values.get(person), int):
            values[person] = number + 1
    if notice.code.startswith(_OF_LISTS):
        values |= {name: number + 1 for name, number in values.items() if name in _PLACES and isinstance(number, int)}
    if isinstance(faces := values.get("faces"), str):
        values["faces"] = re.sub(r"\d+", lambda number: str(int(number[0]) + 1), faces)
    return replace(notice, values=values)


def _translate(told: str, sentence: str, own: str) -> str:
    """Put one sentence in place of another. Where both have a `{name}`, one word stands there."""
    pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>\\S+?)", re.escape(sentence))
    return re.sub(pattern, lambda match: own.format(**match.groupdict()), told)


def _in_the_pages_words(sentence: str) -> str:
    """Return an English notice with a real times sign, and with the page's word for what the REST API calls profile."""
    words = {
        " x ": " × ",
        "smaller profile": "lower quality",
        "quicker profile": "quicker quality",
        "another profile": "another quality",
        "numbered from 0": "numbered from 1",
        "the profile {profile}": "the quality {profile}",
        "The profile {profile}": "The quality {profile}",
    }
    return reduce(lambda told, word: told.replace(*word), words.items(), sentence)


_NOTICES = {code: _in_the_pages_words(sentence) for code, sentence in notices.TEXTS.items()}

LANGUAGES: dict[str, Texts] = {
    "en": Texts(
        "en",
        en.NAME,
        en.DECIMAL_SIGN,
        en.TEXTS | en_trust.TEXTS | en_access.TEXTS,
        _NOTICES,
        {},
        {},
        en.GRADIOS_WORDS,
        en.OF_PERSONS,
    ),
    "de": Texts(
        "de",
        de.NAME,
        de.DECIMAL_SIGN,
        de.TEXTS | de_trust.TEXTS | de_access.TEXTS,
        de_notices.TEXTS,
        de_notices.KINDS,
        de_notices.REASONS,
        de.GRADIOS_WORDS,
        de_notices.OF_PERSONS,
    ),
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
