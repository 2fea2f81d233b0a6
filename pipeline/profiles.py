"""What a quality profile is. The profiles themselves stand with their engines, `pipeline.engines` has them all."""

from dataclasses import dataclass
from typing import Literal

Model = str
"""The name of an engine in `pipeline.engines`."""

Mode = Literal["clip", "streaming"]
Resolution = Literal["480p", "720p"]


@dataclass(frozen=True)
class FrameSize:
    """Size of the video in pixels."""

    width: int
    height: int


@dataclass(frozen=True)
class Sampling:
    """The sampler's numbers that a person may set; each default means that there is nothing to set.

    Attributes:
        num_inference_steps: Denoising steps of a clip; 0 where nothing is denoised.
        guidance_scale: How strongly to follow the prompt; 1 is no guidance.
        audio_guidance_scale: How strongly to follow the voice; 1 is no guidance.
    """

    num_inference_steps: int = 0
    guidance_scale: float = 1.0
    audio_guidance_scale: float = 1.0


@dataclass(frozen=True)
class EngineOptions:
    """What a profile tells its own engine and no other; an engine with options of its own derives from this."""


@dataclass(frozen=True)
class Profile:
    """What a profile asks of its engine.

    Attributes:
        name: As requests name it.
        title: As people read it.
        summary: What it is for, in one sentence.
        model: The engine that serves it.
        resolution: Picks the aspect buckets.
        mode: One clip sized to the speech, or overlapping clips.
        sampling: The sampler's numbers, unless a request has its own.
        options: What only its engine understands.
        preference: The page offers the profile that is preferred most among those that can run.
        max_minutes: No video of it may take longer on a GPU that is paid for, unless the deployment sets another limit;
            0 leaves it at the deployment's general one.
    """

    name: str
    title: str
    summary: str
    model: Model
    resolution: Resolution = "480p"
    mode: Mode = "streaming"
    sampling: Sampling = Sampling()
    options: EngineOptions = EngineOptions()
    preference: int = 0
    max_minutes: int = 0
