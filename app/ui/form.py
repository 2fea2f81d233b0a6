"""What was filled in, as the request that it means."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.ui.layout import Page
from pipeline.profiles import PROFILES
from pipeline.types import Aspect, Framing, GenerationRequest


@dataclass(frozen=True)
class Form:
    """The values of the page's widgets, in the order of `form_widgets`."""

    photo: str | None
    voice: str | None
    profile: str
    prompt: str | None
    seed: float | None
    is_seed_random: bool
    num_inference_steps: float
    guidance_scale: float
    audio_guidance_scale: float
    aspect: Aspect
    person: int | None
    zoom: float
    shift_x: float
    shift_y: float
    duration_seconds: float

    @property
    def missing(self) -> list[str]:
        """The keys of what has to be added first."""
        return [key for key, value in (("photo", self.photo), ("voice", self.voice)) if value is None]

    def request(self, profile_name: str) -> GenerationRequest:
        """Return the request; nothing may be missing."""
        assert self.photo is not None
        assert self.voice is not None
        profile = PROFILES[profile_name]

        def read(value: float, own: float) -> float | None:
            """What the profile says anyway is not asked for: from such runs it is learned how long they take."""
            is_asked = profile.num_inference_steps > 0 and profile_name == self.profile and value != own
            return value if is_asked else None

        num_steps = read(self.num_inference_steps, profile.num_inference_steps)
        return GenerationRequest(
            photo=Path(self.photo),
            voice=Path(self.voice),
            profile=profile_name,
            prompt=self.prompt or "",
            max_duration_seconds=self.duration_seconds,
            seed=None if self.is_seed_random or self.seed is None else int(self.seed),
            framing=Framing(self.aspect, self.person, self.zoom, self.shift_x, self.shift_y),
            num_inference_steps=None if num_steps is None else int(num_steps),
            guidance_scale=read(self.guidance_scale, profile.guidance_scale),
            audio_guidance_scale=read(self.audio_guidance_scale, profile.audio_guidance_scale),
        )


def form_widgets(page: Page) -> list[Any]:
    """Return the widgets whose values make a `Form`, in its order."""
    photo, voice, profile = page.photo, page.voice, page.profile
    return [
        photo.photo, voice.voice, profile.profile, profile.prompt, profile.seed, profile.random_seed, profile.steps,
        profile.guidance, profile.audio_guidance, photo.aspect, photo.person, photo.zoom, photo.shift_x, photo.shift_y,
        voice.duration,
    ]  # fmt: skip
