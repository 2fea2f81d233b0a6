"""What may be asked for of a video: each option once, with its range, default and description.

REST bodies, the OpenAPI schema, the page, `gradio_client`, the command, `modal run` and the rows of a batch are made
from these fields. Needs nothing but Python itself, so that a machine that only deploys can read it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from pipeline.dialogue import MAX_SPEAKERS as MAX_SPEAKERS  # noqa: PLC0414 - belongs to a request
from pipeline.dialogue import Order as Order  # noqa: PLC0414 - likewise
from pipeline.dialogue import SpeakerRequest as SpeakerRequest  # noqa: PLC0414 - likewise
from pipeline.dialogue import Turn as Turn  # noqa: PLC0414 - likewise
from pipeline.dialogue import parse_speakers, parse_turns

Aspect = Literal["auto", "16:9", "1:1", "9:16"]
Role = Literal["image", "audio", "audio_0", "audio_1", "audio_2", "audio_3"]
VOICE_ROLES: tuple[Role, ...] = ("audio_0", "audio_1", "audio_2", "audio_3")
"""Of the files of speakers who each have a voice of their own; `audio` is the one recording of all."""
Inputs = Mapping[Role, Path]
"""The files that a video is made of, by what they are to it."""

MIN_SECONDS = 1.0
MAX_SECONDS = 600.0
"""Of speech, and so of a video."""


@dataclass(frozen=True)
class Option:
    """What is said of a field wherever it can be set.

    Ranges are described here and checked by the pipeline, whose sentences say what to do.

    Attributes:
        description: In one English sentence.
        minimum: The lowest value.
        exclusive_minimum: The value must be greater.
        maximum: The highest value.
        max_length: The most characters.
        max_items: The most entries of a list.
        step: Between two values of the page's slider.
        examples: Values for the API's documentation.
        flags: What the command calls it besides its own name.
    """

    description: str
    minimum: float | None = None
    exclusive_minimum: float | None = None
    maximum: float | None = None
    max_length: int | None = None
    max_items: int | None = None
    step: float = 0.1
    examples: tuple[Any, ...] = ()
    flags: tuple[str, ...] = ()

    @property
    def limits(self) -> tuple[float, float]:
        """The lowest and the highest value, of an option that has both."""
        assert self.minimum is not None
        assert self.maximum is not None
        return self.minimum, self.maximum

    def describe(self) -> dict[str, Any]:
        """Return what JSON Schema says of it."""
        said = {
            "description": self.description,
            "minimum": self.minimum,
            "exclusiveMinimum": self.exclusive_minimum,
            "maximum": self.maximum,
            "maxLength": self.max_length,
            "maxItems": self.max_items,
            "examples": list(self.examples) or None,
        }
        return {name: value for name, value in said.items() if value is not None}

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> Any:  # noqa: ANN401 - pydantic's hook
        return handler(core_schema) | self.describe()


@dataclass(frozen=True)
class Framing:
    """Which part of the photo becomes the frame.

    Attributes:
        aspect: Shape of the frame; `auto` takes the bucket nearest to the photo.
        face: Index into the faces found, largest first; None takes the largest.
        zoom: 1 is the automatic crop, 2 shows half of its width. Kept within what the photo can give.
        shift_x: How far the crop moves to the right, as a share of its width. Kept inside the photo.
        shift_y: How far it moves down, as a share of its height.
        faces: Indices of all faces that talk, all of which the frame has to hold; none where `face` alone does.
    """

    aspect: Aspect = "auto"
    face: int | None = None
    zoom: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    faces: tuple[int, ...] = ()


@dataclass(frozen=True)
class Crop:
    """How the crop differs from the automatic one."""

    __pydantic_config__ = {"extra": "forbid", "ser_json_inf_nan": "constants"}  # noqa: RUF012 - pydantic reads it from the class

    zoom: Annotated[float, Option("1 is the automatic crop, 2 shows half of its width.", exclusive_minimum=0)] = 1.0
    shift_x: Annotated[float, Option("How far it moves to the right, as a share of its width.")] = 0.0
    shift_y: Annotated[float, Option("How far it moves down, as a share of its height.")] = 0.0


@dataclass(frozen=True)
class FrameRequest:
    """What may be asked for of the frame."""

    # A record of a newer app keeps the options that this one does not know; bodies of clients have rules of their own.
    __pydantic_config__ = {"extra": "allow", "ser_json_inf_nan": "constants"}  # noqa: RUF012 - pydantic reads it from the class

    profile: Annotated[
        str, Option("Which quality profile, of those that `GET /profiles` lists.", examples=("preview",))
    ] = "preview"
    aspect: Annotated[Aspect, Option("Shape of the video; `auto` is nearest to the photo.")] = "auto"
    face: Annotated[
        int | None,
        Option("Number of the face that talks, from `POST /face-crop`; not given: the largest, 0.", minimum=0),
    ] = None
    crop: Annotated[Crop, Option("How the crop differs from the automatic one.")] = Crop()
    speakers: Annotated[
        tuple[SpeakerRequest, ...],
        Option(
            "One to four people who talk, in place of `face`: the number of each one's face, and the voice where each "
            "has a recording of his own.",
            max_items=MAX_SPEAKERS,
        ),
    ] = ()

    @property
    def talking_faces(self) -> tuple[int, ...]:
        """The numbers of the faces that talk."""
        return tuple(speaker.face for speaker in self.speakers) or (self.face or 0,)

    @property
    def framing(self) -> Framing:
        """Which part of the photo becomes the frame."""
        faces = tuple(speaker.face for speaker in self.speakers)
        return Framing(self.aspect, self.face, self.crop.zoom, self.crop.shift_x, self.crop.shift_y, faces)


AnyRequest = TypeVar("AnyRequest", bound=FrameRequest)


@dataclass(frozen=True)
class VideoRequest(FrameRequest):
    """All that may be asked for of a video, besides its files."""

    model: Annotated[
        str | None,
        Option("Named without a profile, it takes the usual one of this model; an error if the two do not fit."),
    ] = None
    prompt: Annotated[str, Option("What the scene is like.", max_length=2_000)] = ""
    start_sec: Annotated[
        float, Option("Where in the recording to begin, in seconds.", minimum=0, flags=("--start",))
    ] = 0.0
    max_duration_sec: Annotated[
        float | None,
        Option(
            "How many seconds to use at most; not given: all.",
            minimum=MIN_SECONDS,
            examples=(5,),
            flags=("--seconds",),
        ),
    ] = None
    seed: Annotated[
        int | None,
        Option("Makes the video repeatable; not given: drawn.", minimum=0, maximum=2**31 - 1, examples=(7,)),
    ] = None
    num_inference_steps: Annotated[
        int | None, Option("In place of the profile's.", minimum=1, maximum=100, step=1, flags=("--steps",))
    ] = None
    guidance_scale: Annotated[float | None, Option("How strongly to follow the prompt.", minimum=1.0, maximum=20.0)] = (
        None
    )
    audio_guidance_scale: Annotated[
        float | None, Option("How strongly to follow the voice.", minimum=1.0, maximum=20.0)
    ] = None
    order: Annotated[
        Order,
        Option(
            "When speakers with recordings of their own talk: all from the beginning on, or one after the other as "
            "they are listed."
        ),
    ] = "together"
    turns: Annotated[
        tuple[Turn, ...] | Literal["auto"] | None,
        Option(
            "Who of the `speakers` talks when in one recording of all; `auto` finds it in the recording, where the "
            "first voice heard is speaker 0."
        ),
    ] = None

    label: Annotated[
        Literal["on", "off"], Option("Whether the video says in a corner of the picture that it is made by a computer.")
    ] = "off"
    consent: Annotated[
        bool,
        Option("Says: I may use this face and this voice, and I will say that the video is made by a computer."),
    ] = False

    @property
    def is_plain(self) -> bool:
        """Whether the profile's own numbers are used."""
        return (self.num_inference_steps, self.guidance_scale, self.audio_guidance_scale) == (None, None, None)


