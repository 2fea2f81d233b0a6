"""Weights of any engine: from the hub's released files to a prepared folder, and from there to the device.

An engine hands in what is its own: a `WeightsSpec`, and through it the layout of its checkpoint.
"""

from pipeline.weights.manifest import is_prepared

__all__ = ["is_prepared"]
