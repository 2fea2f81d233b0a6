"""Finds faces, and 478 points on each."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.nets import MODELS, read_net
from pipeline.types import MAX_FACES, Box, Face, Floats, Pixels

MIN_SCORE = 0.8
_DETECTION_SIDES = (1280, 480)
"""At the larger size small faces are seen, at the smaller one close-ups, for which the detector is blind at 1280."""
_MIN_DETECTION_SIDE = 8
_MESH_SIDE = 256
_MESH_MARGIN = 1.5
_RIGHT_EYE, _LEFT_EYE = 33, 263
_LEFT_SIDE, _RIGHT_SIDE = 234, 454
HAIRLINE, CHIN = 10, 152
UPPER_LIP, LOWER_LIP = 13, 14
FACE_POINTS = 468
"""The ten points after these are irises, which do not count for the face's extent."""


@dataclass(frozen=True)
class _Detection:
    """A row of the detector: x, y, width, height, five points (eyes, nose, corners of the mouth), score."""

    row: Floats

    @property
    def area(self) -> float:
        return float(self.row[2] * self.row[3])

    @property
    def score(self) -> float:
        return float(self.row[14])


class FaceFinder:
    """Holds the two nets. Not for several threads at once: OpenCV's nets keep state between calls."""

    @cached_property
    def _mesh(self) -> cv2.dnn.Net:
        return read_net("face_landmarks_detector.tflite")

    def find(self, pixels: Pixels) -> tuple[Face, ...]:
        """Return the faces in an RGB picture (height, width, 3), the largest first, sixteen at most."""
        return tuple(self._describe(pixels, detection) for detection in self._detect(pixels)[:MAX_FACES])

    def score(self, pixels: Pixels) -> float:
        """Return how sure the detector is of the surest face of some size, 0 where there is none."""
        return max((found.score for found in self._detect_at(pixels, min(_DETECTION_SIDES))), default=0.0)

    def track(self, pixels: Pixels, landmarks: Floats) -> Floats:
        """Find the mesh (478, 3) again in a similar picture, from where it was."""
        return self._place_mesh(pixels, *_square_around(landmarks))

    def _detect(self, pixels: Pixels) -> list[_Detection]:
        detections = [found for side in _DETECTION_SIDES for found in self._detect_at(pixels, side)]
        if not detections:
            return []
        boxes = [found.row[:4].tolist() for found in detections]
        kept = cv2.dnn.NMSBoxes(boxes, [found.score for found in detections], MIN_SCORE, 0.3)
        return sorted((detections[int(index)] for index in np.ravel(kept)), key=lambda found: -found.area)

    def _detect_at(self, pixels: Pixels, side: int) -> list[_Detection]:
        scale = min(1.0, side / max(pixels.shape[:2]))
        if min(pixels.shape[:2]) * scale < _MIN_DETECTION_SIDE:
            return []  # a strip, which cannot be made so small
        small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else pixels
        height, width = small.shape[:2]
        detector = cv2.FaceDetectorYN.create(
            str(MODELS / "face_detection_yunet_2023mar.onnx"), "", (width, height), MIN_SCORE, 0.3, 50
        )
        rows = detector.detect(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))[1]
        if rows is None:
            return []
        scales = np.r_[np.full(14, 1 / scale), 1].astype(np.float32)
        return [_Detection(row * scales) for row in rows]

    def _describe(self, pixels: Pixels, detection: _Detection) -> Face:
        x, y, width, height = (float(value) for value in detection.row[:4])
        center = np.array([x + width / 2, y + height / 2], np.float32)
        along_eyes = detection.row[6:8] - detection.row[4:6]
        rough = self._place_mesh(pixels, center, _MESH_MARGIN * max(width, height), along_eyes)
        landmarks = self._place_mesh(pixels, *_square_around(rough))
        return Face(Box(x, y, x + width, y + height), detection.score, landmarks)

    def _place_mesh(self, pixels: Pixels, center: Floats, side: float, along_eyes: Floats) -> Floats:
        """Run the mesh net on a square (side in pixels) that is turned so that the eyes lie level."""
        scale = _MESH_SIDE / side
        length = max(float(np.linalg.norm(along_eyes)), 1e-6)
        cosine, sine = along_eyes / length
        turn = scale * np.array([[cosine, sine], [-sine, cosine]], np.float32)
        to_square = np.c_[turn, _MESH_SIDE / 2 - turn @ center].astype(np.float32)
        square = _cut(pixels, to_square, scale)
        self._mesh.setInput(cv2.dnn.blobFromImage(square, 1 / 255))
        points = self._mesh.forward("Identity").reshape(-1, 3)
        back = cv2.invertAffineTransform(to_square)
        flat = points[:, :2] @ back[:, :2].T + back[:, 2]
        return np.asarray(np.c_[flat, points[:, 2] / scale], np.float32)


def measure_yaw(landmarks: Floats) -> float:
    """Return by how many degrees a face (478, 3) is turned aside, without sign."""
    across = landmarks[_RIGHT_SIDE] - landmarks[_LEFT_SIDE]
    return float(abs(np.degrees(np.arctan2(across[2], np.hypot(across[0], across[1])))))


def _cut(pixels: Pixels, to_square: npt.NDArray[np.float32], scale: float) -> Pixels:
    # warpAffine takes no area average: shrink first where it would skip pixels.
    if scale < 0.5:
        shrunk = cv2.resize(pixels, None, fx=2 * scale, fy=2 * scale, interpolation=cv2.INTER_AREA)
        pixels = np.asarray(shrunk, np.uint8)
        to_square = to_square @ np.diag([1 / (2 * scale), 1 / (2 * scale), 1]).astype(np.float32)
    side = (_MESH_SIDE, _MESH_SIDE)
    square = cv2.warpAffine(pixels, to_square, side, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(square, np.uint8)


def _square_around(landmarks: Floats) -> tuple[Floats, float, Floats]:
    points = landmarks[:FACE_POINTS, :2]
    low, high = points.min(axis=0), points.max(axis=0)
    return (
        (low + high) / 2,
        _MESH_MARGIN * float((high - low).max()),
        landmarks[_LEFT_EYE, :2] - landmarks[_RIGHT_EYE, :2],
    )
