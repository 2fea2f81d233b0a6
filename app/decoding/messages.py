"""What the server and a decoder tell each other: a line of JSON each, and behind an answer its arrays as they are.

Nothing that a decoder answers is unpickled: a file may have taken it over.
"""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, Field, NonNegativeInt, TypeAdapter, field_validator

from app.log import LogFormat
from app.records import Frozen, Resolved
from pipeline.credentials import Credentials, Known
from pipeline.dialogue import MAX_TURNS
from pipeline.errors import InputError, InputTooLargeError
from pipeline.notices import Field as About
from pipeline.notices import Notice
from pipeline.profiles import Resolution
from pipeline.request import Framing, Role, VideoRequest
from pipeline.scene import MAX_SPEAKERS
from pipeline.types import Box, Face, FrameSize, Portrait

MAX_ARRAY_BYTES = 256_000_000
"""Of all arrays behind an answer. The largest is a photo of 64 megapixels as JPEG."""

Array = npt.NDArray[Any]
Medium = Literal["image", "audio", "video"]


class _Told(Frozen):
    # What is no number is told as it is: null would mean that nothing was asked for.
    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")


class DecoderSettings(Frozen):
    """What a decoder is told once, as its argument.

    Attributes:
        memory_bytes: What it may have beyond what it begins with. A photo of 64 megapixels takes up to 1.2 GB, ten
            minutes of voice take 0.2.
        niceness: How far others go before it.
        cpu_seconds: What an order may take. On a slow core, the largest photo takes ten, and ten minutes of voice too.
    """

    server_pid: int
    log_level: str = "info"
    log_format: LogFormat = "text"
    niceness: int = 0
    memory_bytes: int = 1_500_000_000
    cpu_seconds: int = 60


class Order(_Told):
    """What a decoder is to do.

    Attributes:
        about: The request's field that the file belongs to.
        cpu_seconds: What it may take; None leaves it at what the decoder's settings say.
    """

    about: ClassVar[About] = "image"
    cpu_seconds: ClassVar[int | None] = None

    @property
    def effort(self) -> int:
        """How many times as long as others it may take."""
        return 1


class CheckOrder(Order):
    """Read and check everything, and write the scene for the run."""

    kind: Literal["check"] = "check"
    request: VideoRequest
    inputs: dict[Role, Path]
    scene: Path

    @property
    def effort(self) -> int:
        """As many times as there are recordings, and once more where it is to be heard who speaks."""
        return max(len(self.inputs) - 1, 1) + (self.request.turns == "auto")


class FrameOrder(Order):
    """Crop a photo."""

    kind: Literal["frame"] = "frame"
    photo: Path
    framing: Framing
    resolution: Resolution


class ConvertOrder(Order):
    """Make a JPEG of a photo."""

    kind: Literal["convert"] = "convert"
    photo: Path
    quarter_turns: int


class ListenOrder(Order):
    """Listen to a recording."""

    about: ClassVar[About] = "audio"
    kind: Literal["listen"] = "listen"
    recording: Path


class IdentifyOrder(Order):
    """Find out whether a file is a photo, a recording or a video."""

    about: ClassVar[About] = "request"
    kind: Literal["identify"] = "identify"
    file: Path


class TurnsOrder(Order):
    """Find who speaks when."""

    about: ClassVar[About] = "audio"
    kind: Literal["turns"] = "turns"
    recording: Path
    num_speakers: int | None

    @property
    def effort(self) -> int:
        """To hear who speaks takes longer than to hear that somebody does."""
        return 2


class ExtractOrder(Order):
    """Write the sound of a recording as WAV."""

    about: ClassVar[About] = "audio"
    kind: Literal["extract"] = "extract"
    recording: Path
    target: Path
    total_seconds: float


class VerifyOrder(Order):
    """Find out what a picture or a video says of how it was made."""

    about: ClassVar[About] = "request"
    cpu_seconds: ClassVar[int | None] = 4  # 100 MB take a third of one
    kind: Literal["verify"] = "verify"
    file: Path
    known: Known
    trust_list: str


class WatermarkOrder(Order):
    """Look for the mark that is not seen, in a picture or a video."""

    about: ClassVar[About] = "request"
    cpu_seconds: ClassVar[int | None] = 15  # half of it in the worst case, on a slow core
    kind: Literal["watermark"] = "watermark"
    file: Path


AnyOrder = (
    CheckOrder
    | FrameOrder
    | ConvertOrder
    | ListenOrder
    | IdentifyOrder
    | TurnsOrder
    | ExtractOrder
    | VerifyOrder
    | WatermarkOrder
)
ORDERS: TypeAdapter[AnyOrder] = TypeAdapter(Annotated[AnyOrder, Field(discriminator="kind")])


class Ready(_Told):
    """The decoder takes orders."""

    kind: Literal["ready"] = "ready"


class Turned(_Told):
    """The decoder has turned to the file of another field."""

    kind: Literal["turned"] = "turned"
    about: About


class Refused(_Told):
    """The input cannot be used."""

    kind: Literal["refused"] = "refused"
    notice: Notice
    too_large: bool

    @field_validator("notice")
    @classmethod
    def _check_notice(cls, notice: Notice) -> Notice:
        try:
            notice.text  # noqa: B018 - it is made when it is read
        except (LookupError, AttributeError) as error:
            raise ValueError("There is no such notice.") from error
        return notice

    @property
    def error(self) -> InputError:
        """What was raised."""
        kind = InputTooLargeError if self.too_large else InputError
        return kind(self.notice.code, self.notice.about, **self.notice.values)


