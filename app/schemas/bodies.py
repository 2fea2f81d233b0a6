"""What the REST API takes. What may be asked for of a video stands in `pipeline.request`."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from pipeline.dialogue import parse_speakers
from pipeline.engines import find_profile_of
from pipeline.request import (
    MAX_SECONDS,
    MAX_SPEAKERS,
    PARSERS,
    AnyRequest,
    FrameRequest,
    VideoRequest,
    find_option,
    list_fields,
)
from pipeline.request import Field as Option


class Body(BaseModel):
    """What a client sends; a field that is not known is an error, so that a typing mistake is noticed."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


def _create_body(name: str, told: str, base: type[Body] = Body, **fields: Any) -> type[Body]:  # noqa: ANN401 - as pydantic takes them
    return create_model(name, __base__=base, __doc__=told, __module__=__name__, **fields)


def _take_fields(request: type) -> dict[str, Any]:
    return {field.name: (_take_hint(field), field.default) for field in list_fields(request)}


def _take_hint(option: Option) -> Any:  # noqa: ANN401 - any annotation
    """Return a field's annotation; lists are read as at every other door, with the same sentences."""
    parse = PARSERS.get(option.name)
    return option.hint if parse is None else Annotated[option.hint, BeforeValidator(parse)]


@dataclass(frozen=True)
class SpeakerBody:
    """Somebody who is to speak, with the voice as base64.

    Attributes:
        face: Number of the face.
        audio_b64: The voice; None where one recording has all voices.
    """

    face: Annotated[int, Field(ge=0, description="Number of the face, from `POST /face-crop`.")]
    audio_b64: Annotated[
        str | None, Field(description="The voice: base64, or a `data:` URL; null where one recording has all voices.")
    ] = None


_IMAGE = Annotated[str, Field(description="The photo: base64, or a `data:` URL.", examples=["/9j/4AAQSkZJRgABAQ..."])]
_AUDIO = Annotated[
    str | None,
    Field(
        description="The recording: base64, or a `data:` URL. Needed unless each of `speakers` has a voice of his own.",
        examples=["UklGRiT3AgBXQVZFZm10..."],
    ),
]
_SPEAKERS = Annotated[
    tuple[SpeakerBody, ...],
    find_option("speakers"),
    BeforeValidator(partial(parse_speakers, kind=SpeakerBody)),
]

FramingBody = _create_body("FramingBody", "Which part of the photo becomes the frame.", **_take_fields(FrameRequest))
_REFERENCE = Annotated[
    str | None,
    Field(
        max_length=200, description="Your own name for the job; `GET /jobs?reference=` finds it.", examples=["row 17"]
    ),
]
_CALLBACK_URL = Annotated[
    str | None,
    Field(
        max_length=2000,
        description="Where to send word when the job has ended (docs/api.md, Webhooks).",
        examples=["https://example.com/hooks/video"],
    ),
]
VideoOptions = _create_body(
    "VideoOptions",
    "All that may be said of a video besides its two files.",
    **_take_fields(VideoRequest),
    reference=(_REFERENCE, None),
    callback_url=(_CALLBACK_URL, None),
)
VideoBody = _create_body(
    "VideoBody",
    "A video to be made, with its files as base64.",
    VideoOptions,
    image_b64=_IMAGE,
    audio_b64=(_AUDIO, None),
    speakers=(_SPEAKERS, ()),
)
FaceCropBody = _create_body("FaceCropBody", "A photo to be framed, as base64.", FramingBody, image_b64=_IMAGE)


def read_request(body: Body, kind: type[AnyRequest]) -> AnyRequest:
    """Return what was asked for, without the files; speakers name the roles of theirs.

    Where a model is named and no profile, the profile is the one of the model that is preferred most.
    """
    asked = {field.name: getattr(body, field.name) for field in list_fields(kind)}
    if asked.get("model") and "profile" not in body.model_fields_set:
        asked["profile"] = getattr(find_profile_of(asked["model"]), "name", asked["profile"])
    return kind(**asked)


def read_names(body: Body) -> dict[str, str | None]:
    """Return what the body says of the job rather than of its video: the client's name for it, and whom to tell."""
    return {name: getattr(body, name) for name in ("reference", "callback_url")}


class TurnsOptions(Body):
    """What may be said of a recording in which several people speak."""

    # As an engine has it, NaN too: the sentence about it says what to do.
    model_config = ConfigDict(allow_inf_nan=True)

    num_speakers: Annotated[
        float | None,
        Field(
            json_schema_extra={"minimum": 1, "maximum": MAX_SPEAKERS, "multipleOf": 1},
            description="How many people speak; not given: estimated.",
            examples=[2],
        ),
    ] = None


class TurnsBody(TurnsOptions):
    """A recording in which several people speak, as base64."""

    audio_b64: Annotated[str, Field(description="The recording: base64, or a `data:` URL.")]


class EstimateBody(Body):
    """A video whose time and price are asked."""

    profile: Annotated[str, Field(description=find_option("profile").description, examples=["balanced"])] = "preview"
    audio_duration: Annotated[
        float, Field(ge=0, le=MAX_SECONDS, description="Seconds of voice that will be used.", examples=[12.5])
    ]
    num_inference_steps: Annotated[
        int | None,
        Field(
            ge=find_option("num_inference_steps").minimum,
            le=find_option("num_inference_steps").maximum,
            description=find_option("num_inference_steps").description,
        ),
    ] = None
