"""Hears which sounds are spoken when. The model knows English; elsewhere its vowels and closures still help."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from openfacefx.aligners_acoustic import from_phone_timestamps
from openfacefx.alignment import PhonemeSegment
from pocketsphinx import Decoder, get_model_path

from pipeline.types import SPEECH_SAMPLING_RATE, Floats

PART_SECONDS = 12.0
"""Decoded at once: the decoder's memory grows with it, and a job can be cancelled only between parts."""
_SEARCHED_SECONDS = 3.0
"""A part may end this much earlier, where the voice is quietest, so that no sound is cut in two."""
_QUIET_SECONDS = 0.1
_DECODER_RATE = 100


def hear_phones(
    waveform: Floats, report: Callable[[float], None], turns: Sequence[tuple[int, int]] | None = None
) -> list[PhonemeSegment]:
    """Return the sounds of a voice in order, silence between them included.

    Args:
        waveform: Mono samples (samples,) at 16 kHz.
        report: Takes the share that is done, after each part.
        turns: Spans of samples to listen to; None takes all.
    """
    decoder = _create_decoder()
    rows: list[tuple[float, float, str]] = []
    for first, last in [(0, len(waveform))] if turns is None else turns:
        for start, stop in split_at_quiet(waveform[first:last]):
            rows += _decode(decoder, waveform[first + start : first + stop], (first + start) / SPEECH_SAMPLING_RATE)
            report((first + stop) / len(waveform))
    end = len(waveform) / SPEECH_SAMPLING_RATE
    return list(from_phone_timestamps(rows or [(0.0, end, "SIL")], alphabet="arpabet"))


def split_at_quiet(waveform: Floats) -> Iterator[tuple[int, int]]:
    """Yield spans of samples of at most `PART_SECONDS`, cut where the voice is quietest."""
    longest, searched = (int(seconds * SPEECH_SAMPLING_RATE) for seconds in (PART_SECONDS, _SEARCHED_SECONDS))
    start = 0
    while len(waveform) - start > longest:
        tail = waveform[start + longest - searched : start + longest]
        stop = start + longest - searched + _find_quietest(tail)
        yield start, stop
        start = stop
    yield start, len(waveform)


def _find_quietest(waveform: Floats) -> int:
    length = int(_QUIET_SECONDS * SPEECH_SAMPLING_RATE)
    num_spans = len(waveform) // length
    energies = (waveform[: num_spans * length].reshape(num_spans, length) ** 2).mean(axis=1)
    return int(np.argmin(energies)) * length + length // 2


def _create_decoder() -> Decoder:
    model = get_model_path()
    return Decoder(
        hmm=f"{model}/en-us/en-us",
        allphone=f"{model}/en-us/en-us-phone.lm.bin",
        lm=None,
        lw=2.0,
        beam=1e-20,
        pbeam=1e-20,
        loglevel="FATAL",
    )


def _decode(decoder: Decoder, waveform: Floats, offset: float) -> list[tuple[float, float, str]]:
    pcm = (np.clip(waveform, -1, 1) * 32767).astype("<i2").tobytes()
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()
    # The decoder hands out None instead of segments where the part was too short for it.
    return [
        (offset + segment.start_frame / _DECODER_RATE, offset + (segment.end_frame + 1) / _DECODER_RATE, segment.word)
        for segment in decoder.seg() or ()
        if segment.word.isalpha() and segment.word != "SIL"
    ]
