"""What the page answers when several speak, without a browser."""

import json
from pathlib import Path

import pytest

from app.ui.dialogue import DialogueView, earlier, join_seconds
from app.ui.form import read_form
from app.ui.layout import Page
from app.ui.people import read_speakers, render, toggle
from app.ui.texts import ENGLISH, LANGUAGES, Texts
from app.ui.turns import read_turns, write_turns
from pipeline.errors import InputError
from pipeline.notices import Notice
from pipeline.request import Order, SpeakerRequest, Turn
from pipeline.types import Box, Face, FrameSize
from tests.app.test_page_views import Updates, Views, make_form
from tests.app.test_page_views import page as page  # noqa: PLC0414 - a fixture
from tests.app.test_page_views import views as views  # noqa: PLC0414 - a fixture

TURNS = (Turn(0, 0.0, 1.5), Turn(1, 1.5, 4.0))
DEEP = "[" * 100_000
OWN = {"own_0": "/a.wav", "own_1": "/b.wav"}


def arrange(page: Page, speakers: str, arranged: str, *own: str | None, sharing: str = "each") -> Updates:
    view = DialogueView(page.photo, page.voice, ENGLISH)
    return view.arrange(speakers, arranged, sharing, "in_turn", "/one.wav", *own, *("" for _ in own))


@pytest.mark.parametrize(
    ("kept", "speakers"),
    [("[1, 0]", (1, 0)), ("[0, 0]", (0,)), ("[0,1,2,3,4]", (0, 1, 2, 3)), ("[-1]", ()), ('["0"]', ()), (DEEP, ())],
)
def test_of_what_a_browser_keeps_only_faces_are_read(kept: str, speakers: tuple[int, ...]) -> None:
    assert read_speakers(kept) == speakers


@pytest.mark.parametrize(
    ("speakers", "face", "then"),
    [((0,), 1, (0, 1)), ((0, 1), 0, (1,)), ((0,), 0, (0,)), ((0, 1, 2, 3), 4, (0, 1, 2, 3))],
)
def test_somebody_always_speaks_and_at_most_four(speakers: tuple[int, ...], face: int, then: tuple[int, ...]) -> None:
    assert toggle(speakers, face) == then


def test_faces_are_listed_from_left_to_right_and_a_name_cannot_leave_its_place() -> None:
    faces = tuple(Face(Box(x, 10, x + 40, 60), 1.0, None) for x in (200, 20))  # type: ignore[arg-type] # not looked at
    shown = render(faces, FrameSize(400, 100), (1,), '/tmp/a") x.png', ENGLISH)
    assert shown.index('data-face="1" aria-pressed="true"') < shown.index('data-face="0" aria-pressed="false"')
    assert "/tmp/a%22%29%20x.png" in shown


def test_voices_go_with_those_whose_they_are(page: Page) -> None:
    own = page.voice.dialogue.own
    swapped = arrange(page, "[1, 0]", "[0, 1]", "/a.wav", "/b.wav", None, None)
    assert (swapped[own[0].voice], swapped[own[1].voice]) == ("/b.wav", "/a.wav")
    left = arrange(page, "[1, 2]", "[0, 1, 2]", "/a.wav", "/b.wav", "/c.wav", None)
    assert [left[one.voice] for one in own[:3]] == ["/b.wav", "/c.wav", None]


def test_whoever_spoke_alone_brings_the_voice_along(page: Page) -> None:
    updates = arrange(page, "[0, 1]", "[0]", None, None, None, None)
    dialogue = page.voice.dialogue
    assert updates[dialogue.own[0].voice] == "/one.wav"
    assert [updates[place].visible for place in dialogue.places] == [True, True, False, False]
    assert "earlier" in updates[dialogue.own[1].heading]
    assert "earlier" not in updates[dialogue.own[0].heading]


def test_one_recording_for_all_has_no_places_and_no_order(page: Page) -> None:
    updates = arrange(page, "[0, 1]", "[0, 1]", None, None, None, None, sharing="all")
    dialogue = page.voice.dialogue
    assert not any(updates[widget].visible for widget in [*dialogue.places, dialogue.order])
    assert updates[dialogue.sharing].visible


def test_a_speaker_is_moved_to_the_front() -> None:
    assert [earlier(place)("[2, 0, 1]") for place in (0, 1, 2, 3)] == [
        "[2, 0, 1]",
        "[0, 2, 1]",
        "[2, 1, 0]",
        "[2, 0, 1]",
    ]


