"""The profiles: what each takes and costs here, and what may be set of it."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.jobs import Jobs
from app.ui import markup, words
from app.ui.layout import ActionPart, Page, ProfilePart
from app.ui.texts import Texts
from pipeline.profiles import PROFILES, Profile

FREE_PROFILE = "preview"
_FAVOURITES = ("balanced", "fast", "fast_lora", "turbo", "low_vram", "quality", FREE_PROFILE)
_Updates = dict[Any, Any]


def bind_profile(page: Page, voice_ready: gr.events.Dependency, view: "ProfileView") -> None:
    """Make profile, duration and price follow one another."""
    part, action, voice = page.profile, page.action, page.voice
    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "queue": False}
    known = [part.profile, page.voice.voice, voice.duration, part.steps]
    priced = [part.profile, part.note, action.estimate]
    voice_ready.then(view.price, known, priced, **private)
    voice.duration.input(view.price, known, priced, trigger_mode="always_last", **private)
    part.steps.input(view.price, known, priced, trigger_mode="always_last", **private)
    part.profile.input(
        view.choose, [part.profile, voice.voice, voice.duration], [*view.sampling_widgets, *priced], **private
    )


@dataclass(frozen=True)
class ProfileView:
    """Answers to what is done with the profile, in one language."""

    part: ProfilePart
    action: ActionPart
    jobs: Jobs
    texts: Texts

    @property
    def sampling_widgets(self) -> list[Any]:
        """What may be set of the sampler."""
        part = self.part
        return [part.steps, part.guidance, part.audio_guidance, part.advanced]

    def find_default(self) -> str:
        """Return the profile to begin with: the best common one that can run here."""
        return next(name for name in _FAVOURITES if self.jobs.availability(PROFILES[name]).available)

    def choose(self, name: str, voice: str | None, seconds: float) -> _Updates:
        """Take the profile's own numbers."""
        profile = PROFILES[name]
        return self.price(name, voice, seconds, profile.num_inference_steps) | self.show_sampling(profile)

    def show_sampling(self, profile: Profile) -> _Updates:
        """Show what may be set of the profile; of the preview that is nothing."""
        part = self.part
        return {
            part.steps: profile.num_inference_steps or 1,
            part.guidance: profile.guidance_scale,
            part.audio_guidance: profile.audio_guidance_scale,
            part.advanced: gr.Accordion(visible=profile.num_inference_steps > 0),
        }

    def price(self, name: str, voice: str | None, seconds: float, steps: int | None) -> _Updates:
        """Say what each profile takes and costs for the voice."""
        used = seconds if voice else None
        profile = PROFILES[name]
        return {
            self.part.profile: gr.Dropdown(self.choices(used), value=name),
            self.part.note: self.describe(profile) + self._hint(profile, used),
            self.action.estimate: markup.estimate(self._estimate(profile, used, steps), self._plan(profile)),
        }

    def choices(self, seconds: float | None) -> list[tuple[str, str]]:
        """Return all profiles, each with what it takes and costs for that much speech."""
        return [(self._label(profile, seconds), name) for name, profile in PROFILES.items()]

    def describe(self, profile: Profile) -> str:
        """Return what the profile is for, or why it cannot run here."""
        summary = self.texts(f"profile.summary.{profile.name}")
        availability = self.jobs.availability(profile)
        if availability.available:
            return markup.quiet(summary)
        reason = self.texts("profile.unavailable.reason", reason=self.texts.reason(availability.reason))
        return markup.quiet(summary) + markup.note([reason], "warn")

    def _hint(self, profile: Profile, seconds: float | None) -> str:
        """Say which GPU would be quicker and cheaper, where one can be chosen."""
        setting = self.jobs.availability(profile).gpu_setting
        better = self.jobs.estimate(profile, seconds).better if seconds else None
        if not setting or better is None:
            return ""
        time = words.remaining(self.texts, better.seconds)
        price = words.price(self.texts, better.dollars)
        hint = self.texts("profile.better", gpu=better.gpu, time=time, price=price, setting=f"{setting}={better.gpu}")
        return markup.quiet(hint)

    def _plan(self, profile: Profile) -> markup.Plan:
        if profile.name == FREE_PROFILE:
            return "preview"
        return "video" if self.jobs.availability(profile).available else "unavailable"

    def _label(self, profile: Profile, seconds: float | None) -> str:
        name = self.texts(f"profile.name.{profile.name}")
        if not self.jobs.availability(profile).available:
            return self.texts("profile.choice.unavailable", name=name)
        if seconds is None:
            return name
        return self.texts("profile.choice", name=name, told=self._tell(profile, seconds, None))

    def _estimate(self, profile: Profile, seconds: float | None, steps: int | None) -> str:
        if not self.jobs.availability(profile).available:
            return self.texts("estimate.unavailable")
        if seconds is None:
            return self.texts("estimate.empty")
        return self.texts("estimate.full", told=self._tell(profile, seconds, steps))

    def _tell(self, profile: Profile, seconds: float, steps: int | None) -> str:
        estimate = self.jobs.estimate(profile, seconds, int(steps) if steps and profile.num_inference_steps else None)
        time = self.texts("estimate.time", time=words.remaining(self.texts, estimate.seconds))
        return f"{time} · {words.price(self.texts, estimate.dollars)}"
