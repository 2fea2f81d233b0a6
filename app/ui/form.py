"""What was filled in, as the request that it means."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.ui.layout import Page
from app.ui.options import read_options
from app.ui.people import read_speakers
from pipeline.dialogue import parse_turns
from pipeline.engines import PROFILES
from pipeline.request import VOICE_ROLES, Aspect, Crop, Inputs, Order, Role, SpeakerRequest, VideoRequest


@dataclass(frozen=True)
class Form:
    """The values of the page's widgets, in the order of `form_widgets`."""

    turns: str
    sharing: str
    order: Order
    arranged: str
    own: tuple[str | None, ...]
    photo: str | None
    voice: str | None
    profile: str
    duration_seconds: float
    aspect: Aspect
    kept_speakers: str
    zoom: float
    shift_x: float
    shift_y: float
    is_agreed: bool
    is_seed_random: bool
    options: dict[str, Any]

    @property
    def speakers(self) -> tuple[int, ...]:
        """The faces that speak; none where nothing was chosen."""
        return read_speakers(self.kept_speakers)

    @property
    def is_each(self) -> bool:
        """Whether several speak, each with a recording of his own."""
        return len(self.speakers) > 1 and self.sharing == "each"

    @property
    def missing(self) -> list[Role]:
        """What has to be added first."""
        return [role for role, file in self._files.items() if file is None]

    @property
    def inputs(self) -> Inputs:
        """The files; none may be missing."""
        return {role: Path(file) for role, file in self._files.items() if file is not None}

    @property
    def _files(self) -> dict[Role, str | None]:
        if self.is_each:
            # The recordings lie as they were arranged last; who speaks may have changed since.
            has = dict(zip(read_speakers(self.arranged), self.own, strict=False))
            named = zip(self.speakers, VOICE_ROLES, strict=False)
            return {"image": self.photo, **{role: has.get(face) for face, role in named}}
        return {"image": self.photo, "audio": self.voice}

    def request(self, profile_name: str) -> VideoRequest:
        """Return what is asked for."""
        options = dict(self.options) | ({"seed": None} if self.is_seed_random else {})
        return VideoRequest(
            profile=profile_name,
            aspect=self.aspect,
            crop=Crop(self.zoom, self.shift_x, self.shift_y),
            max_duration_sec=self.duration_seconds,
            consent=bool(self.is_agreed),  # a record with anything else could not be read
            **self._ask_for_speakers(),
            **read_options(options, PROFILES[profile_name], is_chosen=profile_name == self.profile),
        )

    def _ask_for_speakers(self) -> dict[str, Any]:
        faces = self.speakers
        if len(faces) < 2:
            return {"face": faces[0] if faces else None}
        if self.is_each:
            named = zip(faces, VOICE_ROLES, strict=False)
            return {"speakers": tuple(SpeakerRequest(face, role) for face, role in named), "order": self.order}
        speakers = tuple(SpeakerRequest(face) for face in faces)
        return {"speakers": speakers, "turns": parse_turns(self.turns) or "auto"}


def form_widgets(page: Page) -> list[Any]:
    """Return the widgets whose values make a `Form`, in its order; at the end the options."""
    photo, voice, profile, dialogue = page.photo, page.voice, page.profile, page.voice.dialogue
    return [
        dialogue.asked, dialogue.sharing, dialogue.order, dialogue.arranged, *(own.voice for own in dialogue.own),
        photo.photo, voice.one.voice, profile.profile, voice.duration, photo.aspect, photo.speakers, photo.zoom,
        photo.shift_x, photo.shift_y, page.action.consent, profile.random_seed, *profile.options.values(),
    ]  # fmt: skip


def read_form(page: Page, values: Sequence[Any]) -> Form:
    """Return what the widgets have; `values` are theirs, in the order of `form_widgets`."""
    names, count = list(page.profile.options), len(page.voice.dialogue.own)
    turns, sharing, order, arranged, *own = values[: 4 + count]
    options = dict(zip(names, values[-len(names) :], strict=True))
    return Form(turns, sharing, order, arranged, tuple(own), *[*values[4 + count : -len(names)], options])
