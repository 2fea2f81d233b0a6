"""The scene that an engine turns into a video: what is seen, who speaks when, and how the video is made."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pipeline.notices import Notice
from pipeline.profiles import Profile, Sampling
from pipeline.request import MAX_SPEAKERS as MAX_SPEAKERS  # noqa: PLC0414 - the scene's as well
from pipeline.types import SPEECH_SAMPLING_RATE, Face, Floats, FrameSize, Pixels, Sound, SoundMix


class Source(Protocol):
    """What is seen before anybody moves: a photo, or footage that is dubbed."""

    @property
    def size(self) -> FrameSize:
        """Size of each frame, which is the video's."""
        ...

    def read_frames(self, first: int, count: int) -> Pixels:
        """Return consecutive frames (count, height, width, 3), RGB, counted at the scene's frame rate.

        Args:
            first: The first of them. Beyond the source's end its last frame stays.
            count: How many.

        Raises:
            InputError: The source cannot be read.
        """
        ...


@dataclass(frozen=True)
class Still:
    """A photo, which every frame shows.

    Attributes:
        frame: RGB (height, width, 3), at the video's size.
    """

    frame: Pixels

    @property
    def size(self) -> FrameSize:
        """Size of the photo."""
        height, width = self.frame.shape[:2]
        return FrameSize(width, height)

    def read_frames(self, first: int, count: int) -> Pixels:
        """Return the photo so many times, as a view that must not be written to."""
        del first
        return np.broadcast_to(self.frame, (count, *self.frame.shape))


@dataclass(frozen=True)
class Speaker:
    """Somebody in the frame, with a voice.

    Attributes:
        face: In pixels of the source's first frame.
        waveform: Mono samples (samples,) at 16 kHz on the video's own time, silent where the speaker is; full scale is
            1, which resampling may overshoot.
        activity: Probability of speech in each video frame (num_frames,).
    """

    face: Face
    waveform: Floats
    activity: Floats


@dataclass(frozen=True)
class Scene:
    """A checked request, ready for an engine.

    Attributes:
        source: What is seen.
        speakers: One to four, from the one that was asked for first.
        sound: Where the sound of the video comes from.
        frame_rate: Frames a second.
        num_frames: Of the video: the whole ones that the voices fill.
        prompt: What the scene is like; empty takes the engine's own.
        seed: Makes the video repeatable.
        profile: Of the engine.
        sampling: What the sampler uses.
        notices: Warnings about what was given.
        bystanders: The other faces in the frame, in pixels of the source's first frame. They keep still.
    """

    source: Source
    speakers: tuple[Speaker, ...]
    sound: Sound | SoundMix
    frame_rate: int
    num_frames: int
    prompt: str
    seed: int
    profile: Profile
    sampling: Sampling
    notices: tuple[Notice, ...] = ()
    bystanders: tuple[Face, ...] = ()

    def __post_init__(self) -> None:
        """Check that the parts fit together.

        Raises:
            ValueError: They do not.
        """
        if not 1 <= len(self.speakers) <= MAX_SPEAKERS:
            raise ValueError(f"Expected 1 to {MAX_SPEAKERS} speakers, got {len(self.speakers)}.")
        for speaker in self.speakers:
            filled = count_frames(len(speaker.waveform), self.frame_rate)
            if filled != self.num_frames:
                raise ValueError(f"Expected voices that fill {self.num_frames} frames, got one that fills {filled}.")
            if speaker.activity.shape != (self.num_frames,):
                raise ValueError(f"Expected activity of {self.num_frames} frames, got {speaker.activity.shape}.")


def count_frames(num_samples: int, frame_rate: int) -> int:
    """Return how many whole frames a voice of so many samples at 16 kHz fills."""
    return num_samples * frame_rate // SPEECH_SAMPLING_RATE
