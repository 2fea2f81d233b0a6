"""What was asked for, checked, and laid over the profile's numbers."""

import secrets
from dataclasses import replace
from typing import cast

from pipeline.engines import get_profile
from pipeline.errors import InputError
from pipeline.notices import Field
from pipeline.profiles import Profile, Sampling
from pipeline.request import VideoRequest, find_option, list_fields


def find_profile(request: VideoRequest) -> Profile:
    """Return the profile that was asked for.

    Raises:
        InputError: There is none, or it is not one of the model's that was named.
    """
    profile = get_profile(request.profile)
    if request.model not in {None, profile.model}:
        asked = str(request.model)[:40]
        raise InputError("request.model_mismatch", "model", profile=profile.name, model=profile.model, asked=asked)
    return profile


def check_options(request: VideoRequest) -> None:
    """Refuse values outside their range.

    Raises:
        InputError: A number is out of its range, or the prompt is too long.
    """
    for field in list_fields(VideoRequest):
        value, option = getattr(request, field.name), field.option
        if value is None or option.minimum is None or option.maximum is None:
            continue
        lowest, highest = option.limits
        if not lowest <= value <= highest:
            about = cast("Field", field.name)
            raise InputError("request.out_of_range", about, field=about, value=value, lowest=lowest, highest=highest)
    limit = find_option("prompt").max_length
    if limit is not None and len(request.prompt) > limit:
        raise InputError("request.prompt_too_long", "prompt", length=len(request.prompt), limit=limit)


def choose_sampling(request: VideoRequest, profile: Profile) -> Sampling:
    """Lay what the person set over the profile's numbers; a profile that denoises nothing keeps its own."""
    own = profile.sampling
    if own.num_inference_steps == 0:
        return own
    asked = {name: getattr(request, name) for name in vars(own)}
    return replace(own, **{name: value for name, value in asked.items() if value is not None})


def choose_seed(seed: int | None) -> int:
    """Return the seed that was asked for, or draw one."""
    _, highest = find_option("seed").limits
    return secrets.randbelow(int(highest) + 1) if seed is None else seed
