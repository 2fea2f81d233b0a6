"""Which recordings are opened, decided from their bytes alone.

Names and declared types are never believed: a playlist called `voice.wav` is still a playlist, and reading one could
open files that nobody uploaded.
"""

import mmap
from dataclasses import dataclass
from typing import BinaryIO

from pipeline.audio.frames import FoundFrames, find_frames, read_frame_count, sniff_frame

SNIFFED_BYTES = 1024 * 1024
_ID3_HEADER_BYTES = 10
_MAX_ID3_TAGS = 4
_STARTS = {
    b"fLaC": "flac",
    b"OggS": "ogg",
    b"\x1a\x45\xdf\xa3": "matroska",
    b"caff": "caf",
    b"#!AMR": "amr",
    b".snd": "au",
    b"FLV\x01": "flv",
    b"\0\0\x01\xba": "mpeg",
    b"\x7f\xfe\x80\x01": "dts",
}
_AVI_HEADER_BYTES = 4096
_ISO_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
SEVERAL_TRACKS = {"avi", "flv", "matroska", "mov", "mpeg", "mpegts", "ogg"}
"""Kinds of files that may hold more than one track of sound."""
BARE_STREAMS = {"ac3", "dts", "eac3"}
"""Files that are packets and nothing else."""
_GUESSED_LENGTHS = {"aac", "ac3", "amr", "avi", "dts", "eac3", "mp3", "mpeg", "mpegts"}
_TS_SYNC, _TS_PACKETS = 0x47, 5
_TS_SIZES = (188, 192, 204)

CODECS = frozenset(
    {
        "aac", "aac_latm", "mp3", "mp3float", "mp2", "mp2float", "opus", "libopus", "vorbis", "flac", "alac", "ac3",
        "eac3", "dca", "speex", "libspeex", "nellymoser", "gsm", "gsm_ms", "amrnb", "amrwb", "libopencore_amrnb",
        "libopencore_amrwb", "adpcm_ms", "adpcm_ima_wav", "adpcm_ima_qt", "adpcm_swf", "pcm_alaw", "pcm_mulaw",
        "pcm_u8", "pcm_s8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be", "pcm_f32le",
        "pcm_f32be", "pcm_f64le", "pcm_f64be", "pcm_dvd", "pcm_bluray",
    }
)  # fmt: skip
"""Decoders that may run; FFmpeg knows some hundred more, most of them old and little tested."""


@dataclass(frozen=True)
class Format:
    """What a file is.

    Attributes:
        demuxer: FFmpeg's name of the reader.
        first_byte: Where the recording begins; rubbish may stand before it.
        num_frames: How many frames an MP3 file says that it has; 0 where it does not say.
    """

    demuxer: str
    first_byte: int = 0
    num_frames: int = 0

    @property
    def tells_length(self) -> bool:
        """Whether FFmpeg reads the length from the file, and does not guess it from a bit rate or the last time."""
        return self.demuxer not in _GUESSED_LENGTHS


def sniff_format(file: BinaryIO) -> Format | None:
    """Tell what a recording is, or None where its bytes are of no known kind.

    Args:
        file: Open; left at its beginning.
    """
    first_byte, head = _skip_tags(file)
    demuxer = _sniff_start(head)
    if demuxer == "mov" and _has_packed_index(file):
        demuxer = None
    file.seek(0)
    if demuxer is not None:
        return Format(demuxer)
    return _find_stream(head, first_byte) or (_find_stream(file.read(SNIFFED_BYTES), 0) if first_byte else None)


def _sniff_start(head: bytes) -> str | None:
    if head[:4] in {b"RIFF", b"RF64", b"BW64"} and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI " and b"hdrl" in head[:_AVI_HEADER_BYTES]:
        return "avi"
    if head[:4] == b"FORM" and head[8:12] in {b"AIFF", b"AIFC"}:
        return "aiff"
    if head[4:8] in _ISO_BOXES:
        return "mov"
    named = next((demuxer for start, demuxer in _STARTS.items() if head.startswith(start)), None)
    return named or ("mpegts" if _is_transport_stream(head) else None)


def _is_transport_stream(head: bytes) -> bool:
    """Look for packets of one size that all begin with the same byte, wherever the first of them begins."""
    return any(
        len(syncs := head[start : start + _TS_PACKETS * size : size]) == _TS_PACKETS and set(syncs) == {_TS_SYNC}
        for size in _TS_SIZES
        for start in range(size)
    )


def _find_stream(head: bytes, first_byte: int) -> Format | None:
    """Tell bare MP3, AAC and AC-3 streams by their frame headers, also after zeros and other rubbish."""
    num_zeros = len(head) - len(head.lstrip(b"\0"))
    demuxer = sniff_frame(head[num_zeros:])
    found = FoundFrames(demuxer, num_zeros) if demuxer else find_frames(head)
    if found is None:
        return None
    num_frames = read_frame_count(head, found.first_byte) if found.kind == "mp3" else 0
    return Format(found.kind, 0 if demuxer else first_byte + found.first_byte, num_frames)


def _has_packed_index(file: BinaryIO) -> bool:
    """Look for QuickTime's compressed index: nothing has written it for twenty years, and it unpacks to any size."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(b"dcomzlib") >= 0


def _skip_tags(file: BinaryIO) -> tuple[int, bytes]:
    """Return where ID3 tags end, which stand before MP3, AAC and FLAC, and the bytes from there on."""
    file.seek(0)
    start, head = 0, file.read(SNIFFED_BYTES)
    for _ in range(_MAX_ID3_TAGS):
        if head[:3] != b"ID3" or len(head) < _ID3_HEADER_BYTES:
            break
        size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
        start += _ID3_HEADER_BYTES + size
        file.seek(start)
        head = file.read(SNIFFED_BYTES)
    return start, head
