"""What all tests share."""

import os

# Before torch is imported, here and in every process that a test starts: at the sizes of the tests' models, threads
# spend their time waiting for one another, and the tests themselves run side by side.
os.environ["OMP_NUM_THREADS"] = "1"
