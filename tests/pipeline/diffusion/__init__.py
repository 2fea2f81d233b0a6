"""Tests of what diffusion engines share."""
