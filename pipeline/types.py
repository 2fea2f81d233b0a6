"""What the stages hand to one another. Arrays are never changed in place once they are in one of these."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from pipeline.notices import Notice, Value
from pipeline.profiles import FrameSize as FrameSize  # noqa: PLC0414 - belongs to these, but is read without numpy

FRAME_RATE = 25
"""Of the videos; who makes or reads something frame by frame is told the rate."""
SPEECH_SAMPLING_RATE = 16_000
SPEECH_PROBABILITY = 0.5
"""From which on a moment counts as speech."""
MAX_FACES = 16
"""In one photo; more are not looked for."""

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Aspect = Literal["auto", "16:9", "1:1", "9:16"]


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels; the edges may lie outside of the picture."""

    x_min: float
    y_min: float
    x_max: float
    y_max: float

    @property
    def width(self) -> float:
        """Pixels from left to right."""
        return self.x_max - self.x_min

    @property
    def height(self) -> float:
        """Pixels from top to bottom."""
        return self.y_max - self.y_min


@dataclass(frozen=True)
class Photo:
    """A decoded, upright picture.

    Attributes:
        pixels: RGB (height, width, 3).
    """

    pixels: Pixels


@dataclass(frozen=True)
class Face:
    """A face found in a picture.

    Attributes:
        box: Around the face, in pixels of that picture.
        score: The detector's confidence, 0 to 1.
        landmarks: 478 points of MediaPipe's mesh (478, 3): x, y and depth in pixels of that picture.
    """

    box: Box
    score: float
    landmarks: Floats


@dataclass(frozen=True)
class Portrait:
    """A photo, checked and cropped to the video's frame.

    Attributes:
        frame: RGB (height, width, 3), at the video's size.
        speakers: The faces that talk, in pixels of `frame`, in the order in which they were asked for.
        crop: The part of the photo that `frame` shows, in the photo's pixels.
        faces: All faces found in the photo, largest first, in the photo's pixels.
        photo_size: Of the upright photo.
        quarter_turns: How often the photo was turned to be upright, by 90 degrees counterclockwise, beyond what its
            file says.
        notices: Warnings about the photo.
        bystanders: The other faces whose mouths lie in the frame, in its pixels, the largest first.
    """

    frame: Pixels
    speakers: tuple[Face, ...]
    crop: Box
    faces: tuple[Face, ...]
    photo_size: FrameSize
    quarter_turns: int = 0
    notices: tuple[Notice, ...] = ()
    bystanders: tuple[Face, ...] = ()

    @property
    def face(self) -> Face:
        """The first who talks."""
        return self.speakers[0]


@dataclass(frozen=True)
class Mix:
    """How the channels of a recording are heard.

    Attributes:
        layout: The channels, as `pipeline.audio.blocks.Block` names them.
        gains: How loud each of them (column) is heard on the left and the right (rows), or everywhere (one row).
    """

    layout: tuple[str, ...]
    gains: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Hearing:
    """What of a recording is heard: chosen once, so that the mouth and the video's sound agree.

    Attributes:
        track: Which of the file's tracks, counted from 0.
        sampling_rate: The highest in the part that is used, samples a second.
        num_channels: Of the video's sound, 1 or 2.
        mixes: For layouts of channels that are not heard as they are.
    """

    track: int
    sampling_rate: int
    num_channels: int
    mixes: tuple[Mix, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether any player gives the same to hear."""
        return self.track == 0 and not self.mixes


@dataclass(frozen=True)
class Sound:
    """The part of an uploaded recording that is used.

    Attributes:
        path: The file as it was uploaded.
        start_seconds: Where the part begins.
        duration_seconds: How long it is.
        hearing: What of it is heard; None where nobody has listened yet.
    """

    path: Path
    start_seconds: float
    duration_seconds: float
    hearing: Hearing | None = None


@dataclass(frozen=True)
class SoundPart:
    """A recording among others that are heard in one video.

    Attributes:
        sound: What is heard of it.
        offset_seconds: Where on the video's time it begins.
    """

    sound: Sound
    offset_seconds: float


@dataclass(frozen=True)
class SoundMix:
    """Several recordings on one time.

    Attributes:
        parts: The recordings.
        duration_seconds: Of the whole; where nothing is heard, it is silent.
        gain: How loud the sum is heard, so that no peak passes full scale.
    """

    parts: tuple[SoundPart, ...]
    duration_seconds: float
    gain: float = 1.0


@dataclass(frozen=True)
class SoundTrack:
    """Sound on its way into a video.

    Attributes:
        sampling_rate: Samples a second and channel.
        num_channels: 1 or 2.
        pieces: Consecutive samples (num_channels, samples), full scale is 1; read once.
    """

    sampling_rate: int
    num_channels: int
    pieces: Iterator[Floats]


@dataclass(frozen=True)
class Speech:
    """A recording's voice, read and checked.

    Attributes:
        waveform: Mono samples (samples,) at 16 kHz, of the part used; full scale is 1, which resampling may overshoot.
        sound: Where the person's own sound is.
        total_seconds: Length of the whole recording.
        activity: Probability of speech in each video frame (num_frames,).
        notices: Warnings about the voice.
    """

    waveform: Floats
    sound: Sound
    total_seconds: float
    activity: Floats
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        stage: Key of what is being done: `photo`, `voice`, `loading`, `conditioning`, `denoising`, `frames` or
            `finishing`.
        step: Steps of this stage that are done.
        num_steps: Steps that the stage has; 0 where it cannot be counted.
        percent: 0 to 100: an engine reports of its own part, `generate` of the whole run.
        is_ending: The last denoising step is done; what is left, to decode and to write, takes little beside it.
    """

    stage: str
    step: int
    num_steps: int
    percent: float
    is_ending: bool = False


@dataclass(frozen=True)
class GenerationResult:
    """A finished video.

    Attributes:
        path: The mp4.
        size: Of its frames.
        num_frames: How many.
        frame_rate: Frames a second.
        speech_seconds: Length of the voice used.
        compute_seconds: How long it took.
        seed: The seed that was used.
        timings: Seconds that each stage took.
        notices: Warnings about photo and voice.
        spoken_seconds: How long each of the speakers talks.
    """

    path: Path
    size: FrameSize
    num_frames: int
    frame_rate: int
    speech_seconds: float
    compute_seconds: float
    seed: int
    timings: dict[str, Value]
    notices: tuple[Notice, ...]
    spoken_seconds: tuple[float, ...] = ()
