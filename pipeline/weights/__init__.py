"""Weights: from the hub's released files to a prepared folder, without starting over when something breaks."""

from pipeline.weights.errors import TokenError, WeightsError
from pipeline.weights.prepared import is_prepared

__all__ = ["TokenError", "WeightsError", "is_prepared"]
