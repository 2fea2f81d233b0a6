"""What is missing of a recording: what it holds is compared with what it promises."""

from dataclasses import dataclass

from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer

from pipeline.notices import Notice

_TOLERATED_SECONDS = 0.25
_TOLERATED_PACKETS = 2
_FILLED_FRAMES = 3
_SHORTEST_GAP_SECONDS = 0.05
"""Clocks of recorders and the times of video files are less exact than samples are."""


@dataclass
class Damage:
    """Counts what could not be decoded.

    Attributes:
        num_packets: Packets that were skipped.
        missing_seconds: What was promised and is not there.
    """

    num_packets: int = 0
    missing_seconds: float = 0.0

    @property
    def notices(self) -> tuple[Notice, ...]:
        """A warning where something is missing; tags that some programs append look like a broken packet too."""
        is_damaged = self.num_packets > _TOLERATED_PACKETS or self.missing_seconds > _TOLERATED_SECONDS
        return (Notice("audio.damaged", "audio"),) if is_damaged else ()


class Timeline:
    """Compares the times at which frames should sound with the sound that was there before them.

    Attributes:
        start: When the first frame sounds, in seconds.
        num_frames: All that were decoded.
        num_bytes: What they were decoded from.
        sounding_seconds: Their length.
        silent_seconds: The length of the gaps between them.
    """

    def __init__(self) -> None:
        self._end: float | None = None
        self.start = 0.0
        self.num_frames = 0
        self.num_bytes = 0
        self.sounding_seconds = 0.0
        self.silent_seconds = 0.0

    def add(self, frame: AudioFrame) -> None:
        """Take the next frame."""
        seconds = frame.samples / frame.sample_rate
        start = frame.time if frame.pts is not None else self._end
        if start is not None:
            if self._end is None:
                self.start = start
            elif start - self._end > _SHORTEST_GAP_SECONDS:
                self.silent_seconds += start - self._end
            self._end = start + seconds
        self.sounding_seconds += seconds
        self.num_frames += 1


@dataclass(frozen=True)
class Promise:
    """What the bytes of a file say of its length, where FFmpeg guesses or passes over damage.

    Attributes:
        is_believed: Whether to believe the length that FFmpeg reads.
        page_ends: Where the first and the last page of an Ogg file end, in samples; zeros where they do not say.
        num_frames: How many frames an MP3 file has; 0 where it does not say.
        num_bytes: What the packets of a bare stream have together; 0 for files that have more than packets.
    """

    is_believed: bool = True
    page_ends: tuple[int, int] = (0, 0)
    num_frames: int = 0
    num_bytes: int = 0

    def measure_missing(self, container: InputContainer, stream: AudioStream, timeline: Timeline) -> float:
        """Return how many seconds are missing, in the middle or at the end."""
        sounding, num_frames = timeline.sounding_seconds, timeline.num_frames
        promises = [sounding + timeline.silent_seconds]
        if self.is_believed:
            promises.append(self._read_seconds(container, stream, timeline.start))
        if self.num_frames and num_frames:
            # Encoders fill the first and the last frame with silence, which is left out.
            promises.append((self.num_frames - _FILLED_FRAMES) * sounding / num_frames)
        if self.num_bytes and timeline.num_bytes:
            promises.append(self.num_bytes * sounding / timeline.num_bytes)
        if container.format.name == "avi":  # its header counts the frames, or what has their place, of each track
            promises.append(stream.frames * float(stream.time_base or 0))
        return max(promises) - sounding

    def _read_seconds(self, container: InputContainer, stream: AudioStream, start: float) -> float:
        tick, is_alone = float(stream.time_base or 0), len(container.streams) == 1
        first, last = (samples * tick for samples in self.page_ends)
        if last > 0 and is_alone:
            return last - (start if start < first else 0)
        if (seconds := _read_clock(stream.metadata.get("DURATION", ""))) is not None:
            return seconds - start
        if stream.duration:
            return stream.duration * tick
        return container.duration / 1_000_000 - start if container.duration and is_alone else 0.0


def _read_clock(tag: str) -> float | None:
    """Read hours, minutes and seconds, as Matroska writes them for each track."""
    try:
        hours, minutes, seconds = (float(number) for number in tag.split(":"))
    except ValueError:
        return None
    return 3600 * hours + 60 * minutes + seconds
