"""LongCat's row in the table of engines. Needs nothing but Python itself."""

from typing import TYPE_CHECKING

from pipeline.engine_spec import EngineSpec
from pipeline.longcat.profiles import FRAME_RATE, MODEL, PROFILES
from pipeline.profiles import Profile, Sampling

if TYPE_CHECKING:
    from pipeline.devices import DeviceKind
    from pipeline.engine import Engine, EngineSettings
    from pipeline.weights.spec import WeightsSpec


def _create(settings: "EngineSettings") -> "Engine":
    from pipeline.longcat.engine import LongCatEngine

    return LongCatEngine(settings)


def _estimate_seconds(
    profile: Profile, sampling: Sampling, speech_seconds: float, device: "DeviceKind", num_gpus: int
) -> float:
    from pipeline.longcat.estimate import estimate_seconds

    return estimate_seconds(profile, sampling, speech_seconds, device, num_gpus)


def _load_weights() -> "WeightsSpec":
    from pipeline.longcat.weights import WEIGHTS

    return WEIGHTS


LONGCAT = EngineSpec(
    name=MODEL,
    title="LongCat",
    profiles=PROFILES,
    create=_create,
    estimate_seconds=_estimate_seconds,
    finishing_seconds=3.0,  # InfiniteTalk's, measured beside an H100: the same frames are written
    needs_gpu=True,
    weights_bytes=46e9,  # transformer and text encoder in bf16, the rest in fp32
    load_weights=_load_weights,
    libraries=("torch", "diffusers", "transformers"),
    frame_rate=FRAME_RATE,
    max_speakers=4,
    trained_people=2,
)
