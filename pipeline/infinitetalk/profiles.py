"""InfiniteTalk's profiles: each number of each profile, once. Needs nothing but Python itself."""

from dataclasses import dataclass
from typing import Literal

from pipeline.profiles import EngineOptions, Mode, Profile, Resolution, Sampling

MODEL = "infinitetalk"
FRAME_RATE = 25
# The adapter for frames with several faces, in place of the one for a single face.
PEOPLE_OVERLAY = "multi"
LoraName = Literal["fusionix", "lightx2v"]


@dataclass(frozen=True)
class InfiniteTalkOptions(EngineOptions):
    """What a profile tells InfiniteTalk.

    Attributes:
        shift: Of the flow's timesteps.
        tea_cache: Whether steps that change little reuse the step before.
        offloaded: Whether weights wait in CPU memory.
        lora: Added to the weights, so that few steps are enough; None leaves them alone.
        lora_scale: How much of it.
    """

    shift: float
    tea_cache: bool = False
    offloaded: bool = False
    lora: LoraName | None = None
    lora_scale: float = 1.0


def get_options(profile: Profile) -> InfiniteTalkOptions:
    """Return what one of the profiles below tells the engine."""
    options = profile.options
    if not isinstance(options, InfiniteTalkOptions):
        raise TypeError(f"Expected a profile of {MODEL}, got {profile.name} of {profile.model}.")
    return options


def _guided(
    name: str,
    title: str,
    summary: str,
    *,
    steps: int,
    mode: Mode,
    preference: int,
    resolution: Resolution = "480p",
    tea_cache: bool = True,
    offloaded: bool = False,
) -> Profile:
    """The released model, guided by text and voice."""
    shift = 7.0 if resolution == "480p" else 11.0
    return Profile(
        name,
        title,
        summary,
        MODEL,
        resolution,
        mode,
        Sampling(steps, guidance_scale=5.0, audio_guidance_scale=4.0),
        InfiniteTalkOptions(shift, tea_cache=tea_cache, offloaded=offloaded),
        preference,
    )


def _distilled(
    name: str,
    title: str,
    summary: str,
    *,
    steps: int,
    audio_guidance_scale: float,
    lora: LoraName,
    lora_scale: float,
    preference: int,
) -> Profile:
    """Few steps, without text guidance, and without TeaCache, whose polynomial is that of the undistilled model."""
    return Profile(
        name,
        title,
        summary,
        MODEL,
        "480p",
        "clip",
        Sampling(steps, audio_guidance_scale=audio_guidance_scale),
        InfiniteTalkOptions(shift=2.0, lora=lora, lora_scale=lora_scale),
        preference,
    )


PROFILES: tuple[Profile, ...] = (
    _distilled(
        "turbo",
        "Turbo",
        "The fastest real video: four steps.",
        steps=4,
        audio_guidance_scale=1.0,
        lora="lightx2v",
        lora_scale=1.0,
        preference=3,
    ),
    _distilled(
        "fast_lora",
        "Fast, distilled",
        "Eight steps of a model trained to need few.",
        steps=8,
        audio_guidance_scale=2.0,
        lora="fusionix",
        lora_scale=1.2,
        preference=4,
    ),
    _guided("fast", "Fast", "A first look at the real video.", steps=8, mode="clip", preference=5),
    _guided(
        "low_vram",
        "Low memory",
        "Like Fast, on a GPU with less memory; slower.",
        steps=8,
        mode="clip",
        preference=2,
        offloaded=True,
    ),
    _guided("balanced", "Balanced", "Good quality for most videos.", steps=20, mode="streaming", preference=6),
    _guided(
        "quality",
        "Best quality",
        "The best picture, at 720p.",
        steps=40,
        mode="streaming",
        preference=1,
        resolution="720p",
        tea_cache=False,
    ),
)
