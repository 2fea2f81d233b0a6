"""Looks over an installation, or calls on a deployment: `python -m app doctor`."""
