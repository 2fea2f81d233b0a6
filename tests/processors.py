"""Processors whose results are known to the bit."""

import numpy as np
import pytest

known_processor = pytest.mark.skipif(
    "X86_V4" not in np.show_config(mode="dicts")["SIMD Extensions"]["found"],
    reason="OpenCV and OpenBLAS round otherwise without AVX-512, with which the hashes were made",
)
"""For tests that compare hashes of what is drawn: there they have to be the same, elsewhere they cannot be."""
