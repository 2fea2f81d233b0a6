"""Write frames and sound to an mp4 while they are made."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import cv2
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from pipeline.errors import OutputError
from pipeline.types import FRAME_RATE, FrameSize, Pixels, SoundTrack
from pipeline.video.color import convert_frame, tag_color
from pipeline.video.label import Label
from pipeline.video.segments import SegmentWriter
from pipeline.video.track import TrackReader
from pipeline.watermark import Embedder, Payload

_X264_OPTIONS = {
    "preset": "veryfast",
    "crf": "20",
    "threads": "2",  # each number of threads gives bytes of its own; two keep up with every engine
}
_AVX_512F = 13  # OpenCV's number, for which its Python has no name
if cv2.checkHardwareSupport(_AVX_512F):
    _X264_OPTIONS["x264-params"] = "asm=avx2"  # what x264 has for AVX-512 gives other bytes each time
_LAYOUTS = {1: "mono", 2: "stereo"}
_BIT_RATES = {1: 128_000, 2: 192_000}
_BITS_PER_SAMPLE = 6  # the most that AAC can hold: 6144 bits for 1024 samples


class VideoWriter:
    """Encodes frames and sound as they come; the file appears under its name only when it is complete.

    Everything is encoded once: segments for live delivery hold the packets of the mp4.

    Use as a context manager: whatever is raised inside removes what was written, but for segments, which someone may be
    watching.

    Args:
        path: The mp4.
        size: Of every frame.
        track: The sound; cut or filled with silence to the frames' length.
        metadata: The mp4's tags, e.g. `title` and `comment`.
        live: Folder for segments that can be watched before the file is complete; None makes none.
        watermark: What the mark in every frame says; None makes none.
        label: Words in every frame; None has none.

    Raises:
        OutputError: The file cannot be written; all methods raise it.
    """

    def __init__(
        self,
        path: Path,
        size: FrameSize,
        track: SoundTrack,
        metadata: Mapping[str, str],
        live: Path | None = None,
        *,
        watermark: Payload | None = None,
        label: Label | None = None,
    ) -> None:
        self._path = path
        self._part_path = path.with_name(f"{path.name}.tmp")
        with _explain_errors(path):
            segments = [] if live is None else [SegmentWriter(live)]
            self._part_path.touch()  # FFmpeg opens it with the first frame only, which may be an hour later
            self._container = av.open(self._part_path, "w", format="mp4", options={"movflags": "+faststart"})
        self._outputs: list[OutputContainer | SegmentWriter] = [self._container, *segments]
        self._container.metadata.update(metadata)
        self._video = _add_video(self._container, size)
        self._audio = _add_audio(self._container, track)
        self._sound = TrackReader(track)
        self._embedder = None if watermark is None else Embedder(size, watermark)
        self._label = label
        self._num_frames = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            for output in self._outputs:
                with suppress(OSError, av.FFmpegError):
                    output.close()
            self._part_path.unlink(missing_ok=True)

    def write(self, frames: Pixels) -> None:
        """Append frames (n, height, width, 3), RGB, and the sound that belongs to them."""
        with _explain_errors(self._path):
            for pixels in frames:
                frame = convert_frame(self._mark(pixels))
                frame.pts, frame.time_base = self._num_frames, Fraction(1, FRAME_RATE)
                self._mux(self._video.encode(frame))
                self._num_frames += 1
                self._write_sound()

    def _mark(self, pixels: Pixels) -> Pixels:
        if self._label is not None:
            pixels = pixels.copy()  # an engine may show the same one again
            self._label.draw(pixels)
        return pixels if self._embedder is None else self._embedder.mark(pixels[None])[0]

    def _finish(self) -> None:
        with _explain_errors(self._path):
            self._mux(self._video.encode(None))
            self._mux(self._audio.encode(None))
            for output in self._outputs:
                output.close()
            self._part_path.replace(self._path)

    def _mux(self, packets: "Iterable[Packet[Stream]]") -> None:
        for packet in packets:
            for output in self._outputs:
                output.mux(packet)

    def _write_sound(self) -> None:
        first_sample = self._sound.num_samples
        samples = np.ascontiguousarray(self._sound.read(self._num_frames))
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=_LAYOUTS[len(samples)])
        frame.sample_rate = self._audio.sample_rate
        frame.pts, frame.time_base = first_sample, Fraction(1, frame.sample_rate)  # without it all sound is 21 ms late
        self._mux(self._audio.encode(frame))


@contextmanager
def _explain_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, av.FFmpegError) as error:
        reason = error.strerror or type(error).__name__
        raise OutputError(
            f"{path.name} could not be written: {reason}. Free some space or choose another place."
        ) from error


def _add_video(container: OutputContainer, size: FrameSize) -> VideoStream:
    stream = container.add_stream("libx264", rate=FRAME_RATE, options=_X264_OPTIONS)
    stream.width, stream.height, stream.pix_fmt = size.width, size.height, "yuv420p"
    tag_color(stream)
    return stream


def _add_audio(container: OutputContainer, track: SoundTrack) -> AudioStream:
    stream = container.add_stream("aac", rate=track.sampling_rate, layout=_LAYOUTS[track.num_channels])
    most = _BITS_PER_SAMPLE * track.sampling_rate * track.num_channels
    stream.bit_rate = min(_BIT_RATES[track.num_channels], most)
    return stream
