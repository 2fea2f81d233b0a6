"""The quality profiles: each number of each profile, once."""

from dataclasses import dataclass
from typing import Literal

from pipeline.errors import InputError

Model = Literal["preview", "infinitetalk"]
Mode = Literal["clip", "streaming"]
Resolution = Literal["480p", "720p"]
LoraName = Literal["fusionix", "lightx2v"]


@dataclass(frozen=True)
class Profile:
    """What a profile asks of its engine.

    Attributes:
        name: As requests name it.
        model: The engine that serves it.
        resolution: Picks the aspect buckets and the flow's shift.
        mode: One clip sized to the speech, or overlapping clips.
        num_inference_steps: Denoising steps of a clip; 0 where nothing is denoised.
        guidance_scale: How strongly to follow the prompt; 1 is no guidance.
        audio_guidance_scale: How strongly to follow the voice; 1 is no guidance.
        shift: Of the flow's timesteps.
        tea_cache: Whether steps that change little reuse the step before.
        offloaded: Whether weights wait in CPU memory.
        lora: Added to the weights, so that few steps are enough; None leaves them alone.
        lora_scale: How much of it.
        summary: What it is for, in one sentence.
    """

    name: str
    model: Model
    resolution: Resolution
    summary: str
    mode: Mode = "streaming"
    num_inference_steps: int = 0
    guidance_scale: float = 1.0
    audio_guidance_scale: float = 1.0
    shift: float = 1.0
    tea_cache: bool = False
    offloaded: bool = False
    lora: LoraName | None = None
    lora_scale: float = 1.0


def _infinitetalk(
    name: str, summary: str, *, steps: int, mode: Mode, resolution: Resolution, tea_cache: bool, offloaded: bool = False
) -> Profile:
    return Profile(
        name,
        "infinitetalk",
        resolution,
        summary,
        mode=mode,
        num_inference_steps=steps,
        guidance_scale=5.0,
        audio_guidance_scale=4.0,
        shift=7.0 if resolution == "480p" else 11.0,
        tea_cache=tea_cache,
        offloaded=offloaded,
    )


def _distilled(
    name: str, summary: str, *, steps: int, audio_guidance_scale: float, lora: LoraName, lora_scale: float
) -> Profile:
    """Few steps, without text guidance, and without TeaCache, whose polynomial is that of the undistilled model."""
    return Profile(
        name,
        "infinitetalk",
        "480p",
        summary,
        mode="clip",
        num_inference_steps=steps,
        guidance_scale=1.0,
        audio_guidance_scale=audio_guidance_scale,
        shift=2.0,
        lora=lora,
        lora_scale=lora_scale,
    )


PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("preview", "preview", "480p", "Timing and framing only: the photo's mouth moves with the voice. Free."),
        _distilled(
            "turbo",
            "The fastest real video: four steps.",
            steps=4,
            audio_guidance_scale=1.0,
            lora="lightx2v",
            lora_scale=1.0,
        ),
        _distilled(
            "fast_lora",
            "Eight steps of a model that was taught to need few.",
            steps=8,
            audio_guidance_scale=2.0,
            lora="fusionix",
            lora_scale=1.2,
        ),
        _infinitetalk(
            "fast", "A first look at the real video.", steps=8, mode="clip", resolution="480p", tea_cache=True
        ),
        _infinitetalk(
            "low_vram",
            "Like fast, on a GPU with less memory; slower.",
            steps=8,
            mode="clip",
            resolution="480p",
            tea_cache=True,
            offloaded=True,
        ),
        _infinitetalk(
            "balanced", "Good quality for most videos.", steps=20, mode="streaming", resolution="480p", tea_cache=True
        ),
        _infinitetalk(
            "quality", "The best picture, at 720p.", steps=40, mode="streaming", resolution="720p", tea_cache=False
        ),
    )
}


def get_profile(name: str) -> Profile:
    """Return the profile of that name.

    Raises:
        InputError: There is none.
    """
    try:
        return PROFILES[name]
    except KeyError:
        raise InputError("profile.unknown", "profile", profile=name, known=", ".join(PROFILES)) from None