@dataclass(frozen=True)
class Field:
    """A field of a request, for those who make something from each.

    Attributes:
        name: As the API has it.
        kind: `str`, `int`, `float`, `bool`, a `Literal` or a dataclass; without None.
        hint: The whole annotation.
        default: None where it need not be given.
        option: What is said of it.
    """

    name: str
    kind: Any
    hint: Any
    default: Any
    option: Option

    @property
    def choices(self) -> tuple[str, ...] | None:
        """The values that it may have; None where there is no list of them."""
        return get_args(self.kind) if get_origin(self.kind) is Literal else None

    @property
    def is_optional(self) -> bool:
        """Whether it may be None."""
        return self.default is None

    @property
    def is_list(self) -> bool:
        """Whether it is a list, which is JSON text where there are no lists."""
        return get_origin(self.kind) is tuple


def list_fields(request: type) -> tuple[Field, ...]:
    """Return the fields of a kind of request, in order."""
    hints = get_type_hints(request, include_extras=True)
    return tuple(_read_field(one.name, hints[one.name], one.default) for one in fields(request))


def find_option(name: str) -> Option:
    """Return what is said of a field of `VideoRequest`."""
    return next(field.option for field in list_fields(VideoRequest) if field.name == name)


def flatten(request: type) -> tuple[Field, ...]:
    """Return the fields for whoever has no nested ones, such as a command line: a crop's stand in its place."""
    flat: list[Field] = []
    for field in list_fields(request):
        flat.extend(list_fields(field.kind) if field.kind is Crop else (field,))
    return tuple(flat)


def unflatten(values: Mapping[str, Any], kind: type[AnyRequest]) -> AnyRequest:
    """Return the request of that kind that flat values mean; None has the default."""
    crop_names = {field.name for field in list_fields(Crop)}
    given = {name: PARSERS.get(name, _keep)(value) for name, value in values.items() if value is not None}
    crop = Crop(**{name: given.pop(name) for name in crop_names & given.keys()})
    return kind(**given, crop=crop)


def _keep(value: Any) -> Any:  # noqa: ANN401 - any option's
    return value


PARSERS: Mapping[str, Callable[[Any], Any]] = {
    "speakers": lambda value: parse_speakers(value, SpeakerRequest),
    "turns": parse_turns,
}
"""Read the options that are lists, from JSON or its text."""


def _read_field(name: str, hint: Any, default: Any) -> Field:  # noqa: ANN401 - any annotation, any default
    kind, option = get_args(hint)
    if get_origin(kind) in {Union, UnionType}:
        kind = next(one for one in get_args(kind) if one is not type(None))
    return Field(name, kind, hint, default, option)
