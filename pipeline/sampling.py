"""What a person may set of the sampler, checked."""

import secrets

from pipeline.errors import InputError
from pipeline.notices import Field
from pipeline.profiles import Profile
from pipeline.types import GenerationRequest, Sampling

STEPS_RANGE = (1, 100)
GUIDANCE_RANGE = (1.0, 20.0)
SEED_RANGE = (0, 2**31 - 1)
MAX_PROMPT_CHARACTERS = 2_000


def choose_sampling(request: GenerationRequest, profile: Profile) -> Sampling:
    """Lay what the person set over the profile's numbers; a profile that denoises nothing keeps its own.

    Raises:
        InputError: A number is out of its range.
    """
    asked = Sampling(
        int(_choose("num_inference_steps", request.num_inference_steps, profile.num_inference_steps, STEPS_RANGE)),
        _choose("guidance_scale", request.guidance_scale, profile.guidance_scale, GUIDANCE_RANGE),
        _choose("audio_guidance_scale", request.audio_guidance_scale, profile.audio_guidance_scale, GUIDANCE_RANGE),
    )
    if profile.num_inference_steps == 0:
        return Sampling(0, profile.guidance_scale, profile.audio_guidance_scale)
    return asked


def choose_seed(seed: int | None) -> int:
    """Return the seed that was asked for, or draw one.

    Raises:
        InputError: It is out of range.
    """
    if seed is None:
        return secrets.randbelow(SEED_RANGE[1] + 1)
    _check_range("seed", seed, SEED_RANGE)
    return seed


def check_prompt(prompt: str) -> str:
    """Return the prompt without space around it.

    Raises:
        InputError: It is too long.
    """
    if len(prompt) > MAX_PROMPT_CHARACTERS:
        raise InputError("request.prompt_too_long", "prompt", length=len(prompt), limit=MAX_PROMPT_CHARACTERS)
    return prompt.strip()


def _choose(about: Field, asked: float | None, default: float, allowed: tuple[float, float]) -> float:
    if asked is None:
        return default
    _check_range(about, asked, allowed)
    return asked


def _check_range(about: Field, value: float, allowed: tuple[float, float]) -> None:
    lowest, highest = allowed
    if not lowest <= value <= highest:
        raise InputError("request.out_of_range", about, field=about, value=value, lowest=lowest, highest=highest)
