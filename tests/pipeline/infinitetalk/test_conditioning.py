"""Encoders: what the golden cases do not cover."""

import numpy as np
import pytest
import torch
from transformers import Wav2Vec2Model

from pipeline.diffusion import audio_encoder
from pipeline.diffusion.audio_encoder import conv_features, encode_speech, normalize_loudness
from pipeline.diffusion.image_encoder import encode_image
from pipeline.diffusion.speech_windows import clip_windows
from pipeline.diffusion.text_encoder import NUM_TEXT_TOKENS, clean_prompt, encode_prompt
from pipeline.infinitetalk.engine import InfiniteTalkEngine
from tests.pipeline.infinitetalk.golden_models import make_audio_encoder


@pytest.fixture(scope="module")
def encoder() -> Wav2Vec2Model:
    return make_audio_encoder()


@pytest.mark.parametrize("num_samples", [400, 719, 720, 5_000, 100_003])
@torch.no_grad()
def test_features_in_chunks_equal_those_of_the_whole_track(
    encoder: Wav2Vec2Model, num_samples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audio_encoder, "FEATURES_PER_CHUNK", 37)
    waveform = torch.randn(num_samples, generator=torch.Generator().manual_seed(0))
    whole = encoder.feature_extractor(waveform[None])
    chunked = conv_features(encoder.feature_extractor, waveform)
    assert torch.linalg.vector_norm(chunked - whole) < 2e-6 * torch.linalg.vector_norm(whole)


@pytest.mark.parametrize(("num_samples", "num_frames"), [(16_000, 25), (36_480, 57), (36_480, 56), (960_000, 1_500)])
def test_speech_has_features_for_every_frame(encoder: Wav2Vec2Model, num_samples: int, num_frames: int) -> None:
    waveform = torch.randn(num_samples, generator=torch.Generator().manual_seed(0))
    assert encode_speech(encoder, waveform, num_frames).shape == (num_frames, 3, 32)


@pytest.mark.parametrize("num_samples", [3_200, 16_000])
def test_silence_is_not_amplified(num_samples: int) -> None:
    silence = np.zeros(num_samples, np.float32)
    assert np.array_equal(normalize_loudness(silence), silence)


def test_a_quiet_voice_is_brought_to_the_common_loudness() -> None:
    voice = np.random.default_rng(0).standard_normal(48_000).astype(np.float32)
    assert np.allclose(normalize_loudness(0.01 * voice), normalize_loudness(0.3 * voice), rtol=1e-4, atol=1e-6)


def test_windows_of_people_who_speak_for_different_times_have_one_length() -> None:
    tracks = torch.arange(30.0).view(30, 1, 1), torch.arange(5.0).view(5, 1, 1)
    windows = clip_windows(tracks, 0, 29)
    assert windows.shape == (1, 2, 29, 5, 1, 1)
    assert windows[0, 0, 0, :, 0, 0].tolist() == [0, 0, 0, 1, 2]
    assert windows[0, 0, 28, :, 0, 0].tolist() == [26, 27, 28, 29, 29]
    assert windows[0, 1, :8, 2, 0, 0].tolist() == [0, 1, 2, 3, 4, 4, 3, 2]


@pytest.mark.parametrize(
    ("prompt", "cleaned"), [("  a \n\t man  ", "a man"), ("R&amp;amp;B", "R&B"), ("caf\u00c3\u00a9", "caf\u00e9")]
)
def test_prompts_are_cleaned(prompt: str, cleaned: str) -> None:
    assert clean_prompt(prompt) == cleaned


def test_prompts_are_padded_with_zeros(engine: InfiniteTalkEngine) -> None:
    models = engine._runtime.models
    short, long = (
        encode_prompt(models.text_encoder, models.tokenizer, text, models.device) for text in ("a man", "a man " * 900)
    )
    assert short.shape == long.shape == (1, NUM_TEXT_TOKENS, 32)
    assert not short[0, 10:].any()
    assert long[0, -1].any()


def test_photo_is_stretched_to_the_encoders_square(engine: InfiniteTalkEngine) -> None:
    embeds = encode_image(engine._runtime.models.image_encoder, torch.rand(1, 3, 1, 64, 96) * 2 - 1)
    assert embeds.shape == (1, 5, 80)