class Failed(_Told):
    """Something went wrong that should not.

    Attributes:
        errno: The system's reason, where it has refused something; 0 where something else was wrong.
    """

    kind: Literal["failed"] = "failed"
    errno: int = 0


class CheckedRequest(_Told):
    """A request that can be used.

    Attributes:
        resolved: What was drawn or found, so that each run makes the same video.
        speech_seconds: Length of the voice that is used.
        notices: Warnings about photo and voice.
    """

    kind: Literal["checked"] = "checked"
    resolved: Resolved
    speech_seconds: float
    notices: tuple[Notice, ...]


class HeardVoice(_Told):
    """What was found in a recording.

    Attributes:
        total_seconds: How long it is.
        spoken_share: In how much of it somebody speaks, 0 to 1.
        container: FFmpeg's name of the file's kind.
        codec: FFmpeg's name of what is in it.
        is_plain: Whether any player gives the same to hear: not where another track or other channels are taken.
        notices: Warnings.
    """

    kind: Literal["heard"] = "heard"
    total_seconds: float
    spoken_share: float
    container: str
    codec: str
    is_plain: bool = True
    notices: tuple[Notice, ...]


class IdentifiedFile(_Told):
    """What a file is.

    Attributes:
        medium: What it can be used as; a video is one with sound.
        seconds: How long it is heard; None for a picture.
    """

    kind: Literal["identified"] = "identified"
    medium: Medium
    seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None


class FoundTurn(_Told):
    """When somebody has the word; see `pipeline.request.Turn`."""

    speaker: Annotated[int, Field(ge=0, lt=MAX_SPEAKERS)]
    start_sec: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    end_sec: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class FoundTurns(_Told):
    """Who speaks when.

    Attributes:
        turns: In order, and no more than may be asked for.
    """

    kind: Literal["turns"] = "turns"
    turns: Annotated[tuple[FoundTurn, ...], Field(max_length=MAX_TURNS)]


class FoundFace(_Told):
    """A face without its landmarks, which are an array."""

    box: Box
    score: float


class FramedPhoto(_Told):
    """A portrait without its arrays: the frame, and the landmarks of all faces, each in its own pixels."""

    kind: Literal["framed"] = "framed"
    speakers: Annotated[tuple[FoundFace, ...], Field(min_length=1)]
    bystanders: tuple[FoundFace, ...]
    crop: Box
    faces: tuple[FoundFace, ...]
    photo_size: FrameSize
    quarter_turns: int
    notices: tuple[Notice, ...]

    @classmethod
    def of(cls, portrait: Portrait) -> tuple["FramedPhoto", list[Array]]:
        """Take a portrait apart."""
        groups = (portrait.speakers, portrait.bystanders, portrait.faces)
        speakers, bystanders, faces = (
            tuple(FoundFace(box=face.box, score=face.score) for face in group) for group in groups
        )
        framed = cls(
            speakers=speakers,
            bystanders=bystanders,
            crop=portrait.crop,
            faces=faces,
            photo_size=portrait.photo_size,
            quarter_turns=portrait.quarter_turns,
            notices=portrait.notices,
        )
        return framed, [portrait.frame, np.stack([face.landmarks for group in groups for face in group])]

    def assemble(self, arrays: list[Array]) -> Portrait:
        """Return the portrait."""
        frame, landmarks = arrays
        found = zip((*self.speakers, *self.bystanders, *self.faces), landmarks, strict=True)
        faces = tuple(Face(about.box, about.score, points) for about, points in found)
        num_talking, num_in_frame = len(self.speakers), len(self.speakers) + len(self.bystanders)
        return Portrait(
            frame=frame,
            speakers=faces[:num_talking],
            crop=self.crop,
            faces=faces[num_in_frame:],
            photo_size=self.photo_size,
            quarter_turns=self.quarter_turns,
            notices=self.notices,
            bystanders=faces[num_talking:num_in_frame],
        )


class Written(_Told):
    """The file is written, or it is the array."""

    kind: Literal["written"] = "written"


class FoundCredentials(_Told):
    """What a file's Content Credentials say; None where it has none."""

    kind: Literal["credentials"] = "credentials"
    credentials: Credentials | None


class FoundWatermark(_Told):
    """What the mark that is not seen says. Whose it is, only who has the key can say.

    Attributes:
        text: As `pipeline.watermark.Payload.text`; None where there is no mark.
        confidence: 0 to 1.
        is_sought: There were frames in which it was looked for.
    """

    kind: Literal["mark"] = "mark"
    is_sought: bool = True
    text: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")] | None = None
    confidence: Annotated[float, Field(ge=0, le=1)] = 0.0


Result = (
    CheckedRequest
    | HeardVoice
    | IdentifiedFile
    | FoundTurns
    | FramedPhoto
    | Written
    | FoundCredentials
    | FoundWatermark
    | Refused
    | Failed
)


class ArrayHead(_Told):
    """What the bytes of an array are."""

    dtype: Literal["uint8", "float32"]
    shape: tuple[NonNegativeInt, ...]

    @property
    def num_bytes(self) -> int:
        """How many follow."""
        count = np.dtype(self.dtype).itemsize
        for side in self.shape:
            count *= side
        return count


class Answer(_Told):
    """What a decoder says when it has done what was ordered; the bytes of its arrays follow."""

    kind: Literal["answer"] = "answer"
    result: Annotated[Result, Field(discriminator="kind")]
    arrays: tuple[ArrayHead, ...] = ()


Message = Ready | Turned | Answer
MESSAGES: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="kind")])
