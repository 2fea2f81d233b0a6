"""What the encoders and the transformer are given is what was asked for: nothing is dropped or exchanged on the way."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import unpatchify
from torch import nn
from torch.utils.hooks import RemovableHandle

from pipeline.infinitetalk.conditioning import NEGATIVE_PROMPT, PROMPT
from pipeline.infinitetalk.engine import InfiniteTalkEngine
from pipeline.infinitetalk.models import Models
from pipeline.profiles import Sampling
from pipeline.scene import Scene

MakeScene = Callable[..., Scene]

ASKED = "A woman in a red coat laughs in the rain."
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
SHIFTS = {"turbo": 2.0, "fast_lora": 2.0, "fast": 7.0, "low_vram": 7.0, "balanced": 7.0, "quality": 11.0}
# The original's, word for word: MeiGen-AI/InfiniteTalk at 0107cd9, wan/multitalk.py's callers.
AVOIDED = (
    "bright tones, overexposed, static, blurred details, subtitles, style, works, paintings, images, static, overall "
    "gray, worst quality, low quality, JPEG compression residue, ugly, incomplete, extra fingers, poorly drawn hands, "
    "poorly drawn faces, deformed, disfigured, misshapen limbs, fused fingers, still picture, messy background, three "
    "legs, many people in the background, walking backwards"
)


@dataclass(frozen=True)
class Seen:
    """What was given to the parts of the model, in the order of the calls."""

    tokens: list[tuple[torch.Tensor]] = field(default_factory=list)
    texts: list[torch.Tensor] = field(default_factory=list)
    pictures: list[tuple[torch.Tensor]] = field(default_factory=list)
    frames: list[tuple[torch.Tensor]] = field(default_factory=list)
    sounds: list[tuple[torch.Tensor]] = field(default_factory=list)
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    flows: list[torch.Tensor] = field(default_factory=list)


@contextmanager
def watch(models: Models) -> Iterator[Seen]:
    """Note what the real parts take and give, without changing it."""
    seen = Seen()

    def note(part: nn.Module, taken: list[Any], given: list[Any] | None = None) -> RemovableHandle:
        def hook(_: nn.Module, args: tuple[Any, ...], out: object) -> None:
            taken.append(args)
            if given is not None:
                given.append(getattr(out, "last_hidden_state", out))

        return part.register_forward_hook(hook)

    handles = [
        note(models.text_encoder, seen.tokens, seen.texts),
        note(models.image_encoder, seen.pictures),
        note(models.vae.encoder, seen.frames),
        note(models.audio_encoder.feature_extractor.conv_layers[0].conv, seen.sounds),
        note(models.transformer, seen.calls, seen.flows),
    ]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


@pytest.fixture
def models(engine: InfiniteTalkEngine) -> Models:
    return engine._runtime.models


@pytest.fixture
def scene(make_scene: MakeScene) -> Scene:
    return replace(make_scene(1.1, "fast"), prompt=ASKED, sampling=Sampling(3, 5.0, 4.0))


@pytest.fixture
def seen(engine: InfiniteTalkEngine, models: Models, scene: Scene) -> Seen:
    with watch(models) as seen:
        list(engine.generate(scene, lambda _: None))
    return seen


def tokenize(models: Models, text: str) -> list[int]:
    return models.tokenizer(text).input_ids


def test_the_text_encoder_reads_the_prompt_and_what_is_to_be_avoided(models: Models, seen: Seen) -> None:
    assert [tokens[0].tolist() for (tokens,) in seen.tokens] == [tokenize(models, ASKED), tokenize(models, AVOIDED)]
    assert len({tuple(tokenize(models, text)) for text in (ASKED, AVOIDED, PROMPT)}) == 3


def test_without_a_prompt_it_reads_the_model_s_own(
    engine: InfiniteTalkEngine, models: Models, make_scene: MakeScene
) -> None:
    with watch(models) as seen:
        list(engine.generate(make_scene(1.1), lambda _: None))
    assert seen.tokens[0][0][0].tolist() == tokenize(models, "A person is talking to the camera.")
    assert NEGATIVE_PROMPT == AVOIDED


def test_the_image_encoder_and_the_vae_see_the_frame(models: Models, scene: Scene, seen: Seen) -> None:
    frame = torch.from_numpy(scene.source.read_frames(0, 1)[0].copy()).permute(2, 0, 1).float()
    ((picture,),) = seen.pictures
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (CLIP_MEAN, CLIP_STD))
    sides = picture.shape[-2:]
    expected = torch.nn.functional.interpolate(frame[None] / 255, sides, mode="bicubic", align_corners=False)
    torch.testing.assert_close(picture.float(), (expected - mean) / std, atol=1e-4, rtol=1e-4)
    first, *later = (unpatchify(frames, models.vae.config.patch_size)[0] for (frames,) in seen.frames)
    torch.testing.assert_close(first[:, 0].float(), frame / 127.5 - 1, atol=1e-2, rtol=1e-2)
    assert not any(frames.any() for frames in later)


@pytest.mark.parametrize("gain", [1e-2, 1.0])
def test_the_audio_encoder_hears_the_voice_at_one_loudness(
    engine: InfiniteTalkEngine, models: Models, scene: Scene, gain: float
) -> None:
    (speaker,) = scene.speakers
    quieter = replace(speaker, waveform=speaker.waveform * np.float32(gain))
    with watch(models) as seen:
        list(engine.generate(replace(scene, speakers=(quieter,)), lambda _: None))
    voice = torch.from_numpy(speaker.waveform)
    expected = (voice - voice.mean()) / voice.std(correction=0)
    # The variance's epsilon tells a voice that was brought to -23 LUFS from one that was left as quiet as it came.
    torch.testing.assert_close(seen.sounds[0][0].flatten(), expected, atol=1e-3, rtol=1e-3)


def test_each_pass_has_the_text_and_the_voice_that_it_is_named_after(models: Models, seen: Seen) -> None:
    prompt, avoided = (text[0] for text in seen.texts)
    for step in range(3):
        cond, no_text, uncond = (call[2] for call in seen.calls[3 * step : 3 * step + 3])
        for context, text in ((cond, prompt), (no_text, avoided), (uncond, avoided)):
            embeds = context.text.embeds[0]
            torch.testing.assert_close(embeds[: len(text)].float(), text.float(), atol=2e-2, rtol=2e-2)
            assert not embeds[len(text) :].any()
        assert cond.audio.embeds.any()
        assert torch.equal(cond.audio.embeds, no_text.audio.embeds)
        assert not uncond.audio.embeds.any()


@pytest.mark.parametrize("profile", ["fast", "balanced", "quality"])
@pytest.mark.parametrize("steps", [1, 4])
def test_the_steps_are_those_of_the_profile_s_shift(
    engine: InfiniteTalkEngine, models: Models, make_scene: MakeScene, profile: str, steps: int
) -> None:
    with watch(models) as seen:
        list(engine.generate(make_scene(1.1, profile, steps=steps), lambda _: None))
    even = np.linspace(1000, 1, steps) / 1000
    expected = 1000 * SHIFTS[profile] * even / (1 + (SHIFTS[profile] - 1) * even)
    assert [call[1].item() for call in seen.calls] == pytest.approx(expected.tolist(), rel=1e-5)


def test_a_step_follows_the_prompt_and_the_voice_as_strongly_as_asked(scene: Scene, seen: Seen) -> None:
    latents, later = (seen.calls[number][0][0, :16, 1:].float() for number in (0, 3))
    cond, no_text, uncond = (flow[0, :, 1:].float() for flow in seen.flows[:3])
    flow = uncond + 5.0 * (cond - no_text) + 4.0 * (no_text - uncond)
    moved = flow * (seen.calls[0][1] - seen.calls[3][1]).item() / 1000
    assert (later - (latents - moved)).norm() < 0.02 * moved.norm()
    assert scene.sampling == Sampling(3, 5.0, 4.0)


def test_the_noise_is_that_of_the_seed(models: Models, scene: Scene, seen: Seen) -> None:
    given = seen.calls[0][0][0, :16]
    noise = torch.randn((1, *given.shape), generator=torch.Generator().manual_seed(scene.seed))[0]
    torch.testing.assert_close(given[:, 1:].float(), noise[:, 1:], atol=2e-2, rtol=1e-2)
    assert given.shape[1:] == (7 + 1, *given.shape[2:])
    assert (given[:, 0].float() - noise[:, 0]).abs().mean() > 0.1
