"""Tests of the processes that open the files of strangers."""
