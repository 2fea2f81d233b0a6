"""What the REST API takes. What may be asked for of a video stands in `pipeline.request`."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from app.records import MOST_CHARACTERS
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


def _take_whole(value: object) -> object:
    """Take 7.0 for 7: JSON knows one kind of number, and some languages write the point."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _take_hint(option: Option) -> Any:  # noqa: ANN401 - any annotation
    """Return a field's annotation; lists are read as at every other door, with the same sentences."""
    parse = _take_whole if option.kind is int else PARSERS.get(option.name)
    return option.hint if parse is None else Annotated[option.hint, BeforeValidator(parse)]


_FACE = Annotated[int, Field(ge=0, description="Number of the face, from `POST /face-crop`.")]
_VOICE_ID = Annotated[str | None, Field(max_length=100, description="The voice: the `id` of an upload.")]


@dataclass(frozen=True)
class SpeakerBody:
    """Somebody who is to speak, with the voice as base64.

    Attributes:
        face: Number of the face.
        audio_b64: The voice; None where one recording has all voices, or an upload has it.
        audio_id: The upload with the voice.
    """

    face: _FACE
    audio_b64: Annotated[
        str | None, Field(description="The voice: base64, or a `data:` URL; null where one recording has all voices.")
    ] = None
    audio_id: _VOICE_ID = None


@dataclass(frozen=True)
class SpeakerPart:
    """Somebody who is to speak, with the voice as a file of the form.

    Attributes:
        face: Number of the face.
        audio: Name of the file; None where one recording has all voices, or an upload has it.
        audio_id: The upload with the voice.
    """

    face: _FACE
    audio: Annotated[str | None, Field(description="Name of the form's file with the voice.")] = None
    audio_id: _VOICE_ID = None


@dataclass(frozen=True)
class SpeakerRow:
    """Somebody who is to speak in a video of a batch.

    Attributes:
        face: Number of the face.
        audio_id: The upload with the voice; None where one recording has all voices.
    """

    face: _FACE
    audio_id: _VOICE_ID = None


_IMAGE = Annotated[
    str | None,
    Field(
        description="The photo: base64, or a `data:` URL. Needed unless `image_id` or `image_url` names it.",
        examples=["/9j/4AAQSkZJRgABAQ..."],
    ),
]
_AUDIO = Annotated[
    str | None,
    Field(
        description="The recording: base64, or a `data:` URL. Needed unless `audio_id` or `audio_url` names it, or "
        "each of `speakers` has a voice of his own.",
        examples=["UklGRiT3AgBXQVZFZm10..."],
    ),
]


def _describe_id(what: str) -> Any:  # noqa: ANN401 - an annotation
    told = f"{what}: the `id` of an upload."
    return Annotated[str | None, Field(max_length=100, description=told, examples=["Zr0yTq3mS2aQkq7nJ6v1Xw"])]


def _describe_url(what: str) -> Any:  # noqa: ANN401 - an annotation
    told = f"{what}: an https address from which it is fetched once."
    return Annotated[str | None, Field(max_length=2000, description=told, examples=["https://example.com/file"])]


_NAMED_PHOTO: dict[str, Any] = {
    "image_id": (_describe_id("The photo"), None),
    "image_url": (_describe_url("The photo"), None),
}
_NAMED_VOICE: dict[str, Any] = {
    "audio_id": (_describe_id("The recording"), None),
    "audio_url": (_describe_url("The recording"), None),
}


def _take_speakers(kind: type) -> Any:  # noqa: ANN401 - an annotation
    parse = BeforeValidator(partial(parse_speakers, kind=kind))
    return Annotated[tuple[kind, ...], find_option("speakers"), parse]  # type: ignore[valid-type]


FramingBody = _create_body(
    "FramingBody", "Which part of the photo becomes the frame.", **_take_fields(FrameRequest), **_NAMED_PHOTO
)
_REFERENCE = Annotated[
    str | None,
    Field(
        max_length=MOST_CHARACTERS,
        description="Your own name for the job; `GET /jobs?reference=` finds it.",
        examples=["row 17"],
    ),
]
_CALLBACK_URL = Annotated[
    str | None,
    Field(
        max_length=2000,
        description="Where to send word when the job has ended (docs/service.md).",
        examples=["https://example.com/hooks/video"],
    ),
]
VideoOptions = _create_body(
    "VideoOptions",
    "All that may be said of a video besides its two files.",
    **_take_fields(VideoRequest) | {"speakers": (_take_speakers(SpeakerPart), ())},
    **_NAMED_PHOTO,
    **_NAMED_VOICE,
    reference=(_REFERENCE, None),
    callback_url=(_CALLBACK_URL, None),
)
VideoBody = _create_body(
    "VideoBody",
    "A video to be made, with its files as base64.",
    VideoOptions,
    image_b64=(_IMAGE, None),
    audio_b64=(_AUDIO, None),
    speakers=(_take_speakers(SpeakerBody), ()),
)
FaceCropBody = _create_body("FaceCropBody", "A photo to be framed, as base64.", FramingBody, image_b64=(_IMAGE, None))


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


BatchRow = _create_body(
    "BatchRow",
    "A video of a batch, with the ids of its files.",
    **_take_fields(VideoRequest) | {"speakers": (_take_speakers(SpeakerRow), ())},
    image_id=(_describe_id("The photo"), None),
    audio_id=(_describe_id("The recording"), None),
    reference=(_REFERENCE, None),
    callback_url=(_CALLBACK_URL, None),
)

MAX_ROWS = 1_000


class BatchBody(Body):
    """Many videos at once."""

    defaults: Annotated[
        dict[str, Any], Field(description="What holds for every row that does not say otherwise: fields of BatchRow.")
    ] = {}
    jobs: Annotated[
        list[dict[str, Any]],
        Field(
            min_length=1,
            max_length=MAX_ROWS,
            description="The rows.",
        ),
    ]
    dry_run: Annotated[bool, Field(description="Check every row and answer with the estimate; take no job.")] = False


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
    audio_id: _describe_id("The recording") = None  # type: ignore[valid-type]
    audio_url: _describe_url("The recording") = None  # type: ignore[valid-type]


class TurnsBody(TurnsOptions):
    """A recording in which several people speak, as base64."""

    audio_b64: Annotated[
        str | None,
        Field(description="The recording: base64, or a `data:` URL. Needed unless `audio_id` or `audio_url` names it."),
    ] = None


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
        BeforeValidator(_take_whole),  # after the range, which pydantic otherwise does not describe
    ] = None
