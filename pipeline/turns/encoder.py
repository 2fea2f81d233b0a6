"""Tells voices apart: an embedding of each piece of speech, alike for all that one person says."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view
from safetensors.numpy import load_file

from pipeline.nets import MODELS
from pipeline.types import SPEECH_SAMPLING_RATE, Floats

NET = MODELS / "resemblyzer.safetensors"
FRAMES_A_SECOND = 100
PIECE_FRAMES = 160
"""The most that the net listens to at a time, as it was trained."""

_HOP, _WINDOW = SPEECH_SAMPLING_RATE // FRAMES_A_SECOND, 400
_NUM_BANDS, _NUM_LAYERS, _SIZE = 40, 3, 256
_LOG_STEP = float(np.log(6.4)) / 27
_LEVEL = 0.39
"""Of a frame of speech at -30 dB, summed over all bands: the level that the net was trained at."""
_NOISE_QUANTILE, _NOISE_GAIN, _KEPT_SHARE = 0.1, 1.5, 0.02
_FRAMES_AT_ONCE, _PIECES_AT_ONCE = 6_000, 128
_SMALLEST = 1e-12

Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class _Net:
    """Resemblyzer's speaker encoder: three LSTM layers, and a projection of where the last one ends."""

    layers: tuple[tuple[Floats, Floats], ...]
    projection: tuple[Floats, Floats]


def measure_spectrum(waveform: Floats) -> Floats:
    """Return the power in each mel band (num_frames, 40), a frame every 10 ms, less the noise that never ends.

    Args:
        waveform: Mono samples (samples,) at 16 kHz.

    Source:
        librosa's `melspectrogram` with Slaney's bands.
    """
    frames = sliding_window_view(np.pad(waveform, _WINDOW // 2), _WINDOW)[::_HOP]
    starts = range(0, len(frames), _FRAMES_AT_ONCE)
    power = np.concatenate([_measure_power(frames[start : start + _FRAMES_AT_ONCE]) for start in starts])
    noise = np.quantile(power, _NOISE_QUANTILE, axis=0).astype(np.float32)
    clean: Floats = np.maximum(power - np.float32(_NOISE_GAIN) * noise, np.float32(_KEPT_SHARE) * power)
    return clean


def embed_pieces(spectrum: Floats, starts: Places, lengths: Places, heard: tuple[int, ...]) -> Floats:
    """Return an embedding of length 1 of each piece, at each of several lengths (heard, num_pieces, 256).

    Args:
        spectrum: From `measure_spectrum`.
        starts: First frame of each piece.
        lengths: How many frames it has.
        heard: After how many of them to ask the net. A shorter piece is asked about at its end.
    """
    run = partial(_run, _load(), spectrum, heard=heard)
    firsts = range(0, len(starts), _PIECES_AT_ONCE)
    parts = [slice(first, first + _PIECES_AT_ONCE) for first in firsts]
    return np.concatenate([run(starts[part], lengths[part]) for part in parts], axis=1)


def normalize(vectors: Floats) -> Floats:
    """Give each vector (..., size) the length 1; none stays none."""
    scaled: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), _SMALLEST)
    return scaled.astype(np.float32)


def _run(net: _Net, spectrum: Floats, starts: Places, lengths: Places, heard: tuple[int, ...]) -> Floats:
    ends = np.minimum(np.array(heard)[:, None], lengths)
    inputs = _take_pieces(spectrum, starts, lengths, int(ends.max()))
    hidden = np.zeros((_NUM_LAYERS, len(starts), _SIZE), np.float32)
    cells = np.zeros_like(hidden)
    kept = np.zeros((len(heard), len(starts), _SIZE), np.float32)
    for step in range(inputs.shape[1]):
        told = inputs[:, step]
        for layer, (weight, bias) in enumerate(net.layers):
            gates = np.concatenate([told, hidden[layer]], axis=1) @ weight + bias
            told = hidden[layer] = _open_gates(gates, cells[layer])
        is_end = ends == step + 1
        kept[is_end] = np.broadcast_to(told, kept.shape)[is_end]
    weight, bias = net.projection
    return normalize(np.maximum(kept @ weight + bias, 0))


def _open_gates(gates: Floats, cell: Floats) -> Floats:
    """Return an LSTM layer's next output, and change its cell; the gates (num_pieces, 4 x 256) come halved.

    Half of a sigmoid's argument makes it a hyperbolic tangent, which NumPy computes several times as fast.
    """
    into, keep, new, out = np.split(np.tanh(gates, out=gates), 4, axis=1)
    cell *= 0.5 * keep + 0.5
    cell += (0.5 * into + 0.5) * new
    output: Floats = ((0.5 * out + 0.5) * np.tanh(cell)).astype(np.float32)
    return output


def _take_pieces(spectrum: Floats, starts: Places, lengths: Places, num_frames: int) -> Floats:
    """Return the frames of each piece (num_pieces, num_frames, 40), all pieces at one level."""
    offsets = np.arange(num_frames)
    pieces = spectrum[np.minimum(starts[:, None] + offsets, len(spectrum) - 1)]
    is_inside = offsets < lengths[:, None]
    level = (pieces.sum(axis=2) * is_inside).sum(axis=1) / is_inside.sum(axis=1)
    gains = (_LEVEL / np.maximum(level, _SMALLEST)).astype(np.float32)
    scaled: Floats = pieces * gains[:, None, None]
    return scaled


def _load() -> _Net:
    tensors = {name: tensor.astype(np.float32) for name, tensor in load_file(NET).items()}
    halved = np.repeat(np.array([0.5, 0.5, 1, 0.5], np.float32), _SIZE)
    names = [f"layer{layer}" for layer in range(_NUM_LAYERS)]
    layers = tuple((tensors[f"{name}.weight"] * halved, tensors[f"{name}.bias"] * halved) for name in names)
    return _Net(layers, (tensors["projection.weight"], tensors["projection.bias"]))


def _measure_power(frames: Floats) -> Floats:
    window = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
    power: Floats = (np.abs(np.fft.rfft(frames * window)) ** 2).astype(np.float32) @ _make_bands()
    return power


def _make_bands() -> Floats:
    """Return each mel band's share in each frequency (201, 40), linear up to 1 kHz and logarithmic above."""
    highest = 15 + np.log(SPEECH_SAMPLING_RATE / 2 / 1000) / _LOG_STEP
    mels = np.linspace(0, highest, _NUM_BANDS + 2)
    hertz = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp((mels - 15) * _LOG_STEP))
    low, centre, high = hertz[:-2], hertz[1:-1], hertz[2:]
    frequencies = np.linspace(0, SPEECH_SAMPLING_RATE / 2, _WINDOW // 2 + 1)[:, None]
    bands = np.minimum((frequencies - low) / (centre - low), (high - frequencies) / (high - centre))
    even: Floats = (np.maximum(bands, 0) * 2 / (high - low)).astype(np.float32)
    return even
