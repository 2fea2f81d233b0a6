"""Encode speech: the output of every wav2vec2 layer for each video frame, of tracks of any length."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pyloudnorm
import torch
import torch.nn.functional as F
from transformers import Wav2Vec2Model
from transformers.models.wav2vec2.modeling_wav2vec2 import (
    Wav2Vec2Encoder,
    Wav2Vec2FeatureEncoder,
    Wav2Vec2GroupNormConvLayer,
)

from pipeline.types import SPEECH_SAMPLING_RATE, Floats

TARGET_LOUDNESS_LUFS = -23.0
# pyloudnorm answers minus infinity for silence, which must not be amplified.
QUIETEST_LOUDNESS_LUFS = -100.0
LOUDNESS_BLOCK_SECONDS = 0.4
VARIANCE_EPSILON = 1e-7
# wav2vec2's convolutions make one feature of 400 samples, 320 apart.
FEATURE_STRIDE = 320
FEATURE_SAMPLES = 400
# Five seconds: what the first convolution makes of them takes 33 MB.
FEATURES_PER_CHUNK = 50 * 5


def normalize_loudness(waveform: Floats) -> Floats:
    """Bring a mono track of 16 kHz to -23 LUFS; leave silence and tracks too short to measure alone."""
    if len(waveform) < LOUDNESS_BLOCK_SECONDS * SPEECH_SAMPLING_RATE:
        return waveform
    loudness = pyloudnorm.Meter(SPEECH_SAMPLING_RATE).integrated_loudness(waveform.astype(np.float64))
    if loudness < QUIETEST_LOUDNESS_LUFS:
        return waveform
    gain = 10 ** ((TARGET_LOUDNESS_LUFS - loudness) / 20)
    louder: Floats = (waveform * gain).astype(np.float32)
    return louder


@torch.no_grad()
def encode_speech(encoder: Wav2Vec2Model, waveform: torch.Tensor, num_frames: int) -> torch.Tensor:
    """Encode a track.

    Args:
        encoder: wav2vec2 whose layers normalise last.
        waveform: Mono samples (samples,) at 16 kHz, of at least 400 samples, on the encoder's device.
        num_frames: Video frames that the track fills.

    Returns:
        Speech features (num_frames, layers, channels).
    """
    features = conv_features(encoder.feature_extractor, _normalize_variance(waveform))
    # From 50 features a second to one a video frame, before the projection, as in the original.
    features = F.interpolate(features, size=num_frames, mode="linear", align_corners=True)
    hidden_states, _ = encoder.feature_projection(features.transpose(1, 2))
    # Ten minutes are half a gigabyte: each layer's output goes straight to its place.
    outputs: torch.Tensor = hidden_states.new_empty(num_frames, len(encoder.encoder.layers), hidden_states.shape[-1])
    for layer, output in enumerate(_layer_outputs(encoder.encoder, hidden_states)):
        outputs[:, layer] = output
    return outputs


def _normalize_variance(waveform: torch.Tensor) -> torch.Tensor:
    """Give the whole track zero mean and unit variance, as the encoder's feature extractor does."""
    variance = waveform.var(correction=0)
    return (waveform - waveform.mean()) / (variance + VARIANCE_EPSILON).sqrt()


def _layer_outputs(encoder: Wav2Vec2Encoder, hidden_states: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield the output (frames, channels) of every layer.

    The encoder called as a whole does not give them, and the model called as a whole cannot interpolate its features.
    """
    hidden_states = encoder.layer_norm(hidden_states + encoder.pos_conv_embed(hidden_states))
    for layer in encoder.layers:
        hidden_states = layer(hidden_states)
        yield hidden_states[0]


def conv_features(extractor: Wav2Vec2FeatureEncoder, waveform: torch.Tensor) -> torch.Tensor:
    """Compute wav2vec2's convolutional features in chunks.

    The first layer's GroupNorm spans the whole track, so its mean and variance are gathered in a pass of their own.

    Args:
        extractor: `Wav2Vec2FeatureEncoder` with `feat_extract_norm="group"`.
        waveform: (samples,).

    Returns:
        Features (1, channels, (samples - 400) // 320 + 1).
    """
    first, *others = extractor.conv_layers
    scale, shift = _track_normalization(first, waveform)
    features = []
    for chunk in _overlapping_chunks(waveform, FEATURE_SAMPLES, FEATURE_STRIDE, FEATURES_PER_CHUNK):
        hidden_states = first.activation(first.conv(chunk) * scale + shift)
        for layer in others:
            hidden_states = layer(hidden_states)
        features.append(hidden_states)
    return torch.cat(features, dim=-1)


def _track_normalization(
    layer: Wav2Vec2GroupNormConvLayer, waveform: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the factor and offset (channels, 1) that the layer's GroupNorm applies to the whole track."""
    (kernel,), (stride,) = layer.conv.kernel_size, layer.conv.stride
    total = squares = torch.zeros(layer.conv.out_channels, dtype=torch.float64, device=waveform.device)
    count = 0
    for chunk in _overlapping_chunks(waveform, kernel, stride, FEATURES_PER_CHUNK * FEATURE_STRIDE // stride):
        output = layer.conv(chunk)[0].double()
        total, squares, count = total + output.sum(-1), squares + output.square().sum(-1), count + output.shape[-1]
    mean = total / count
    deviation = (squares / count - mean.square() + layer.layer_norm.eps).sqrt()
    scale = layer.layer_norm.weight / deviation
    shift = layer.layer_norm.bias - mean * scale
    return scale[:, None].to(waveform), shift[:, None].to(waveform)


def _overlapping_chunks(waveform: torch.Tensor, kernel: int, stride: int, num_outputs: int) -> Iterator[torch.Tensor]:
    """Yield pieces (1, 1, samples) of the track, each with the samples of at most `num_outputs` whole kernels."""
    total = (len(waveform) - kernel) // stride + 1
    for start, stop in pairwise([*range(0, total, num_outputs), total]):
        yield waveform[None, None, start * stride : (stop - 1) * stride + kernel]
