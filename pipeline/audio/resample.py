"""Change the number of samples a second of a stream of blocks."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from pipeline.audio.decode import Block
from pipeline.types import Floats

_LAYOUTS = {1: "mono", 2: "stereo"}


def resample(blocks: Iterable[Block], sampling_rate: int) -> Iterator[Floats]:
    """Yield the blocks' samples at another rate, without a gap or a shift between blocks.

    Args:
        blocks: All with the same one or two channels; the rate may change on the way.
        sampling_rate: Wanted samples a second.
    """
    resampler: AudioResampler | None = None
    rate = 0
    for block in blocks:
        if resampler is None or block.sampling_rate != rate:
            yield from _flush(resampler)
            rate = block.sampling_rate
            resampler = AudioResampler("fltp", _LAYOUTS[block.samples.shape[0]], sampling_rate)
        yield from map(_to_samples, resampler.resample(_to_frame(block)))
    yield from _flush(resampler)


def _flush(resampler: AudioResampler | None) -> Iterator[Floats]:
    if resampler is not None:
        yield from map(_to_samples, resampler.resample(None))


def _to_frame(block: Block) -> AudioFrame:
    samples = np.ascontiguousarray(block.samples, dtype=np.float32)
    frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=_LAYOUTS[samples.shape[0]])
    frame.sample_rate = block.sampling_rate
    frame.time_base = Fraction(1, block.sampling_rate)
    return frame


def _to_samples(frame: AudioFrame) -> Floats:
    return frame.to_ndarray().astype(np.float32, copy=False)
