"""What a video is likely to take and to cost here."""

from collections.abc import Callable
from dataclasses import dataclass

from app.ui import words
from app.ui.texts import Texts
from pipeline.profiles import Profile


@dataclass(frozen=True)
class Forecast:
    """What a run is likely to take.

    Attributes:
        seconds: Until it is done; None where nothing is known.
        dollars: What it costs; None where nothing is known.
    """

    seconds: float | None
    dollars: float | None


Forecaster = Callable[[Profile, float, int | None], Forecast]
"""Takes a profile, the seconds of speech and the steps in place of the profile's."""


def describe(forecast: Forecast, texts: Texts) -> str:
    """Return time and price in a few words."""
    parts = []
    if forecast.seconds is not None:
        parts.append(texts("estimate.time", time=words.remaining(texts, forecast.seconds)))
    if forecast.dollars is not None:
        parts.append(words.price(texts, forecast.dollars))
    return " · ".join(parts)
