"""The table of engines. Each is imported when it is first needed, so that the web app starts without torch."""

from collections.abc import Callable

from pipeline.engine import Availability, Engine, EngineSettings
from pipeline.profiles import Model, Profile


def _create_preview(settings: EngineSettings) -> Engine:
    del settings
    from pipeline.preview import PreviewEngine

    return PreviewEngine()


def _create_infinitetalk(settings: EngineSettings) -> Engine:
    from pipeline.infinitetalk.engine import InfiniteTalkEngine

    return InfiniteTalkEngine(settings)


ENGINES: dict[Model, Callable[[EngineSettings], Engine]] = {
    "preview": _create_preview,
    "infinitetalk": _create_infinitetalk,
}


def create_engine(model: Model, settings: EngineSettings) -> Engine:
    """Make the engine of that name, without loading it."""
    return ENGINES[model](settings)


def find_availability(profile: Profile, settings: EngineSettings) -> Availability:
    """Say whether the profile can run on this machine, without importing anything heavy."""
    return create_engine(profile.model, settings).availability(profile)
