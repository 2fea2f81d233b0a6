"""Open a recording with FFmpeg, and nothing but the recording."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from pipeline.audio.files import FilePart
from pipeline.audio.formats import CODECS
from pipeline.errors import InputError

MAX_TRACKS = 8

_CONTAINER_OPTIONS = {
    "protocol_whitelist": "",  # no protocol at all: the bytes come from the open file
    "codec_whitelist": ",".join(sorted(CODECS)),  # pictures inside of a recording are not even probed
    "probesize": "2000000",
    "analyzeduration": "2000000",
}


@contextmanager
def explain_errors() -> Iterator[None]:
    """Answer for whatever FFmpeg raises, and what it makes Python raise: the bytes of a stranger may lead anywhere."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError("audio.unreadable", "audio") from error


@contextmanager
def open_container(file: FilePart, demuxer: str) -> Iterator[InputContainer]:
    """Open some bytes as the kind of file that they are.

    Raises:
        InputError: They cannot be read.
    """
    with explain_errors():
        container = av.open(
            file,
            "r",
            format=demuxer,
            container_options=_CONTAINER_OPTIONS,
            metadata_errors="ignore",
            buffer_size=1 << 18,
            io_open=_refuse_to_open,
        )
    try:
        yield container
    finally:
        with explain_errors():
            container.close()


def rank_tracks(container: InputContainer) -> list[AudioStream]:
    """Return the tracks that can be decoded, in the order in which players choose one.

    Raises:
        InputError: There is none.
    """
    with explain_errors():
        streams = list(container.streams.audio)
        if not streams:
            raise InputError("audio.no_sound", "audio")
        names = [stream.codec_context.name if stream.codec_context else "?" for stream in streams]
        known = [stream for stream, name in zip(streams, names, strict=True) if name in CODECS]
        if not known:
            raise InputError("audio.unknown_codec", "audio", codec=names[0])
        return sorted(known, key=_is_no_default)[:MAX_TRACKS]


def _is_no_default(stream: AudioStream) -> bool:
    return not stream.disposition & type(stream.disposition).default


def _refuse_to_open(url: str, flags: int, options: dict[str, str]) -> NoReturn:
    del url, flags, options
    raise PermissionError("A recording must not name other files.")
