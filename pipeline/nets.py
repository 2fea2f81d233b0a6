"""The small nets that OpenCV runs on the CPU."""

from pathlib import Path

import cv2

MODELS = Path(__file__).resolve().parents[1] / "assets" / "models"

# OpenCV 5 warns at each net that its new graph engine ignores the target, which nobody set.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)


def read_net(name: str) -> cv2.dnn.Net:
    """Load one of the models. Not for several threads at once: nets keep state between calls.

    Args:
        name: Of its file.
    """
    return cv2.dnn.readNet(str(MODELS / name))
