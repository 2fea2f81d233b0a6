"""Which recordings are opened, decided from their bytes alone.

Names and declared types are never believed: a playlist called `voice.wav` is still a playlist, and reading one could
open files that nobody uploaded.
"""

import mmap
from typing import BinaryIO

SNIFFED_BYTES = 64 * 1024
_ID3_HEADER_BYTES = 10
_MAX_ID3_TAGS = 4
_STARTS = {
    b"fLaC": "flac",
    b"OggS": "ogg",
    b"\x1a\x45\xdf\xa3": "matroska",
    b"caff": "caf",
    b"#!AMR": "amr",
}
_ISO_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")

CODECS = frozenset(
    {
        "aac", "mp3", "mp3float", "mp2", "mp2float", "opus", "libopus", "vorbis", "flac", "alac", "ac3", "eac3",
        "amrnb", "amrwb", "libopencore_amrnb", "libopencore_amrwb", "adpcm_ms", "adpcm_ima_wav", "adpcm_ima_qt",
        "pcm_alaw", "pcm_mulaw", "pcm_u8", "pcm_s8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le",
        "pcm_s32be", "pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be",
    }
)  # fmt: skip
"""Decoders that may run; FFmpeg knows some hundred more, most of them old and little tested."""


def sniff_demuxer(file: BinaryIO) -> str | None:
    """Name FFmpeg's demuxer for a recording, or None where its bytes are of no known kind.

    Args:
        file: Open at its beginning, and left there.
    """
    head = _skip_tags(file)
    file.seek(0)
    if head[:4] in {b"RIFF", b"RF64", b"BW64"} and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"FORM" and head[8:12] in {b"AIFF", b"AIFC"}:
        return "aiff"
    if head[4:8] in _ISO_BOXES:
        return None if _has_packed_index(file) else "mov"
    named = (demuxer for start, demuxer in _STARTS.items() if head.startswith(start))
    return next(named, None) or _sniff_frames(head)


def _has_packed_index(file: BinaryIO) -> bool:
    """Look for QuickTime's compressed index: nothing has written it for twenty years, and it unpacks to any size."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(b"dcomzlib") >= 0


def _skip_tags(file: BinaryIO) -> bytes:
    """Return the first bytes after ID3 tags, which stand before MP3, AAC and FLAC."""
    head = file.read(SNIFFED_BYTES)
    for _ in range(_MAX_ID3_TAGS):
        if head[:3] != b"ID3" or len(head) < _ID3_HEADER_BYTES:
            break
        size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
        file.seek(file.tell() - len(head) + _ID3_HEADER_BYTES + size)
        head = file.read(SNIFFED_BYTES)
    return head


def _sniff_frames(head: bytes) -> str | None:
    """Tell bare MP3 and AAC streams by their first frame header, after zeros that some recorders leave."""
    frame = head.lstrip(b"\0")[:2]
    if len(frame) < 2 or frame[0] != 0xFF:
        return None
    if frame[1] & 0xF6 == 0xF0:
        return "aac"
    is_mpeg_audio = frame[1] & 0xE0 == 0xE0 and frame[1] & 0x18 != 0x08 and frame[1] & 0x06 in {0x02, 0x04}
    return "mp3" if is_mpeg_audio else None
