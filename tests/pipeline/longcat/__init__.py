"""Tests of the LongCat engine."""
