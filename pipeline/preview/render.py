"""Draws the photo in a pose."""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.preview import mesh
from pipeline.preview.inside import measure_light, paint_inside
from pipeline.preview.lids import find_eyes, shut_lids
from pipeline.preview.mark import make_mark
from pipeline.preview.performance import Pose
from pipeline.preview.rig import MOVEMENTS, STEP, Region, Rig, build_rig
from pipeline.preview.smooth import ramp
from pipeline.types import Floats, FrameSize, Pixels, Portrait

_FIXED_POINT_STEPS = 5
_MIN_BLINK = 0.02
_EDGE = cv2.BORDER_REPLICATE


@dataclass(frozen=True)
class _Layers:
    """Where the pixels of the mouth's surroundings come from.

    Attributes:
        upper: Pixels of the photo (height, width, 2) by the layer above the lips' seam.
        lower: The same by the layer below it.
        upper_seam: Mouth widths below the seam, and u, at `upper`.
        lower_seam: The same at `lower`.
    """

    upper: Floats
    lower: Floats
    upper_seam: Floats
    lower_seam: Floats


class Renderer:
    """Holds what is measured and solved once a photo."""

    def __init__(self, portrait: Portrait) -> None:
        height, width = portrait.frame.shape[:2]
        size = FrameSize(width, height)
        landmarks = portrait.face.landmarks
        self._photo = np.ascontiguousarray(portrait.frame)
        self._rig = build_rig(landmarks, size)
        self._eyes = find_eyes(landmarks)
        self._mark = make_mark(size)
        self._jaw_region = self._surround_mouth(3.0, -1.0, 1.9)
        self._lip_region = self._surround_mouth(1.25, -0.3, 0.8)
        self._seam_map, self._jaw_window = self._map_mouth(size)
        self._light = measure_light(self._sample_cheeks(landmarks))
        self._reach = _limit_by_turn(landmarks)

    def render(self, pose: Pose) -> Pixels:
        """Return an RGB frame (height, width, 3)."""
        head = self._rig.head
        weights = self._weigh(pose)
        sources = self._invert(self._rig.upper, weights, head)
        layers = self._part_lips(sources, weights)
        if pose.blink > _MIN_BLINK:
            shut_lids(sources, head, self._eyes, min(pose.blink, 1.0))
        frame = self._photo.copy()
        frame[head.slices] = self._take(sources)
        self._open_mouth(frame, layers)
        self._mark.draw(frame)
        return frame

    def _weigh(self, pose: Pose) -> Floats:
        """Turn a pose into the weight of each movement."""
        gap = self._rig.mouth.gap
        opening = pose.opening * self._reach
        jaw = max(opening - gap, 0.0)
        weights = {
            "jaw": jaw,
            "close": float(np.clip(1 - opening / gap, 0, 1)) if gap else 0.0,
            # A smile gets narrower as it opens, or it would become a crescent.
            "wide": (0.12 if pose.width > 0 else 0.26) * pose.width - (0.6 * jaw if gap else 0.0),
            "press": pose.press,
            "brow": pose.brow,
            "roll": np.radians(pose.roll),
            "yaw": np.radians(pose.yaw),
            "pitch": np.radians(pose.pitch),
        }
        return np.array([weights[name] for name in MOVEMENTS], np.float32)

    def _invert(self, fields: Floats, weights: Floats, region: Region) -> Floats:
        """Return the pixel of the photo (height, width, 2) that shows at each pixel of a region of the head.

        The fields say where a node goes; a picture is drawn by asking where a pixel came from: b = x - u(b), solved by
        repeating it on the nodes, where it converges as the fields are smooth.
        """
        head = self._rig.head
        shift = np.tensordot(weights, fields, axes=1)
        rows, columns = shift.shape[:2]
        nodes = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).astype(np.float32)
        shift /= STEP
        back = nodes - shift
        for _ in range(_FIXED_POINT_STEPS):
            back = nodes - cv2.remap(shift, back, None, cv2.INTER_LINEAR, borderMode=_EDGE)
        back = back * STEP + np.array([head.left, head.top], np.float32)
        enlarge = np.array(
            [[1 / STEP, 0, (region.left - head.left) / STEP], [0, 1 / STEP, (region.top - head.top) / STEP]], np.float32
        )
        size = (region.right - region.left, region.bottom - region.top)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpAffine(back, enlarge, size, flags=flags, borderMode=_EDGE))

    def _part_lips(self, sources: Floats, weights: Floats) -> _Layers:
        """Let the lower layer take over below the seam; `sources` is changed."""
        area = self._jaw_region
        around = sources[area.inside(self._rig.head)]
        lower = self._invert(self._rig.lower, weights, area)
        layers = _Layers(around.copy(), lower, self._look_up(around), self._look_up(lower))
        window = self._jaw_window
        around[:] = np.where(
            layers.lower_seam[..., :1] > 0, layers.upper + (lower - layers.upper) * window, layers.upper
        )
        return layers

    def _open_mouth(self, frame: Pixels, layers: _Layers) -> None:
        """Lay upper lip, the mouth's inside and lower lip over one another; `frame` is changed."""
        inner = self._lip_region.inside(self._jaw_region)
        mouth_width = self._rig.axes.mouth_width
        below_upper, u = layers.upper_seam[inner][..., 0], layers.upper_seam[inner][..., 1]
        above_lower = -layers.lower_seam[inner][..., 0]
        hole = np.clip(below_upper * mouth_width + 0.5, 0, 1) * ramp((1 - np.abs(u)) / 0.15)
        picture = self._take(layers.upper[inner]).astype(np.float32)
        inside = paint_inside(u, below_upper, above_lower, self._rig.mouth, self._light)
        picture += (inside - picture) * hole[..., None]
        is_lower = np.clip(0.5 - above_lower * mouth_width, 0, 1)
        picture += (self._take(layers.lower[inner]) - picture) * is_lower[..., None]
        # The rest of the face comes from the blended layers: fade into it around the lips.
        near = ramp((1.15 - np.abs(layers.lower_seam[inner][..., 1])) / 0.12) * ramp(
            (0.75 - np.abs(above_lower)) / 0.15
        )
        part = frame[self._lip_region.slices]
        part[:] = np.clip(part + (picture - part) * near[..., None] + 0.5, 0, 255)

    def _take(self, sources: Floats) -> Pixels:
        return np.asarray(cv2.remap(self._photo, sources, None, cv2.INTER_CUBIC, borderMode=_EDGE))

    def _look_up(self, sources: Floats) -> Floats:
        return np.asarray(cv2.remap(self._seam_map, sources, None, cv2.INTER_LINEAR, borderMode=_EDGE))

    def _surround_mouth(self, beside: float, above: float, below: float) -> Region:
        """Return the rectangle around the mouth, reaching u to both sides and v from `above` to `below`."""
        axes, head = self._rig.axes, self._rig.head
        corners = [
            axes.origin + side * beside * max(axes.left_width, axes.right_width) * axes.along
            + height * axes.mouth_width * axes.down
            for side in (-1, 1)
            for height in (above, below)
        ]  # fmt: skip
        low = np.clip(np.min(corners, axis=0), (head.left, head.top), (head.right, head.bottom)).astype(int)
        high = np.clip(np.max(corners, axis=0), (head.left, head.top), (head.right, head.bottom)).astype(int)
        return Region(int(low[0]), int(low[1]), int(high[0]), int(high[1]))

    def _map_mouth(self, size: FrameSize) -> tuple[Floats, Floats]:
        """Return, for each pixel of the photo, mouth widths below the seam and u; and how far the jaw's layer counts."""
        pixels = np.stack(np.meshgrid(np.arange(size.width), np.arange(size.height)), axis=-1).astype(np.float32)
        u, v = self._rig.axes.to_mouth(pixels)
        seam = np.stack([v - np.interp(u, *self._rig.mouth.seam), u], axis=-1).astype(np.float32)
        distance = np.maximum(np.abs(u) / 3, np.maximum(-v, v / 1.9))[self._jaw_region.slices]
        return seam, ramp((1 - distance) / 0.25).astype(np.float32)[..., None]

    def _sample_cheeks(self, landmarks: Floats) -> Pixels:
        height, width = self._photo.shape[:2]
        spots = np.clip(landmarks[list(mesh.CHEEKS), :2], 0, (width - 1, height - 1)).astype(int)
        return self._photo[spots[:, 1], spots[:, 0]]


def _limit_by_turn(landmarks: Floats) -> float:
    """Return how far the mouth of a turned head may open, 0.5 to 1: a lip that is seen edge-on would tear."""
    across = landmarks[mesh.RIGHT_CHEEK_EDGE] - landmarks[mesh.LEFT_CHEEK_EDGE]
    yaw = float(abs(np.degrees(np.arctan2(across[2], np.hypot(across[0], across[1])))))
    return 1 - 0.5 * float(ramp((yaw - 15) / 25))
