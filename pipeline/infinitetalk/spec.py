"""InfiniteTalk's row in the table of engines. Needs nothing but Python itself."""

from typing import TYPE_CHECKING

from pipeline.engine_spec import EngineSpec
from pipeline.infinitetalk.profiles import FRAME_RATE, MODEL, PROFILES
from pipeline.profiles import Profile, Sampling

if TYPE_CHECKING:
    from pipeline.devices import DeviceKind
    from pipeline.engine import Engine, EngineSettings
    from pipeline.weights.spec import WeightsSpec


def _create(settings: "EngineSettings") -> "Engine":
    from pipeline.infinitetalk.engine import InfiniteTalkEngine

    return InfiniteTalkEngine(settings)


def _estimate_seconds(
    profile: Profile, sampling: Sampling, speech_seconds: float, device: "DeviceKind", num_gpus: int
) -> float:
    from pipeline.infinitetalk.estimate import estimate_seconds

    return estimate_seconds(profile, sampling, speech_seconds, device, num_gpus)


def _load_weights() -> "WeightsSpec":
    from pipeline.infinitetalk.weights import WEIGHTS

    return WEIGHTS


INFINITETALK = EngineSpec(
    name=MODEL,
    title="InfiniteTalk",
    profiles=PROFILES,
    create=_create,
    estimate_seconds=_estimate_seconds,
    finishing_seconds=3.0,  # measured beside an H100 (docs/benchmarks.md)
    needs_gpu=True,
    weights_bytes=38e9,  # base and adapter in bf16
    load_weights=_load_weights,
    libraries=("torch", "diffusers", "transformers"),
    frame_rate=FRAME_RATE,
    max_speakers=4,
    trained_people=2,
)
