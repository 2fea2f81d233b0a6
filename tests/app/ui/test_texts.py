"""Every language says everything."""

import re
import string
from pathlib import Path

import pytest

from app.ui.texts import ENGLISH, LANGUAGES, Texts, choose_language
from app.ui.words import duration, hours, price
from pipeline.engine import EngineSettings
from pipeline.engines import PROFILES, find_availability
from pipeline.notices import Notice

OTHERS = [texts for texts in LANGUAGES.values() if texts is not ENGLISH]
GERMAN = LANGUAGES["de"]
OF_PROFILES = ("profile.name.", "profile.summary.")  # what is missing there, the profiles say themselves


def find_placeholders(table: dict[str, str]) -> dict[str, set[str]]:
    return {
        key: {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
        for key, text in table.items()
    }


@pytest.mark.parametrize("texts", OTHERS, ids=lambda texts: texts.language)
def test_the_page_says_the_same_in_every_language(texts: Texts) -> None:
    said = {key: text for key, text in texts.table.items() if not key.startswith(OF_PROFILES)}
    english = {key: text for key, text in ENGLISH.table.items() if not key.startswith(OF_PROFILES)}
    assert find_placeholders(said) == find_placeholders(english)


@pytest.mark.parametrize("texts", OTHERS, ids=lambda texts: texts.language)
def test_every_notice_is_translated(texts: Texts) -> None:
    assert find_placeholders(texts.notices) == find_placeholders(ENGLISH.notices)


@pytest.mark.parametrize("texts", OTHERS, ids=lambda texts: texts.language)
def test_what_gradio_says_in_english_is_said_in_every_language(texts: Texts) -> None:
    assert texts.gradios_words.keys() == ENGLISH.gradios_words.keys()


@pytest.mark.parametrize("texts", LANGUAGES.values(), ids=lambda texts: texts.language)
def test_notices_have_the_pages_word_for_profile_and_a_real_times_sign(texts: Texts) -> None:
    # The page names no model, and no profile that does not exist.
    said = {
        code: re.sub(r"{\w+}", "", text)
        for code, text in texts.notices.items()
        if code not in {"profile.unknown", "request.model_mismatch"}
    }
    assert [text for text in said.values() if "profil" in text.lower() or " x " in text] == []


def test_every_stage_has_a_name() -> None:
    stages = ("photo", "voice", "loading", "conditioning", "denoising", "frames", "finishing")
    assert {f"stage.{stage}" for stage in stages} <= set(ENGLISH.table)


@pytest.mark.parametrize("texts", OTHERS, ids=lambda texts: texts.language)
def test_every_profile_is_translated(texts: Texts) -> None:
    assert {f"{of}{name}" for of in OF_PROFILES for name in PROFILES} <= set(texts.table)


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("de-DE,de;q=0.9,en;q=0.8", "de"), ("fr,en;q=0.5,de;q=0.7", "de"), ("fr", "en"), ("", "en"), (";q=x", "en")],
)
def test_the_browser_chooses_the_language(accepted: str, language: str) -> None:
    assert choose_language(accepted) == language


def test_numbers_are_written_as_the_language_writes_them() -> None:
    notice = Notice("photo.face_turned", "image", {"value": 24.5})
    assert "24,5" in GERMAN.notice(notice)
    assert "24.5" in ENGLISH.notice(notice)


def test_what_a_file_is_instead_of_a_photo_is_said_in_german() -> None:
    from pipeline.image.kinds import OTHER_KINDS, RAW

    assert {*OTHER_KINDS.values(), RAW} <= GERMAN.kinds.keys()
    assert "ein PDF" in GERMAN.notice(Notice("photo.format", "image", {"kind": "a PDF"}))


def find_reasons(weights: Path) -> list[str]:
    """Return why a machine refuses profiles, as more and more of what they need is there."""
    reasons = [
        find_availability(PROFILES["fast"], EngineSettings()),
        find_availability(PROFILES["turbo"], EngineSettings(weights)),
        find_availability(PROFILES["fast"], EngineSettings(weights)),
    ]
    (weights / "nvidia0").touch()
    return [one.reason for one in (*reasons, find_availability(PROFILES["fast"], EngineSettings(weights, num_gpus=2)))]


def test_why_a_profile_cannot_run_is_said_in_german(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "adapter").mkdir()
    monkeypatch.setattr("pipeline.diffusion.availability.DEVICES", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    english = find_reasons(tmp_path)
    assert all(english)
    assert [reason for reason in map(GERMAN.reason, english) if "It needs" in reason] == []


def test_a_missing_library_is_named_in_german(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.diffusion.availability.LIBRARIES", ("no_such_library",))
    reason = GERMAN.reason(find_availability(PROFILES["fast"], EngineSettings()).reason)
    assert reason == "Dafür fehlt no_such_library: pip install -r requirements/model.txt."


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.4, "0.4\u00a0s"), (42, "42\u00a0s"), (200, "3\u00a0min"), (9000, "2.5\u00a0h")]
)
def test_durations_are_as_exact_as_is_useful(seconds: float, told: str) -> None:
    assert duration(ENGLISH, seconds) == told


@pytest.mark.parametrize(("dollars", "told"), [(0, "free"), (0.004, "under $0.01"), (1.5, "$1.50")])
def test_prices_are_said_in_words(dollars: float, told: str) -> None:
    assert price(ENGLISH, dollars) == told


@pytest.mark.parametrize(("value", "told"), [(24.0, "24 hours"), (1.0, "1 hour"), (0.5, "0.5 hours")])
def test_how_long_videos_are_kept_is_said_in_words(value: float, told: str) -> None:
    assert hours(ENGLISH, value) == told
