"""The profiles: what each takes and costs here, and what may be set of it."""

from dataclasses import asdict, dataclass
from typing import Any

import gradio as gr

from app.jobs import Jobs
from app.ui import markup, words
from app.ui.layout import ActionPart, Page, ProfilePart
from app.ui.texts import Texts
from pipeline.engines import FREE_PROFILES, PROFILES, get_engine_spec
from pipeline.profiles import Profile

_Updates = dict[Any, Any]


def bind_profile(page: Page, view: "ProfileView") -> None:
    """Make profile, duration and price follow one another."""
    part, voice, is_found = page.profile, page.voice, page.photo.is_found
    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "queue": False}
    known = [part.profile, is_found, voice.seconds, voice.duration, part.steps]
    priced = [part.profile, part.note, page.action.estimate]
    changes = [is_found.change, voice.seconds.change, voice.duration.change, part.steps.input]
    # As one event, so that they wait for one another: the last price on the page is the last one asked for.
    gr.on(changes, view.price, known, priced, trigger_mode="always_last", **private)
    part.profile.input(view.choose, known[:-1], [*view.sampling_widgets, *priced], **private)


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
        return [*self.part.sampling, self.part.of_models]

    def find_offered(self, wanted: str | None = None) -> str:
        """Return the profile that is wanted, or else the one that is preferred among those that can run here."""
        offered = self._list_offered()
        best = max(offered, key=lambda profile: (not _is_draft(profile), profile.preference))
        return next((profile for profile in offered if profile.name == wanted), best).name

    def choose(self, name: str, is_found: bool, voice_seconds: float, duration: float) -> _Updates:
        """Take the profile's own numbers."""
        return self.price(name, is_found, voice_seconds, duration, None) | self.show_sampling(PROFILES[name])

    def show_sampling(self, profile: Profile) -> _Updates:
        """Show what may be set of the profile; where nothing is denoised, that is nothing."""
        part = self.part
        own = {part.options[name]: value or 1 for name, value in asdict(profile.sampling).items()}
        return own | {part.of_models: gr.Column(visible=profile.sampling.num_inference_steps > 0)}

    def price(self, name: str, is_found: bool, voice_seconds: float, duration: float, steps: float | None) -> _Updates:
        """Say what each profile takes and costs.

        Args:
            name: Of the profile that is chosen.
            is_found: Whether a video can be made of the photo.
            voice_seconds: Length of the voice; 0 where there is none, or none that can be used.
            duration: How much of it is used.
            steps: What is set in place of the profile's own.
        """
        used = min(duration, voice_seconds) if voice_seconds else None
        profile = PROFILES[self.find_offered(name)]
        choices = self.choices(used, profile, steps)
        estimate = self.texts("estimate.empty")
        if used is not None and is_found:
            estimate = self.texts("estimate.full", told=self._tell(profile, used, steps))
        return {
            self.part.profile: gr.Dropdown(choices, value=profile.name, visible=len(choices) > 1),
            self.part.note: self.describe(profile) + self._hint(profile, used),
            self.action.estimate: markup.estimate(estimate, "preview" if profile.name == FREE_PROFILES[0] else "video"),
        }

    def choices(self, seconds: float | None, chosen: Profile, steps: float | None) -> list[tuple[str, str]]:
        """Return the profiles that can run here, each with what it takes and costs for that much speech."""
        return [
            (self._label(profile, seconds, steps if profile is chosen else None), profile.name)
            for profile in self._list_offered()
        ]

    def describe(self, profile: Profile) -> str:
        """Return what the profile is for, and once which others cannot run here and why.

        Of a second model that is not installed nothing is said: whoever makes videos misses nothing.
        """
        missing: dict[str, list[str]] = {}
        running = {offered.model for offered in self._list_offered() if not _is_draft(offered)}
        for other in PROFILES.values():
            availability = self.jobs.availability(other)
            if not availability.available and (not running or other.model in running):
                missing.setdefault(availability.reason, []).append(self.texts.profile_name(other.name))
        summary = markup.quiet(self.texts.profile_summary(profile))
        return summary + markup.note([self._explain(*why) for why in missing.items()], "info")

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

    def _explain(self, english: str, names: list[str]) -> str:
        reason = self.texts.reason(english)
        if len(names) == sum(not _is_draft(profile) for profile in PROFILES.values()):
            return self.texts("profile.only_preview", reason=reason)
        return self.texts("profile.missing", names=", ".join(names), reason=reason)

    def _list_offered(self) -> list[Profile]:
        return [profile for profile in PROFILES.values() if self._is_available(profile)]

    def _is_available(self, profile: Profile) -> bool:
        return self.jobs.availability(profile).available

    def _label(self, profile: Profile, seconds: float | None, steps: float | None) -> str:
        name = self.texts.profile_name(profile.name)
        if seconds is None:
            return name
        return self.texts("profile.choice", name=name, told=self._tell(profile, seconds, steps))

    def _tell(self, profile: Profile, seconds: float, steps: float | None) -> str:
        # Asked for as a number of its own, even the profile's would be told without regard to earlier runs.
        own = None if steps is None or int(steps) == profile.sampling.num_inference_steps else int(steps)
        estimate = self.jobs.estimate(profile, seconds, own if profile.sampling.num_inference_steps else None)
        time = self.texts("estimate.time", time=words.remaining(self.texts, estimate.seconds))
        return f"{time} · {words.price(self.texts, estimate.dollars)}"


def _is_draft(profile: Profile) -> bool:
    return get_engine_spec(profile.model).draft
