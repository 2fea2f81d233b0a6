"""Recordings of every kind, made when a test needs them."""

import struct
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from pipeline.types import Floats

SPEAKER = Path("assets/voices/joe.wav").resolve()


@dataclass(frozen=True)
class Kind:
    """A file format and the codec inside.

    Attributes:
        suffix: Of the file's name.
        container: FFmpeg's muxer.
        codec: FFmpeg's encoder.
        sampling_rate: One that the encoder knows.
        video: Whether there are pictures too.
        options: Of the muxer.
    """

    suffix: str
    container: str
    codec: str
    sampling_rate: int = 48_000
    video: bool = False
    options: dict[str, str] = field(default_factory=dict)


WAV = Kind("wav", "wav", "pcm_s16le", 22_050)
MICROPHONE = Kind("webm", "webm", "libopus", options={"live": "1"})
KINDS = {
    "wav": WAV,
    "wav, 8 bits": Kind("wav", "wav", "pcm_u8", 8_000),
    "wav, 24 bits": Kind("wav", "wav", "pcm_s24le", 96_000),
    "wav, floats": Kind("wav", "wav", "pcm_f32le", 44_100),
    "wav, a-law": Kind("wav", "wav", "pcm_alaw", 8_000),
    "wav, adpcm": Kind("wav", "wav", "adpcm_ms", 22_050),
    "wav, 64-bit sizes": Kind("wav", "wav", "pcm_s16le", 44_100, options={"rf64": "always"}),
    "mp3": Kind("mp3", "mp3", "libmp3lame", 44_100),
    "m4a": Kind("m4a", "ipod", "aac", 44_100),
    "m4a, lossless": Kind("m4a", "ipod", "alac", 44_100),
    "m4a, fragments": Kind("m4a", "ipod", "aac", options={"movflags": "frag_keyframe+empty_moov"}),
    "aac": Kind("aac", "adts", "aac"),
    "ogg": Kind("ogg", "ogg", "vorbis", 44_100),
    "opus": Kind("opus", "ogg", "libopus"),
    "flac": Kind("flac", "flac", "flac", 44_100),
    "flac in ogg": Kind("oga", "ogg", "flac", 44_100),
    "aiff": Kind("aiff", "aiff", "pcm_s16be", 44_100),
    "aiff, little-endian": Kind("aifc", "aiff", "pcm_s16le", 44_100),
    "caf": Kind("caf", "caf", "alac", 44_100),
    "caf, samples": Kind("caf", "caf", "pcm_s16be"),
    "webm": Kind("webm", "webm", "libopus"),
    "webm, microphone": MICROPHONE,
    "mp4, microphone": Kind("mp4", "mp4", "aac", options={"movflags": "frag_keyframe+empty_moov+default_base_moof"}),
    "mp4": Kind("mp4", "mp4", "aac", video=True),
    "mov": Kind("mov", "mov", "pcm_s16be", video=True),
    "mkv": Kind("mkv", "matroska", "aac", video=True),
    "webm, video": Kind("webm", "webm", "libopus", video=True),
}


def make_tone(seconds: float, sampling_rate: int = 48_000, num_channels: int = 1, level: float = 0.5) -> Floats:
    """Return a 220 Hz tone (channels, samples) that swells four times a second, as syllables do."""
    time = np.arange(round(seconds * sampling_rate)) / sampling_rate
    tone = level * np.sin(2 * np.pi * 220 * time) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * time))
    return np.tile(tone.astype(np.float32), (num_channels, 1))


def write_voice(path: Path, samples: Floats, kind: Kind = WAV, sampling_rate: int | None = None) -> Path:
    """Write samples (channels, samples) as a recording of that kind and return its path; no channels, no sound."""
    rate = sampling_rate or kind.sampling_rate
    layout = "mono" if len(samples) == 1 else "stereo"
    with av.open(path, "w", format=kind.container, options=kind.options) as container:
        pictures = _add_pictures(container, kind) if kind.video else None
        if not len(samples) and pictures:
            _write_pictures(container, pictures, seconds=samples.shape[1] / rate)
            return path
        stream = container.add_stream(kind.codec, rate=rate, layout=layout, options={"strict": "experimental"})
        resampler = av.AudioResampler(stream.codec_context.format.name, layout, rate, stream.frame_size or 1024)
        if pictures:
            _write_pictures(container, pictures, seconds=samples.shape[1] / rate)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        for piece in (*resampler.resample(frame), *resampler.resample(None), None):
            container.mux(stream.encode(piece))
    return path


def _add_pictures(container: OutputContainer, kind: Kind) -> VideoStream:
    stream = container.add_stream("libvpx" if kind.container == "webm" else "libx264", rate=25)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    return stream


def _write_pictures(container: OutputContainer, stream: VideoStream, seconds: float) -> None:
    for index in range(round(seconds * 25)):
        picture = np.full((48, 64, 3), index % 256, np.uint8)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
    container.mux(stream.encode(None))


def name_other_file(movie: bytes, other: Path) -> bytes:
    """Return a QuickTime movie whose samples are said to lie in another file (an alias record in its `dref` box)."""
    name = str(other).encode()
    name += bytes(len(name) % 2)
    alias = bytes(10) + bytes(28) + bytes(12) + bytes(64) + bytes(16) + struct.pack(">HH", 0, 0) + bytes(16)
    alias += struct.pack(">HH", 2, len(name)) + name + struct.pack(">HH", 0xFFFF, 0)
    entry = struct.pack(">I4sI", 12 + len(alias), b"alis", 0) + alias
    old_entry = struct.pack(">I4sI", 12, b"url ", 1)
    position = movie.index(old_entry)
    grown = bytearray(movie.replace(old_entry, entry))
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        start = movie.rindex(box, 0, position) - 4
        size = struct.unpack_from(">I", grown, start)[0]
        struct.pack_into(">I", grown, start, size + len(entry) - len(old_entry))
    return bytes(grown)
