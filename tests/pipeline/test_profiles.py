"""Every number of every profile, once more, with where it is from: a slip in one place does not pass."""

from dataclasses import astuple

import pytest

from pipeline.diffusion.audio_encoder import TARGET_LOUDNESS_LUFS
from pipeline.diffusion.clips import MOTION_FRAMES, STREAMING_CLIP_FRAMES
from pipeline.diffusion.tea_cache import COEFFICIENTS, TeaCacheConfig
from pipeline.engines import PROFILES
from pipeline.infinitetalk.profiles import get_options
from pipeline.profiles import Sampling
from pipeline.request import VideoRequest, find_option
from pipeline.sampling import choose_sampling
from pipeline.types import FRAME_RATE, SPEECH_SAMPLING_RATE

# Steps, text guidance, audio guidance, shift, resolution, mode, TeaCache, offloaded, LoRA and how much of it.
# The shifts (7 at 480p, 11 at 720p, 2 with a distilled LoRA) and the guidance (5 and 4; 1 and 2 with FusioniX) are
# those of the original (MeiGen-AI/InfiniteTalk at 0107cd9, README and generate_infinitetalk.py), as are 40 steps and
# 8 and 4 with the LoRAs, FusioniX at 1.2 of its strength; the rest is this product's requirements.
TABLE = {
    "preview": (0, 1.0, 1.0, 1.0, "480p", "streaming", False, False, None, 1.0),
    "turbo": (4, 1.0, 1.0, 2.0, "480p", "clip", False, False, "lightx2v", 1.0),
    "fast_lora": (8, 1.0, 2.0, 2.0, "480p", "clip", False, False, "fusionix", 1.2),
    "fast": (8, 5.0, 4.0, 7.0, "480p", "clip", True, False, None, 1.0),
    "low_vram": (8, 5.0, 4.0, 7.0, "480p", "clip", True, True, None, 1.0),
    "balanced": (20, 5.0, 4.0, 7.0, "480p", "streaming", True, False, None, 1.0),
    "quality": (40, 5.0, 4.0, 11.0, "720p", "streaming", False, False, None, 1.0),
}
# Steps, text guidance, audio guidance, resolution, mode, then shift, LoRA and how much of it: LongCat 1.5's, distilled
# (meituan-longcat/LongCat-Video at 6b3f4b8), at either size.
LONGCAT_TABLE = {
    "longcat": (8, 1.0, 1.0, "480p", "streaming", 7.0, "dmd", 1.0),
    "longcat_quality": (8, 1.0, 1.0, "720p", "streaming", 7.0, "dmd", 1.0),
}
# Highest power first, from the original's TeaCache.
POLYNOMIALS = {
    "480p": (2.57151496e05, -3.54229917e04, 1.40286849e03, -1.35890334e01, 1.32517977e-01),
    "720p": (8.10705460e03, 2.13393892e03, -3.72934672e02, 1.66203073e01, -4.17769401e-02),
}


def test_there_are_no_other_profiles() -> None:
    assert list(PROFILES) == [*TABLE, *LONGCAT_TABLE]


@pytest.mark.parametrize("name", TABLE)
def test_a_profile_has_its_numbers(name: str) -> None:
    one = PROFILES[name]
    assert one.model == ("preview" if name == "preview" else "infinitetalk")
    numbers = astuple(one.sampling)
    if name == "preview":
        assert (*numbers, 1.0, one.resolution, one.mode, False, False, None, 1.0) == TABLE[name]
        return
    shift, *rest = astuple(get_options(one))
    assert (*numbers, shift, one.resolution, one.mode, *rest) == TABLE[name]


@pytest.mark.parametrize("name", LONGCAT_TABLE)
def test_a_profile_of_longcat_has_its_numbers(name: str) -> None:
    one = PROFILES[name]
    assert one.model == "longcat"
    assert (*astuple(one.sampling), one.resolution, one.mode, *astuple(one.options)) == LONGCAT_TABLE[name]


def test_the_model_s_other_numbers_are_the_original_s() -> None:
    assert (FRAME_RATE, SPEECH_SAMPLING_RATE, TARGET_LOUDNESS_LUFS) == (25, 16_000, -23.0)
    assert (STREAMING_CLIP_FRAMES, MOTION_FRAMES) == (81, 9)
    assert {name: tuple(values) for name, values in COEFFICIENTS.items()} == POLYNOMIALS
    config = TeaCacheConfig(COEFFICIENTS["480p"])
    assert (config.threshold, config.num_warmup_steps) == (0.2, 5)


def test_what_a_person_sets_replaces_its_own_number_alone() -> None:
    request = VideoRequest(num_inference_steps=9, guidance_scale=2.5)
    assert choose_sampling(request, PROFILES["balanced"]) == Sampling(9, 2.5, 4.0)
    request = VideoRequest(audio_guidance_scale=3.5)
    assert choose_sampling(request, PROFILES["balanced"]) == Sampling(20, 5.0, 3.5)
    limits = [find_option(name).limits for name in ("num_inference_steps", "guidance_scale", "seed")]
    assert limits == [(1, 100), (1.0, 20.0), (0, 2_147_483_647)]
