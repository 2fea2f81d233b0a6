"""Voices in."""
