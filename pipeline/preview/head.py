"""Draws a head in a pose."""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.image.face import measure_yaw
from pipeline.preview import mesh
from pipeline.preview.inside import mix_palette, paint_inside
from pipeline.preview.lids import find_eyes, shut_lids
from pipeline.preview.performance import Pose
from pipeline.preview.remap import blend, make_grid, remap
from pipeline.preview.rig import MOVEMENTS, STEP, Region, build_rig
from pipeline.preview.smooth import ramp
from pipeline.preview.spectacles import wears_spectacles
from pipeline.types import Face, Floats, FrameSize, Pixels

_FIXED_POINT_STEPS = 5
_DAMPING = 0.7
_ENLARGEMENT = 2
_MIN_BLINK = 0.02


@dataclass(frozen=True)
class Picture:
    """A photo, as every head in it needs it.

    Attributes:
        photo: RGB (height, width, 3).
        enlarged: RGBA (height, width, 4), twice as large.
        grid: x and y of each pixel of the photo (height, width, 2).
    """

    photo: Pixels
    enlarged: Pixels
    grid: Floats

    @property
    def size(self) -> FrameSize:
        """Of the photo."""
        height, width = self.photo.shape[:2]
        return FrameSize(width, height)


def prepare_picture(photo: Pixels) -> Picture:
    """Enlarge an RGB photo once with a good filter, so that a quick one is enough for each frame."""
    height, width = photo.shape[:2]
    size = (_ENLARGEMENT * width, _ENLARGEMENT * height)
    rgba = cv2.cvtColor(photo, cv2.COLOR_RGB2RGBA)  # at which OpenCV is quickest
    enlarged = np.asarray(cv2.resize(rgba, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    return Picture(np.ascontiguousarray(photo), enlarged, make_grid(width, height))


@dataclass(frozen=True)
class _Layers:
    """Where the pixels around the mouth come from, in the photo (height, width, 2).

    Attributes:
        upper: By the layer above the lips' seam.
        lower: By the layer below it.
    """

    upper: Floats
    lower: Floats


class Head:
    """Holds what is measured and solved once for each face of a photo."""

    def __init__(self, picture: Picture, face: Face, depths: Floats | None) -> None:
        landmarks = face.landmarks
        self._photo, self._enlarged, self._pixels = picture.photo, picture.enlarged, picture.grid
        self._rig = build_rig(landmarks, picture.size, depths)
        self._eyes = find_eyes(self._photo, landmarks)
        self._jaw_region = self._surround_mouth(3.0, -1.0, 1.9)
        self._lip_region = self._surround_mouth(1.15, -0.25, 0.7)
        self._nodes = make_grid(self._rig.upper.shape[2], self._rig.upper.shape[1])
        self._below_seam = self._place(self._pixels)[0].astype(np.float32)
        self._jaw_window = self._fade_jaw()
        self._palette = mix_palette(self._sample(landmarks[list(mesh.CHEEKS), :2]), self._sample_teeth(landmarks))
        self._brows = 0.0 if wears_spectacles(self._photo, landmarks) else 1.0
        self._reach = _limit_by_turn(landmarks)

    def draw(self, frame: Pixels, pose: Pose) -> None:
        """Draw the head over an RGB frame (height, width, 3), which is changed."""
        cover, part = self._rig.cover, frame[self._rig.head.slices]
        behind = part if cover is None else part.copy()
        self._draw(frame, pose)
        if cover is not None:
            part[:] = blend(behind, part, cover)

    def _draw(self, frame: Pixels, pose: Pose) -> None:
        head = self._rig.head
        weights = self._weigh(pose)
        sources = self._invert(self._rig.upper, weights, head)
        layers = self._part_lips(sources, weights)
        frame[head.slices] = self._take(sources)
        if pose.blink > _MIN_BLINK:
            shut_lids(frame, sources, head, self._eyes, min(pose.blink, 1.0))
        self._open_mouth(frame, layers)

    def _weigh(self, pose: Pose) -> Floats:
        """Turn a pose into the weight of each movement."""
        gap = self._rig.mouth.gap
        opening = pose.opening * self._reach
        # A mouth that is open in the photo shows its own teeth: it parts less beyond them.
        jaw = (0.8 if gap else 1.0) * max(opening - gap, 0.0)
        weights = {
            "jaw": jaw,
            "close": float(np.clip(1 - opening / gap, 0, 1)) if gap else 0.0,
            # A smile gets rounder as it opens, or it would become a crescent.
            "relax": float(ramp(jaw / 0.15)) if gap else 0.0,
            "wide": (0.12 if pose.width > 0 else 0.26) * pose.width - (0.8 * jaw if gap else 0.0),
            "press": pose.press,
            "brow": pose.brow * self._brows,
            "roll": np.radians(pose.roll),
            "yaw": np.radians(pose.yaw),
            "pitch": np.radians(pose.pitch),
        }
        return np.array([weights[name] for name in MOVEMENTS], np.float32)

    def _invert(self, fields: Floats, weights: Floats, region: Region) -> Floats:
        """Return the pixel of the photo (height, width, 2) that shows at each pixel of a region of the head.

        The fields say where a node goes; a picture is drawn by asking where a pixel came from: b = x - u(b), solved on
        the nodes by repeating it. Behind an opened mouth the slope of u reaches 1, where plain repetition swings to
        and fro for ever: each step goes only part of the way.
        """
        shift = np.tensordot(weights / STEP, fields, axes=1)
        nodes = self._nodes[
            tuple(slice(part.start // STEP, part.stop // STEP) for part in region.inside(self._rig.head))
        ]
        back = nodes
        for _ in range(_FIXED_POINT_STEPS):
            back = back + _DAMPING * (nodes - remap(shift, back, cv2.INTER_LINEAR) - back)
        size = (region.right - region.left, region.bottom - region.top)
        enlarged = cv2.resize((back - nodes) * STEP, size, interpolation=cv2.INTER_LINEAR)
        return np.asarray(cv2.add(enlarged, self._pixels[region.slices]))

    def _part_lips(self, sources: Floats, weights: Floats) -> _Layers:
        """Let the lower layer take over below the seam; `sources` is changed."""
        around = sources[self._jaw_region.inside(self._rig.head)]
        lower = self._invert(self._rig.lower, weights, self._jaw_region)
        inner = self._lip_region.inside(self._jaw_region)
        layers = _Layers(around[inner].copy(), lower[inner])
        share = self._jaw_window * (remap(self._below_seam, lower, cv2.INTER_LINEAR) > 0)
        around[:] = blend(around, lower, share)
        return layers

    def _open_mouth(self, frame: Pixels, layers: _Layers) -> None:
        """Lay upper lip, the mouth's inside and lower lip over one another; `frame` is changed."""
        mouth_width = self._rig.axes.mouth_width
        below_upper, along_upper = self._place(layers.upper)
        below_lower, along_lower = self._place(layers.lower)
        hole = np.clip(below_upper * mouth_width + 0.5, 0, 1) * ramp((1 - np.abs(along_upper)) / 0.15)
        picture = self._take(layers.upper).astype(np.float32)
        inside = paint_inside(along_upper, below_upper, -below_lower, self._rig.mouth, self._palette)
        picture = blend(picture, inside, hole)
        is_lower = np.clip(0.5 + below_lower * mouth_width, 0, 1)
        picture = blend(picture, self._take(layers.lower).astype(np.float32), is_lower)
        # The rest of the face comes from the blended layers: fade into it around the lips.
        near = ramp((1.12 - np.abs(along_lower)) / 0.1) * ramp((0.3 - below_lower) / 0.15)
        part = frame[self._lip_region.slices]
        part[:] = np.clip(blend(part.astype(np.float32), picture, near) + 0.5, 0, 255)

    def _place(self, sources: Floats) -> tuple[Floats, Floats]:
        """Return how far below the lips' seam, in mouth widths, and where along it pixels of the photo lie."""
        u, v = self._rig.axes.to_mouth(sources)
        return v - np.interp(u, *self._rig.mouth.seam).astype(np.float32), u

    def _take(self, sources: Floats) -> Pixels:
        """Return the photo's colours there: as sharp as with a cubic filter, in a sixth of the time."""
        places = np.asarray(cv2.addWeighted(sources, _ENLARGEMENT, sources, 0.0, (_ENLARGEMENT - 1) / 2))
        return np.asarray(cv2.cvtColor(remap(self._enlarged, places, cv2.INTER_LINEAR), cv2.COLOR_RGBA2RGB), np.uint8)

    def _surround_mouth(self, beside: float, above: float, below: float) -> Region:
        """Return the rectangle around the mouth, reaching u to both sides and v from `above` to `below`."""
        axes, head = self._rig.axes, self._rig.head
        corners = [
            axes.origin + side * beside * max(axes.left_width, axes.right_width) * axes.along
            + height * axes.mouth_width * axes.down
            for side in (-1, 1)
            for height in (above, below)
        ]  # fmt: skip
        least, most = (head.left, head.top), (head.right, head.bottom)
        low = np.clip(np.min(corners, axis=0) // STEP * STEP, least, most).astype(int)
        high = np.clip(np.max(corners, axis=0) // STEP * STEP + STEP, least, most).astype(int)
        return Region(int(low[0]), int(low[1]), int(high[0]), int(high[1]))

    def _fade_jaw(self) -> Floats:
        """Return how far the jaw's layer counts (height, width) around the mouth."""
        u, v = self._rig.axes.to_mouth(self._pixels[self._jaw_region.slices])
        distance = np.maximum(np.abs(u) / 3, np.maximum(-v, v / 1.9))
        return ramp((1 - distance) / 0.25).astype(np.float32)

    def _sample_teeth(self, landmarks: Floats) -> Pixels:
        """Return the colours midway between the inner lips."""
        upper, lower = (
            landmarks[list(mesh.UPPER_LIP_INSIDE[2:-2]), :2],
            landmarks[list(mesh.LOWER_LIP_INSIDE[2:-2]), :2],
        )
        return self._sample((upper + lower) / np.float32(2))

    def _sample(self, points: Floats) -> Pixels:
        return np.asarray(remap(self._photo, points[None], cv2.INTER_LINEAR)[0], np.uint8)


def _limit_by_turn(landmarks: Floats) -> float:
    """Return how far the mouth of a turned head may open, 0.5 to 1: a lip that is seen edge-on would tear."""
    return 1 - 0.5 * float(ramp((measure_yaw(landmarks) - 15) / 25))
