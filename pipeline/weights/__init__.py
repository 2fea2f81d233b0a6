"""Weights: from the hub's released files to a prepared folder, without starting over when something breaks."""

from pipeline.weights.errors import TokenError, WeightsError

__all__ = ["TokenError", "WeightsError"]
