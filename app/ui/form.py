"""What was filled in, as the request that it means."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.ui.layout import Page
from app.ui.options import read_options
from pipeline.engines import PROFILES
from pipeline.request import Aspect, Crop, Inputs, VideoRequest


@dataclass(frozen=True)
class Form:
    """The values of the page's widgets, in the order of `form_widgets`."""

    photo: str | None
    voice: str | None
    profile: str
    duration_seconds: float
    aspect: Aspect
    person: int | None
    zoom: float
    shift_x: float
    shift_y: float
    is_seed_random: bool
    options: dict[str, Any]

    @property
    def missing(self) -> list[str]:
        """The keys of what has to be added first."""
        return [key for key, value in (("photo", self.photo), ("voice", self.voice)) if value is None]

    @property
    def inputs(self) -> Inputs:
        """The files; none may be missing."""
        assert self.photo is not None
        assert self.voice is not None
        return {"image": Path(self.photo), "audio": Path(self.voice)}

    def request(self, profile_name: str) -> VideoRequest:
        """Return what is asked for."""
        options = dict(self.options) | ({"seed": None} if self.is_seed_random else {})
        return VideoRequest(
            profile=profile_name,
            aspect=self.aspect,
            face=self.person,
            crop=Crop(self.zoom, self.shift_x, self.shift_y),
            max_duration_sec=self.duration_seconds,
            **read_options(options, PROFILES[profile_name], is_chosen=profile_name == self.profile),
        )


def form_widgets(page: Page) -> list[Any]:
    """Return the widgets whose values make a `Form`, in its order; at the end the options."""
    photo, voice, profile = page.photo, page.voice, page.profile
    return [
        photo.photo, voice.voice, profile.profile, voice.duration, photo.aspect, photo.person, photo.zoom,
        photo.shift_x, photo.shift_y, profile.random_seed, *profile.options.values(),
    ]  # fmt: skip


def read_form(page: Page, values: Sequence[Any]) -> Form:
    """Return what the widgets have; `values` are theirs, in the order of `form_widgets`."""
    names = list(page.profile.options)
    return Form(*[*values[: -len(names)], dict(zip(names, values[-len(names) :], strict=True))])
