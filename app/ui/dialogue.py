"""Several speak: each has a recording, or one recording has all voices."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from app.ui import people
from app.ui.layout import PhotoPart, VoicePart
from app.ui.texts import Texts
from app.ui.voice import bound_slider
from pipeline.request import Order

_Updates = dict[Any, Any]


def bind_dialogue(view: "DialogueView") -> None:
    """Make what is shown when several speak answer."""
    part, dialogue = view.part, view.part.dialogue
    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "queue": False}
    kept = [view.photo.speakers, dialogue.arranged, dialogue.sharing, dialogue.order, part.one.voice]
    changes = [view.photo.speakers.change, dialogue.sharing.change, dialogue.order.change]
    own_voices = [*(own.voice for own in dialogue.own), *(own.note for own in dialogue.own)]
    gr.on(changes, view.arrange, [*kept, *own_voices], view.outputs, trigger_mode="always_last", **private)
    for place, own in enumerate(dialogue.own):
        own.heading.earlier(earlier(place), view.photo.speakers, view.photo.speakers, **private)
    heard = [part.one.seconds, *(own.seconds for own in dialogue.own)]
    gr.on(
        [dialogue.arranged.change, dialogue.sharing.change, dialogue.order.change, *(one.change for one in heard)],
        view.measure,
        [dialogue.arranged, dialogue.sharing, dialogue.order, *heard],
        [part.seconds, part.duration],
        trigger_mode="always_last",
        **private,
    )


def earlier(place: int) -> Any:  # noqa: ANN401 - what Gradio calls
    """Return what lets the speaker at a place have the word before the one who has it now."""

    def move(kept: str) -> str:
        speakers = list(people.read_speakers(kept))
        if 0 < place < len(speakers):
            speakers[place - 1 : place + 1] = [speakers[place], speakers[place - 1]]
        return people.write_speakers(speakers)

    return move


@dataclass(frozen=True)
class DialogueView:
    """Answers to who speaks and when, in one language."""

    photo: PhotoPart
    part: VoicePart
    texts: Texts

    @property
    def outputs(self) -> list[Any]:
        """All that changes with who speaks."""
        dialogue = self.part.dialogue
        widgets = [widget for own in dialogue.own for widget in (own.heading, own.voice, own.note)]
        return [dialogue.arranged, dialogue.sharing, dialogue.order, *dialogue.places, *widgets]

    def arrange(
        self, speakers: str, arranged: str, sharing: str, order: Order, voice: str | None, *own: str | None
    ) -> _Updates:
        """Show a place for the voice of each; the recordings go with those whose they are, with what is said of them.

        Whoever spoke alone until now brings the one voice along.

        Args:
            speakers: The faces that speak now, as JSON.
            arranged: Those that spoke until now.
            sharing: Whether each has a recording, or one has all voices.
            order: Whether they speak at the same time or in turn.
            voice: The one recording.
            own: The recordings that are shown, and then the notes beside them.
        """
        now, before = people.read_speakers(speakers), people.read_speakers(arranged)
        dialogue = self.part.dialogue
        if not now:  # the photo is being replaced: recordings may exist nowhere else
            hidden = {place: gr.Column(visible=False) for place in dialogue.places}
            return {dialogue.sharing: gr.Radio(visible=False), dialogue.order: gr.Radio(visible=False), **hidden}
        is_each = len(now) > 1 and sharing == "each"
        voices, notes = own[: len(dialogue.own)], own[len(dialogue.own) :]
        updates: _Updates = {
            dialogue.arranged: speakers,
            dialogue.sharing: gr.Radio(visible=len(now) > 1),
            dialogue.order: gr.Radio(visible=is_each),
        }
        has = dict(zip(before, zip(voices, notes, strict=True), strict=False))
        if len(before) == 1 and is_each and not has.get(before[0], (None,))[0]:
            has[before[0]] = voice, ""
        for place, recording in enumerate(dialogue.own):
            face = now[place] if place < len(now) else None
            wanted, note = has.get(face, (None, "")) if face is not None else (None, "")
            updates[dialogue.places[place]] = gr.Column(visible=is_each and face is not None)
            updates[recording.heading] = "" if face is None else self._head(face, place, len(now), order)
            if wanted != voices[place]:
                updates |= {recording.voice: wanted, recording.note: note}
        return updates

    def measure(self, arranged: str, sharing: str, order: Order, one: float, *own: float) -> _Updates:
        """Say how long the voices are together."""
        count = len(people.read_speakers(arranged))
        seconds = join_seconds(own[:count], order) if count > 1 and sharing == "each" else one
        return {self.part.seconds: seconds, self.part.duration: bound_slider(seconds)}

    def _head(self, face: int, place: int, count: int, order: Order) -> str:
        """Return what stands above a recording: whose it is, and when he has the word."""
        texts = self.texts
        button = when = ""
        if order == "in_turn":
            when = f'<span class="when">{escape(texts("order.place", place=place + 1, count=count))}</span>'
        if order == "in_turn" and place > 0:
            label = escape(texts("order.earlier.person", number=face + 1))
            button = (
                f'<button type="button" class="button" data-action="earlier" aria-label="{label}">'
                f"↑ {escape(texts('order.earlier'))}</button>"
            )
        presses = '<i data-action="replace" hidden></i><i data-action="complain" hidden></i>'
        return (
            f'<div class="heading" data-sources="{escape(texts("voice.sources"))}">{people.picture(face)}'
            f"<h3>{escape(people.name(face, texts))}{when}</h3>{button}{presses}</div>"
        )


def join_seconds(own: Sequence[float], order: Order) -> float:
    """Return how long recordings are together; 0 while one is missing."""
    if not own or min(own) <= 0:
        return 0
    return sum(own) if order == "in_turn" else max(own)
