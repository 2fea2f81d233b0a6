"""Weights: from the hub's released files to a prepared folder, without starting over when something breaks."""

from pipeline.errors import WeightsError
from pipeline.infinitetalk.manifest import is_prepared
from pipeline.weights.errors import TokenError

__all__ = ["TokenError", "WeightsError", "is_prepared"]
