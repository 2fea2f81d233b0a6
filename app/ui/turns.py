"""Who speaks when in one recording: found, shown as a timeline, and changed there."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr

from app.errors import AppError
from app.jobs import Jobs
from app.ui import markup, people
from app.ui.caller import find_caller
from app.ui.layout import PhotoPart, VoicePart
from app.ui.reasons import explain
from app.ui.texts import Texts
from pipeline.errors import InputError
from pipeline.request import Turn

REUSED = "reused"
"""Stands for the recording of an earlier video, whose turns are to be used again."""
_WAVE, _LANE = 48, 52
"""Heights in pixels, as the script has them."""
_Updates = dict[Any, Any]


def bind_turns(view: "TurnsView") -> None:
    """Find who speaks when there is a recording for several people, and again when it or their number changes."""
    part, dialogue = view.part, view.part.dialogue
    changes = [part.one.voice.change, part.one.seconds.change, dialogue.sharing.change]
    changes += [dialogue.arranged.change, dialogue.known.change]
    asked = [dialogue.asked, dialogue.arranged, dialogue.sharing, part.one.voice, part.one.seconds, dialogue.known]
    gr.on(
        changes,
        view.find,
        asked,
        [dialogue.timeline, dialogue.note, dialogue.known, dialogue.asked],
        js="(turns, ...others) => [page.turns(turns), ...others]",
        trigger_mode="always_last",
        show_progress="hidden",
        concurrency_limit=None,
        api_visibility="private",
    )


@dataclass(frozen=True)
class TurnsView:
    """Answers to who speaks when, in one language."""

    photo: PhotoPart
    part: VoicePart
    jobs: Jobs
    texts: Texts

    async def find(  # noqa: PLR0917 - the widgets' values
        self, kept: str, arranged: str, sharing: str, voice: str | None, seconds: float, known: str
    ) -> AsyncIterator[_Updates]:
        """Show who speaks when. What a person has changed stays, as long as the recording and the number of people do.

        Args:
            kept: The turns that are shown, as JSON.
            arranged: The faces that speak.
            sharing: Whether one recording has all voices.
            voice: The recording.
            seconds: Its length; 0 until it was heard.
            known: The recording whose turns are shown.
        """
        dialogue, faces = self.part.dialogue, people.read_speakers(arranged)
        if len(faces) < 2 or sharing != "all" or voice is None or not seconds:
            yield {dialogue.timeline: gr.HTML("", visible=False), dialogue.note: "", dialogue.known: known}
            return
        key = f"{len(faces)} {voice}"
        turns = read_turns(kept, len(faces)) if known in {key, REUSED} else None
        if turns is None:
            wait = gr.HTML(self._wait(), visible=True)
            yield {dialogue.timeline: wait, dialogue.note: "", dialogue.known: "", dialogue.asked: ""}
            try:
                turns = await self.jobs.media.find_turns(Path(voice), len(faces), find_caller().turn)
            except (InputError, AppError) as error:
                note = markup.note([explain(error, self.texts)], "error")
                yield {dialogue.timeline: gr.HTML("", visible=False), dialogue.note: note, dialogue.known: ""}
                return
        shown = self.render(turns, faces, voice, seconds)
        yield {dialogue.timeline: gr.HTML(shown, visible=True), dialogue.note: "", dialogue.known: key}

    def render(self, turns: Sequence[Turn], faces: Sequence[int], voice: str, seconds: float) -> str:
        """Return the timeline, whose parts the script puts in."""
        texts = self.texts
        data = {
            "src": f"gradio_api/file={quote(voice)}",
            "seconds": f"{seconds:.2f}",
            "names": json.dumps([people.name(face, texts) for face in faces]),
            "turns": write_turns(turns),
            "told": texts.table["turns.turn"],
        }
        attributes = " ".join(f'data-{name}="{escape(value)}"' for name, value in data.items())
        return (
            f'<div class="timeline" {attributes}><div role="group" aria-labelledby="turns-heading">'
            f'<h3 id="turns-heading">{self._say("heading")}</h3><p class="quiet">{self._say("hint")}</p>'
            f"{_draw_lanes(faces)}{self._offer_for_one(faces)}{self._offer_for_all(faces)}</div></div>"
        )

    def _offer_for_one(self, faces: Sequence[int]) -> str:
        """Return what may be done with the part that is chosen."""
        who = "".join(
            f'<button class="button" data-key="who {index}" style="--person:var(--person-{index})" '
            f'aria-label="{escape(people.name(face, self.texts))}">{people.picture(face)}</button>'
            for index, face in enumerate(faces)
        )
        return (
            f'<div class="edit part" hidden>{self._button("play", "data-play")}{self._button("split")}'
            f'{self._button("delete")}<span class="time"><span>{self._say("who")}</span>{who}</span>'
            f"{self._step('start')}{self._step('end')}</div>"
        )

    def _offer_for_all(self, faces: Sequence[int]) -> str:
        named = [people.name(face, self.texts) for face in faces]
        swaps = "".join(
            f'<button class="button" data-key="swap {index}">'
            f"{escape(self.texts('turns.swap', first=first, second=second))}</button>"
            for index, (first, second) in enumerate(pairwise(named))
        )
        return (
            f'<div class="edit">{self._button("all", "data-play")}{self._button("add")}{swaps}'
            f"{self._button('again')}</div>"
        )

    def _step(self, side: str) -> str:
        """Return what moves one border of a part."""
        label = self._say(side)
        less, more = (
            f'<button class="button" data-key="{side} {way}" aria-label="{label} {sign}">{sign}</button>'
            for way, sign in (("less", "&minus;"), ("more", "+"))
        )
        return (
            f'<span class="time"><span data-label="{side}">{label}</span>{less}<b data-time="{side}"></b>{more}</span>'
        )

    def _button(self, key: str, attributes: str = "") -> str:
        return f'<button class="button" data-key="{key}" {attributes}>{self._say(key)}</button>'

    def _say(self, key: str) -> str:
        return escape(self.texts(f"turns.{key}"))

    def _wait(self) -> str:
        return f'<div class="timeline"><p class="quiet">{self._say("finding")}</p></div>'


def _draw_lanes(faces: Sequence[int]) -> str:
    """Return a lane for each person, below the picture of the sound."""
    pictures = "".join(
        f'<span style="--person:var(--person-{index})">{people.picture(face)}</span>'
        for index, face in enumerate(faces)
    )
    lanes = "".join(
        f'<div class="lane" data-lane="{index}" style="top:{_WAVE + _LANE * index}px"></div>'
        for index in range(len(faces))
    )
    return (
        f'<div class="lanes"><div class="names">{pictures}</div><div class="scroll">'
        f'<div class="track" style="height:{_WAVE + _LANE * len(faces)}px"><canvas aria-hidden="true" height="{_WAVE}">'
        f'</canvas>{lanes}<i class="playhead" hidden></i></div></div></div>'
    )


def read_turns(kept: str, num_speakers: int) -> tuple[Turn, ...] | None:
    """Return the turns that the browser has kept; None where it has none that can be read."""
    with suppress(ValueError, TypeError, KeyError, OverflowError, RecursionError):
        kept_turns = json.loads(kept)
        turns = tuple(Turn(int(one["speaker"]), float(one["start_sec"]), float(one["end_sec"])) for one in kept_turns)
        if all(0 <= one.speaker < num_speakers and 0 <= one.start_sec < one.end_sec for one in turns):
            return turns
    return None


def write_turns(turns: Sequence[Turn]) -> str:
    """Return the turns as the browser keeps them."""
    return json.dumps([asdict(turn) for turn in sorted(turns, key=lambda turn: turn.start_sec)])
