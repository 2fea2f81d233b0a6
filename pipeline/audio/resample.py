"""Change the number of samples a second of a stream of blocks."""

from collections.abc import Iterable, Iterator

import numpy as np
from soxr import ResampleStream

from pipeline.audio.blocks import Block
from pipeline.types import Floats


def resample(blocks: Iterable[Block], sampling_rate: int) -> Iterator[Floats]:
    """Yield the blocks' samples at another rate, without a gap or a shift between blocks.

    What comes out does not depend on where the blocks begin, and has as many samples as last as long.

    Args:
        blocks: All with the same channels; the rate may change on the way.
        sampling_rate: Wanted samples a second.

    Source:
        libsoxr at the quality that librosa loads recordings with, as the original does.
    """
    stream: ResampleStream | None = None
    rate = num_channels = 0
    for block in blocks:
        if stream is None or block.sampling_rate != rate:
            yield from _flush(stream, num_channels)
            num_channels, rate = len(block.samples), block.sampling_rate
            stream = ResampleStream(rate, sampling_rate, num_channels, dtype=np.float32)
        yield stream.resample_chunk(np.ascontiguousarray(block.samples.T)).T
    yield from _flush(stream, num_channels)


def _flush(stream: ResampleStream | None, num_channels: int) -> Iterator[Floats]:
    if stream is not None:
        yield stream.resample_chunk(np.zeros((0, num_channels), np.float32), last=True).T
