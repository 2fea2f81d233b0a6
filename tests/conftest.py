"""What all tests share."""

import os

# Before torch and OpenCV are imported, here and in every process that a test starts: at the tests' sizes, threads spend
# their time waiting for one another, and the tests themselves run side by side.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENCV_FOR_THREADS_NUM"] = "1"
