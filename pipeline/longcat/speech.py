"""Encode speech as LongCat hears it: Whisper for version 1.5, wav2vec2 for 1.0. Tracks may be of any length."""

from collections.abc import Iterator
from typing import cast

import numpy as np
import torch
from scipy.signal import butter, lfilter
from torch.nn import functional
from transformers import Wav2Vec2Model, WhisperFeatureExtractor
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from pipeline.diffusion.audio_encoder import encode_speech
from pipeline.types import SPEECH_SAMPLING_RATE, Floats

# Whisper hears half a minute at a time, and answers with 50 states a second.
PIECE_SAMPLES = 30 * SPEECH_SAMPLING_RATE
STATES_PER_SECOND = 50
STATE_SAMPLES = SPEECH_SAMPLING_RATE // STATES_PER_SECOND
FRAME_STATES = 2
# The model was trained with means of so many layers, and with Whisper's output by itself.
LAYERS_OF_A_MEAN = 8

NOISE_FLOOR_DECIBELS = -45.0
NOISE_SEED = 0
LOW_PASS_ORDER, LOW_PASS_HERTZ = 3, 3000.0


@torch.no_grad()
def encode_with_whisper(encoder: WhisperEncoder, waveform: Floats, num_frames: int) -> torch.Tensor:
    """Encode a track piece by piece: besides the result, one piece is in memory.

    Args:
        encoder: On the device where it computes, in fp32.
        waveform: Mono samples (samples,) at 16 kHz; followed by silence where they do not fill the frames.
        num_frames: Video frames of the track, 25 a second.

    Returns:
        Features (num_frames, 5, channels): the means of four groups of layers, and Whisper's output.
    """
    num_states = FRAME_STATES * num_frames
    # At last it holds the whole track; the states, which are twice as many, are never there together.
    features = torch.empty(num_frames, count_groups(len(encoder.layers)), encoder.config.d_model, device=encoder.device)
    first, last = 0, features[:0]
    for piece in _cut(waveform, num_states):
        states = torch.cat([last, _encode_piece(encoder, piece)])[: num_states - first]
        frames = _find_frames(first, len(states), num_states, num_frames)
        features[frames] = _interpolate(states, first, num_states, frames)
        first, last = first + len(states) - 1, states[-1:]
    return features


def count_groups(num_layers: int) -> int:
    """Return how many features a frame has, of a Whisper of so many layers."""
    return num_layers // LAYERS_OF_A_MEAN + 1


def _cut(waveform: Floats, num_states: int) -> Iterator[Floats]:
    """Yield the pieces that so many states lie in; the last may be short, or empty."""
    for start in range(0, num_states * STATE_SAMPLES, PIECE_SAMPLES):
        yield waveform[start : start + PIECE_SAMPLES]


def _encode_piece(encoder: WhisperEncoder, piece: Floats) -> torch.Tensor:
    """Return the states (1500, 5, channels) of half a minute, which silence fills where the piece does not."""
    extractor = WhisperFeatureExtractor(feature_size=encoder.config.num_mel_bins)
    mel = extractor(piece, sampling_rate=SPEECH_SAMPLING_RATE, return_tensors="pt").input_features
    sums: list[torch.Tensor] = []
    output = None
    for layer, output in enumerate(_layer_states(encoder, mel.to(encoder.conv1.weight))):
        if layer % LAYERS_OF_A_MEAN == 0:
            sums.append(torch.zeros_like(output))
        sums[-1] += output
    # The last of the states, which would begin a fifth group, is the output.
    return torch.stack([*(one / LAYERS_OF_A_MEAN for one in sums[:-1]), sums[-1]], dim=1)


def _layer_states(encoder: WhisperEncoder, mel: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield what goes into each layer (1500, channels), and at last the encoder's output.

    Called as a whole, the encoder would hold all of them at once.
    """
    states = functional.gelu(encoder.conv2(functional.gelu(encoder.conv1(mel))))
    states = states.transpose(1, 2) + encoder.embed_positions.weight
    for layer in encoder.layers:
        yield states[0]
        states = layer(states, attention_mask=None)
    yield encoder.layer_norm(states)[0]


def _find_frames(first: int, num_here: int, num_states: int, num_frames: int) -> slice:
    """Return the video frames that lie between states of a track, the first of which are given by a piece before."""
    places = _find_places(num_states, slice(0, num_frames), num_frames)
    ends = torch.tensor([first, first + num_here - 1], dtype=places.dtype)
    begin, end = torch.searchsorted(places, ends).tolist()
    return slice(begin, num_frames if first + num_here == num_states else end)


def _find_places(num_states: int, frames: slice, num_frames: int) -> torch.Tensor:
    """Return where frames of a track lie, counted in states; its two ends are frames."""
    # In fp32, as torch's own interpolation places them.
    step = torch.tensor((num_states - 1) / max(num_frames - 1, 1), dtype=torch.float32)
    return torch.arange(frames.start, frames.stop, dtype=torch.float32) * step


def _interpolate(states: torch.Tensor, first: int, num_states: int, frames: slice) -> torch.Tensor:
    places = _find_places(num_states, frames, num_states // FRAME_STATES)
    before = places.long().clamp(max=num_states - 1)
    after = (before + 1).clamp(max=num_states - 1)
    share = (places - before).to(states.device)[:, None, None]
    return states[before - first] * (1 - share) + states[after - first] * share


def encode_with_wav2vec2(encoder: Wav2Vec2Model, waveform: Floats, num_features: int) -> torch.Tensor:
    """Encode a track as version 1.0 hears it.

    Args:
        encoder: wav2vec2 whose layers normalise last.
        waveform: Mono samples (samples,) at 16 kHz.
        num_features: 32 for each second.

    Returns:
        Features (num_features, layers, channels).
    """
    samples = soften(waveform, draw_noise_floor(len(waveform)))
    return encode_speech(encoder, torch.from_numpy(samples).to(encoder.device), num_features)


def draw_noise_floor(num_samples: int) -> Floats:
    """Return the noise below a track, always the same, so that a seed makes a video repeatable."""
    noise = np.random.default_rng(NOISE_SEED).standard_normal(num_samples, dtype=np.float32)
    return cast("Floats", noise * np.float32(10 ** (NOISE_FLOOR_DECIBELS / 20)))


def soften(waveform: Floats, noise: Floats) -> Floats:
    """Add a noise floor, and take away what lies above 3 kHz."""
    numerator, denominator = butter(LOW_PASS_ORDER, LOW_PASS_HERTZ, fs=SPEECH_SAMPLING_RATE)
    filtered: Floats = lfilter(numerator, denominator, waveform + noise).astype(np.float32)
    return filtered
