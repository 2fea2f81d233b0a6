"""Tests of keys, limits and sums."""
