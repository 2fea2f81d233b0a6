"""Tests of the InfiniteTalk engine."""
