"""Speech is encoded as the original does, in pieces that do not show."""

import numpy as np
import pytest
import torch
from transformers import WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from pipeline.diffusion.audio_encoder import encode_speech, normalize_loudness
from pipeline.longcat.speech import draw_noise_floor, encode_with_wav2vec2, encode_with_whisper, soften
from pipeline.types import SPEECH_SAMPLING_RATE, Floats
from tests.golden_files import Row
from tests.golden_rule import fill, relative_error, rule
from tests.pipeline.infinitetalk.golden_models import make_audio_encoder
from tests.pipeline.longcat.golden_cases import read_rows, read_units

BOUND = 1e-4


@pytest.fixture(scope="module")
def whisper() -> WhisperEncoder:
    config = WhisperConfig(
        d_model=16,
        encoder_layers=32,
        encoder_attention_heads=4,
        encoder_ffn_dim=32,
        num_mel_bins=128,
        max_source_positions=1500,
    )
    return fill(WhisperEncoder(config), "whisper.encoder.")


def make_waveform(name: str, num_samples: int) -> Floats:
    times = np.arange(num_samples) / SPEECH_SAMPLING_RATE
    noise = rule(f"{name}/waveform", (num_samples,), 0.3).numpy()
    return normalize_loudness((noise * (0.55 + 0.45 * np.sin(2 * np.pi * 1.3 * times))).astype(np.float32))


@pytest.mark.parametrize("row", read_rows("audio"), ids=lambda row: row["name"])
def test_features_are_the_originals(row: Row, whisper: WhisperEncoder) -> None:
    name, num_samples, num_features = row["name"], row["samples"], row["features"]
    golden, waveform = read_units(), make_waveform(name, num_samples)
    if row["version"] == "1.5":
        features = encode_with_whisper(whisper, waveform, num_features)
    else:
        noise = rule(f"{name}/noise_floor", (num_samples,), 3**0.5).numpy() * np.float32(10 ** (-45 / 20))
        samples = torch.from_numpy(soften(waveform, noise))
        if (speech := golden.get(f"{name}_speech")) is not None:
            assert relative_error(samples, speech) < BOUND
        features = encode_speech(make_audio_encoder(), samples, num_features)
    assert relative_error(features, golden[name]) < BOUND


def test_silence_follows_a_voice_that_does_not_fill_its_frames(whisper: WhisperEncoder) -> None:
    waveform = make_waveform("short", SPEECH_SAMPLING_RATE)
    padded = np.pad(waveform, (0, 31 * SPEECH_SAMPLING_RATE))
    ours, golden = (encode_with_whisper(whisper, one, 32 * 25) for one in (waveform, padded))
    assert torch.equal(ours, golden)


def test_the_noise_floor_is_quiet_and_always_the_same() -> None:
    noise = draw_noise_floor(SPEECH_SAMPLING_RATE)
    assert 20 * np.log10(noise.std()) == pytest.approx(-45, abs=0.1)
    encoder, waveform = make_audio_encoder(), make_waveform("short", SPEECH_SAMPLING_RATE)
    assert torch.equal(*(encode_with_wav2vec2(encoder, waveform, 32) for _ in range(2)))
