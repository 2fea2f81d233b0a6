"""What is known of an engine before it is imported. Needs nothing but Python itself: a deploy reads it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pipeline.profiles import Model, Profile, Sampling

if TYPE_CHECKING:
    from pipeline.devices import DeviceKind
    from pipeline.engine import Engine, EngineSettings
    from pipeline.weights.spec import WeightsSpec

Basis = Literal["measured", "calculated"]

EstimateSeconds = Callable[[Profile, Sampling, float, "DeviceKind", int], float]
"""Takes profile, sampling, seconds of speech, the kind of GPU and how many of it work together. Returns the seconds
of a run with the weights in memory."""


@dataclass(frozen=True)
class EngineSpec:
    """A row of the table of engines.

    Attributes:
        name: As requests and records name the model.
        title: As people read it.
        profiles: What it serves.
        create: Makes the engine without loading it; the import is done here.
        estimate_seconds: Says how long a run takes.
        basis: Whether `estimate_seconds` rests on measured runs or on arithmetic.
        start_seconds: What a run takes however short the voice is, on top of what was measured for each second.
        finishing_seconds: To write the last batch and close the file, beside what the engine computes.
        needs_gpu: Whether it needs a GPU. What does not runs on the web's machine and is free.
        source_type: The IPTC's name for what its videos are, which their Content Credentials say.
        draft: Its videos only show what the real one will be like, and say so.
        weights_bytes: What is read from the disk before it can begin; 0 where there are no weights to fetch.
        load_weights: Says where they come from and how they are read; None where there are none.
        libraries: Slow to import: a GPU container imports them before the first job.
        frame_rate: Frames a second of its videos.
        max_speakers: How many people can talk in a video.
        trained_people: How many the model has seen together; more come with a warning. None where it is no matter.
        takes_video: Whether the picture may be footage instead of a still.
        refused_notices: Warnings about a photo that stop this engine: the warning's code to the error's.
    """

    name: Model
    title: str
    profiles: tuple[Profile, ...]
    create: "Callable[[EngineSettings], Engine]"
    estimate_seconds: EstimateSeconds
    basis: Basis = "calculated"
    start_seconds: float = 0.0
    finishing_seconds: float = 1.0
    needs_gpu: bool = False
    source_type: str = "trainedAlgorithmicMedia"
    draft: bool = False
    weights_bytes: float = 0.0
    load_weights: "Callable[[], WeightsSpec] | None" = None
    libraries: tuple[str, ...] = ()
    frame_rate: int = 25
    max_speakers: int = 1
    trained_people: int | None = None
    takes_video: bool = False
    refused_notices: Mapping[str, str] = field(default_factory=dict)
