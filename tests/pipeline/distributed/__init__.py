"""Several processes on one video."""
