"""LongCat's profiles: each number of each profile, once. Needs nothing but Python itself."""

from dataclasses import dataclass
from typing import Literal

from pipeline.profiles import EngineOptions, Profile, Resolution, Sampling

MODEL = "longcat"
FRAME_RATE = 25
# The transformer for frames with several faces, of releases that have one of its own for them.
PEOPLE_OVERLAY = "multi"
LoraName = Literal["dmd"]
NUM_STEPS = 8


@dataclass(frozen=True)
class LongCatOptions(EngineOptions):
    """What a profile tells LongCat.

    Attributes:
        shift: Of the flow's timesteps.
        lora: Added to the weights, so that few steps are enough.
        lora_scale: How much of it, unless the settings have another number.
    """

    shift: float = 7.0
    lora: LoraName = "dmd"
    lora_scale: float = 1.0


def get_options(profile: Profile) -> LongCatOptions:
    """Return what one of the profiles below tells the engine."""
    options = profile.options
    if not isinstance(options, LongCatOptions):
        raise TypeError(f"Expected a profile of {MODEL}, got {profile.name} of {profile.model}.")
    return options


def _distilled(name: str, title: str, summary: str, resolution: Resolution, preference: int) -> Profile:
    sampling, options = Sampling(NUM_STEPS), LongCatOptions()
    return Profile(name, title, summary, MODEL, resolution, "streaming", sampling, options, preference)


PROFILES: tuple[Profile, ...] = (
    _distilled("longcat", "LongCat", "Long videos: eight steps.", "480p", 2),
    _distilled("longcat_quality", "LongCat, best quality", "Like LongCat, at 720p.", "720p", 1),
)
