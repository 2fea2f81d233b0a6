"""Sound in pieces of about a second, whatever its samples were."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame

from pipeline.audio.container import explain_errors
from pipeline.errors import InputError
from pipeline.types import Floats

MAX_CHANNELS = 8
_SAMPLING_RATES = range(4_000, 192_001)

_DTYPES = {"u8": "u1", "s16": "i2", "s32": "i4", "s64": "i8", "flt": "f4", "dbl": "f8"}
"""NumPy's names for FFmpeg's kinds of samples."""


@dataclass(frozen=True)
class Block:
    """A piece of a recording, as it was recorded.

    Attributes:
        samples: (channels, samples), -1 to 1, all finite.
        sampling_rate: Samples a second and channel.
        layout: Where each channel is heard, as FFmpeg names it, e.g. `FL`; `NONE` where the file does not say.
    """

    samples: Floats
    sampling_rate: int
    layout: tuple[str, ...] = ()

    @property
    def seconds(self) -> Fraction:
        """How long it sounds, exactly: thousands of blocks are added up."""
        return Fraction(self.samples.shape[1], self.sampling_rate)


def gather_blocks(frames: Iterable[AudioFrame]) -> Iterator[Block]:
    """Yield the frames in blocks of one kind: a block costs little more than a frame, and there are 40 frames a second.

    Raises:
        InputError: The rate or the number of channels is none that is accepted.
    """
    gathered: list[AudioFrame] = []
    num_samples = 0
    for frame in frames:
        _check_frame(frame)
        if gathered and (num_samples >= frame.sample_rate or _get_kind(frame) != _get_kind(gathered[0])):
            yield _to_block(gathered)
            gathered, num_samples = [], 0
        gathered.append(frame)
        num_samples += frame.samples
    if gathered:
        yield _to_block(gathered)


def _get_kind(frame: AudioFrame) -> tuple[int, int, str, str]:
    return frame.sample_rate, frame.layout.nb_channels, frame.layout.name, frame.format.name


def _check_frame(frame: AudioFrame) -> None:
    num_channels = frame.layout.nb_channels
    if frame.sample_rate not in _SAMPLING_RATES or not 1 <= num_channels <= MAX_CHANNELS:
        raise InputError("audio.unusual", "audio", sampling_rate=frame.sample_rate, num_channels=num_channels)


def _to_block(frames: list[AudioFrame]) -> Block:
    first = frames[0]
    with explain_errors():
        samples = np.concatenate([_to_array(frame) for frame in frames], axis=1)
        if not first.format.is_planar:
            samples = samples.reshape(-1, first.layout.nb_channels).T
        layout = tuple(channel.name for channel in first.layout.channels)
    return Block(_to_float(samples), first.sample_rate, layout)


def _to_array(frame: AudioFrame) -> npt.NDArray[Any]:
    """Return samples (channels, samples), or (1, channels x samples) where they take turns.

    PyAV's own `to_ndarray` reads a ninth plane of eight, from a place in memory where there is none.
    """
    num_planes, num_turns = (frame.layout.nb_channels, 1) if frame.format.is_planar else (1, frame.layout.nb_channels)
    dtype = _DTYPES[frame.format.name.removesuffix("p")]
    planes: tuple[Any, ...] = frame.planes[:num_planes]
    return np.stack([np.frombuffer(plane, dtype, frame.samples * num_turns) for plane in planes])


def _to_float(samples: npt.NDArray[Any]) -> Floats:
    """Scale any of FFmpeg's sample types to -1 to 1; what is not a number becomes silence."""
    if samples.dtype.kind == "f":
        clean: Floats = np.nan_to_num(np.clip(samples, -1.0, 1.0), copy=False, nan=0.0).astype(np.float32, copy=False)
        return clean
    full_scale = 2.0 ** (8 * samples.dtype.itemsize - 1)
    middle = full_scale if samples.dtype.kind == "u" else 0.0
    scaled: Floats = (samples.astype(np.float32) - np.float32(middle)) * np.float32(1 / full_scale)
    return scaled
