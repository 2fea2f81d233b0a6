"""The preview's row in the table of engines. Needs nothing but Python itself."""

from typing import TYPE_CHECKING

from pipeline.engine_spec import EngineSpec
from pipeline.profiles import Profile, Sampling

if TYPE_CHECKING:
    from pipeline.devices import DeviceKind
    from pipeline.engine import Engine, EngineSettings

# Processor seconds at 832 x 480, measured on 2026-11-22; a machine with two idle cores is quicker.
START_SECONDS = 2.5
SECONDS_PER_SECOND = 0.7


def _create(settings: "EngineSettings") -> "Engine":
    del settings
    from pipeline.preview.engine import PreviewEngine

    return PreviewEngine()


def _estimate_seconds(
    profile: Profile, sampling: Sampling, speech_seconds: float, device: "DeviceKind", num_gpus: int
) -> float:
    del profile, sampling, device, num_gpus
    return START_SECONDS + speech_seconds * SECONDS_PER_SECOND


PREVIEW = EngineSpec(
    name="preview",
    title="Preview",
    profiles=(
        Profile(
            "preview",
            "Preview",
            "Timing and framing only: the photo's mouth moves with the voice. Free.",
            model="preview",
        ),
    ),
    create=_create,
    estimate_seconds=_estimate_seconds,
    basis="measured",
    start_seconds=START_SECONDS,
    finishing_seconds=0.3,
    source_type="compositeSynthetic",  # a photo's own pixels, and a mouth that was drawn: nothing was trained on
    draft=True,
    max_speakers=4,
    # Drawn from the photo's own pixels: what the camera did not see of the far cheek would tear.
    refused_notices={"photo.face_turned_far": "photo.face_turned_error"},
)
