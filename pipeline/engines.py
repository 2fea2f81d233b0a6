"""The table of engines: the only place that says which models there are.

It needs nothing but Python itself. An engine is imported when it is first needed, so that the web app starts without
torch and a deploy without any package. `python -m pipeline.engines` prints the README's table of profiles.
"""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.engine_spec import EngineSpec
from pipeline.errors import InputError
from pipeline.infinitetalk.spec import INFINITETALK
from pipeline.longcat.spec import LONGCAT
from pipeline.preview.spec import PREVIEW
from pipeline.profiles import Model, Profile

if TYPE_CHECKING:
    from pipeline.engine import Availability, Engine, EngineSettings
    from pipeline.weights.spec import WeightsSpec

ENGINES: tuple[EngineSpec, ...] = (PREVIEW, INFINITETALK, LONGCAT)
"""In the order in which people see them."""

PROFILES: dict[str, Profile] = {profile.name: profile for spec in ENGINES for profile in spec.profiles}
GPU_ENGINES = tuple(spec for spec in ENGINES if spec.needs_gpu)
GPU_PROFILES = tuple(profile.name for spec in GPU_ENGINES for profile in spec.profiles)
WEIGHTS = tuple(spec.name for spec in ENGINES if spec.load_weights)
"""The models whose weights have to be fetched."""

FREE_PROFILES = tuple(name for name in PROFILES if name not in GPU_PROFILES)
"""Run on any CPU; the page's button Preview starts the first of them."""


def get_engine_spec(model: Model) -> EngineSpec:
    """Return the row of the model, which a profile or a checked record names.

    Raises:
        KeyError: There is no such model.
    """
    return {spec.name: spec for spec in ENGINES}[model]


def get_profile(name: str) -> Profile:
    """Return the profile of that name.

    Raises:
        InputError: There is none.
    """
    try:
        return PROFILES[name]
    except KeyError:
        raise InputError("profile.unknown", "profile", profile=name, known=", ".join(PROFILES)) from None


def find_profile_of(model: str) -> Profile | None:
    """Return the profile of a model that is preferred most; None where there is no such model."""
    spec = {spec.name: spec for spec in ENGINES}.get(model)
    return None if spec is None else max(spec.profiles, key=lambda profile: profile.preference)


def choose_profile_name(profile: str | None, model: str | None, usual: str) -> str:
    """Return the profile that is named; where a model alone is, its own; the usual one where neither is."""
    own = find_profile_of(model) if model and profile is None else None
    return (profile or usual) if own is None else own.name


def get_weights(model: Model) -> "WeightsSpec":
    """Return what the weights of an engine are.

    Raises:
        KeyError: It has none.
    """
    load = get_engine_spec(model).load_weights
    if load is None:
        raise KeyError(model)
    return load()


def create_engine(model: Model, settings: "EngineSettings") -> "Engine":
    """Make the engine of that name, without loading it."""
    return get_engine_spec(model).create(settings)


def find_availability(profile: Profile, settings: "EngineSettings") -> "Availability":
    """Say whether the profile can run on this machine, without importing anything heavy."""
    return create_engine(profile.model, settings).availability(profile)


def describe_profiles() -> Iterator[str]:
    """Yield the lines of a table of all profiles, in Markdown."""
    yield "| profile | what | model | frame | steps | where |"
    yield "|---|---|---|---|---|---|"
    for spec in ENGINES:
        where = "GPU" if spec.needs_gpu else "any CPU"
        for profile in spec.profiles:
            steps = profile.sampling.num_inference_steps or "none"
            yield f"| `{profile.name}` | {profile.summary} | {spec.title} | {profile.resolution} | {steps} | {where} |"


if __name__ == "__main__":
    sys.stdout.write("".join(f"{line}\n" for line in describe_profiles()))
