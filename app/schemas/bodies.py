"""What the REST API takes."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from pipeline.audio.part import MIN_SECONDS
from pipeline.sampling import GUIDANCE_RANGE, MAX_PROMPT_CHARACTERS, SEED_RANGE, STEPS_RANGE
from pipeline.types import Aspect


def _range(allowed: tuple[float, float]) -> JsonDict:
    """Describe what the pipeline checks, with sentences that say what to do."""
    return {"minimum": allowed[0], "maximum": allowed[1]}


class Body(BaseModel):
    """What a client sends; a field that is not known is an error, so that a typing mistake is noticed."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class CropBody(Body):
    """How the crop differs from the automatic one."""

    zoom: Annotated[
        float,
        Field(
            description="1 is the automatic crop, 2 shows half of its width.", json_schema_extra={"exclusiveMinimum": 0}
        ),
    ] = 1.0
    shift_x: Annotated[float, Field(description="How far it moves to the right, as a share of its width.")] = 0.0
    shift_y: Annotated[float, Field(description="How far it moves down, as a share of its height.")] = 0.0


class FramingBody(Body):
    """Which part of the photo becomes the frame."""

    profile: Annotated[str, Field(description="A name of `GET /profiles`.", examples=["preview"])] = "preview"
    aspect: Annotated[Aspect, Field(description="Shape of the video; `auto` is nearest to the photo.")] = "auto"
    face: Annotated[
        int | None,
        Field(
            description="Number of the face that talks, from `POST /face-crop`; not given: the largest.",
            json_schema_extra={"minimum": 0},
        ),
    ] = None
    crop: Annotated[CropBody, Field(description="How the crop differs from the automatic one.")] = CropBody()


class VideoOptions(FramingBody):
    """All that may be said of a video besides its two files."""

    model: Annotated[str | None, Field(description="Follows from the profile; an error if it does not fit.")] = None
    prompt: Annotated[
        str,
        Field(description="What the scene is like.", json_schema_extra={"maxLength": MAX_PROMPT_CHARACTERS}),
    ] = ""
    start_sec: Annotated[
        float, Field(description="Where in the recording to begin, in seconds.", json_schema_extra={"minimum": 0})
    ] = 0.0
    max_duration_sec: Annotated[
        float | None,
        Field(
            description="How many seconds to use at most; not given: all.",
            examples=[5],
            json_schema_extra={"minimum": MIN_SECONDS},
        ),
    ] = None
    seed: Annotated[
        int | None,
        Field(
            description="Makes the video repeatable; not given: drawn.",
            examples=[7],
            json_schema_extra=_range(SEED_RANGE),
        ),
    ] = None
    num_inference_steps: Annotated[
        int | None, Field(description="In place of the profile's.", json_schema_extra=_range(STEPS_RANGE))
    ] = None
    guidance_scale: Annotated[
        float | None, Field(description="How strongly to follow the prompt.", json_schema_extra=_range(GUIDANCE_RANGE))
    ] = None
    audio_guidance_scale: Annotated[
        float | None, Field(description="How strongly to follow the voice.", json_schema_extra=_range(GUIDANCE_RANGE))
    ] = None


_IMAGE_B64 = Field(description="The photo: base64, or a `data:` URL.", examples=["/9j/4AAQSkZJRgABAQ..."])
_AUDIO_B64 = Field(description="The recording: base64, or a `data:` URL.", examples=["UklGRiT3AgBXQVZFZm10..."])


class VideoBody(VideoOptions):
    """A video to be made, with its files as base64."""

    image_b64: Annotated[str, _IMAGE_B64]
    audio_b64: Annotated[str, _AUDIO_B64]


class FaceCropBody(FramingBody):
    """A photo to be framed, as base64."""

    image_b64: Annotated[str, _IMAGE_B64]


class EstimateBody(Body):
    """A video whose time and price are asked."""

    profile: Annotated[str, Field(description="A name of `GET /profiles`.", examples=["balanced"])] = "preview"
    audio_duration: Annotated[
        float, Field(ge=0, le=600, description="Seconds of voice that will be used.", examples=[12.5])
    ]
    num_inference_steps: Annotated[int | None, Field(ge=1, le=100, description="In place of the profile's.")] = None