@pytest.mark.parametrize(
    ("own", "order", "seconds"),
    [((3, 4.5), "together", 4.5), ((3, 4.5), "in_turn", 7.5), ((3, 0), "in_turn", 0), ((), "together", 0)],
)  # fmt: skip
def test_the_estimate_follows_the_joined_length(own: tuple[float, ...], order: Order, seconds: float) -> None:
    assert join_seconds(own, order) == seconds


def test_a_voice_each_is_asked_for_in_the_order_of_the_cards(page: Page, tmp_path: Path) -> None:
    form = read_form(page, make_form(tmp_path, speakers="[1, 0]", order="in_turn", **OWN))
    request = form.request("preview")
    assert request.speakers == (SpeakerRequest(1, "audio_0"), SpeakerRequest(0, "audio_1"))
    assert (request.face, request.order, request.turns) == (None, "in_turn", None)
    assert {role: str(path) for role, path in form.inputs.items() if role != "image"} == {
        "audio_0": "/a.wav",
        "audio_1": "/b.wav",
    }


def test_voices_stay_with_their_faces_until_the_cards_follow(page: Page, tmp_path: Path) -> None:
    form = read_form(page, make_form(tmp_path, speakers="[1, 0]", arranged="[0, 1]", **OWN))
    assert (form.inputs["audio_0"], form.inputs["audio_1"]) == (Path("/b.wav"), Path("/a.wav"))


def test_voices_are_kept_while_the_photo_is_replaced(page: Page) -> None:
    updates = arrange(page, "[]", "[0, 1]", "/a.wav", "/b.wav", None, None)
    dialogue = page.voice.dialogue
    assert not updates.keys() & {dialogue.arranged, *(own.voice for own in dialogue.own)}


def test_one_recording_is_asked_for_with_its_turns(page: Page, tmp_path: Path) -> None:
    values = {"speakers": "[1, 0]", "sharing": "all", "order": "in_turn", **OWN}
    form = read_form(page, make_form(tmp_path, turns=write_turns(TURNS), **values))
    assert form.request("preview").turns == TURNS
    assert form.inputs.keys() == {"image", "audio"}
    assert read_form(page, make_form(tmp_path, **values)).request("preview").turns == "auto"


def test_one_who_speaks_is_asked_for_as_ever(page: Page, tmp_path: Path) -> None:
    request = read_form(page, make_form(tmp_path, speakers="[1]", **OWN)).request("preview")
    assert (request.face, request.speakers, request.order) == (1, (), "together")


def test_a_missing_voice_is_named(page: Page, tmp_path: Path) -> None:
    assert read_form(page, make_form(tmp_path, speakers="[0, 1]", own_0="/a.wav")).missing == ["audio_1"]


@pytest.mark.parametrize("kept", ["", DEEP, "{", "7", "[7]", '[{"speaker": 2, "start_sec": 0, "end_sec": 1}]', "[{}]"])
def test_turns_that_cannot_be_read_are_found_anew(kept: str) -> None:
    assert read_turns(kept, 2) is None
    assert read_turns(write_turns(TURNS[::-1]), 2) == TURNS


def test_impossible_turns_are_refused(page: Page, tmp_path: Path) -> None:
    backwards = json.dumps([{"speaker": 0, "start_sec": 2, "end_sec": 1}])
    form = read_form(page, make_form(tmp_path, speakers="[0, 1]", sharing="all", turns=backwards))
    with pytest.raises(InputError, match="Turn 0"):
        form.request("preview")


@pytest.mark.parametrize("texts", LANGUAGES.values(), ids=lambda texts: texts.language)
def test_people_have_the_numbers_of_the_photo(texts: Texts) -> None:
    assert texts.notice(Notice("photo.face_turned", "image", {"value": 30, "face": 0})).startswith("Person 1: ")
    assert "2, 3" in texts.notice(Notice("speakers.too_far_apart", "speakers", {"faces": "1, 2"}))


def test_a_dialogue_is_used_again(views: Views) -> None:
    cast = (SpeakerRequest(1), SpeakerRequest(0))
    updates = views.reuse(views.keep(profile="preview", speakers=cast, turns=TURNS))
    dialogue = views.page.voice.dialogue
    assert updates[views.page.photo.wanted] == "[1, 0]"
    assert (updates[dialogue.sharing], updates[dialogue.asked]) == ("all", write_turns(TURNS))
    own = (SpeakerRequest(0, "audio_0"), SpeakerRequest(1, "audio_1"))
    updates = views.reuse(views.keep(profile="preview", speakers=own, order="in_turn"))
    assert (updates[dialogue.sharing], updates[dialogue.order]) == ("each", "in_turn")
    assert not updates[dialogue.asked]  # turns of another video
