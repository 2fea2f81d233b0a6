"""How a face can move: nine displacement fields over the head, solved once a photo.

Points of the mesh are told where each movement takes them; a thin-plate spline carries it smoothly to all pixels
between. The lips need two fields, as they part: `upper` holds all above the seam of the lips, `lower` all below it.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy.interpolate import RBFInterpolator

from pipeline.image.face import CHIN
from pipeline.preview import mesh
from pipeline.preview.axes import MouthAxes, Points, find_axes
from pipeline.preview.smooth import ramp
from pipeline.types import Floats, FrameSize

STEP = 4
"""Pixels between the nodes on which the fields are kept."""
MOVEMENTS = ("jaw", "close", "relax", "wide", "press", "brow", "roll", "yaw", "pitch")
MIN_GAP = 0.05
"""Inner lips that lie less than this apart, in mouth widths, are taken for shut."""
_SMOOTHING = 0.5
_BORDER = 0.3
"""From so deep in its own part of the frame, in heights of the face, a head moves freely."""
_COVERED = 0.25
"""So far into that strip, it is not blended with the photo any more: what moves less than that shows no double edge."""
_CORNER = 0.85 * float(np.exp(-0.25)) * float(ramp(0.35 / 0.8))
"""What the corners of the mouth follow of the jaw."""


@dataclass(frozen=True)
class Region:
    """A rectangle of whole pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Of an array (height, width)."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def inside(self, outer: "Region") -> tuple[slice, slice]:
        """Return the same as slices of what `outer` cuts out."""
        return (
            slice(self.top - outer.top, self.bottom - outer.top),
            slice(self.left - outer.left, self.right - outer.left),
        )


@dataclass(frozen=True)
class Mouth:
    """The mouth in the photo.

    Attributes:
        gap: Between the inner lips at the widest, in mouth widths; 0 where the mouth is shut.
        seam: Where upper and lower layer part: u, rising, and v of each of its points.
        gaps: The gap at each of the seam's points.
    """

    gap: float
    seam: tuple[Points, Points]
    gaps: Points


@dataclass(frozen=True)
class Rig:
    """The displacement fields of a head.

    Attributes:
        axes: Of the face.
        mouth: In the photo.
        head: The part of the frame that moves.
        upper: Pixels (movements, rows, columns, 2) that each movement at 1 shifts a node: all but the lower lip.
        lower: The same for the layer below the seam.
        cover: How much of each pixel of `head` (rows, columns) is the head's, 0 to 1; None where all of them are.
    """

    axes: MouthAxes
    mouth: Mouth
    head: Region
    upper: Floats
    lower: Floats
    cover: Floats | None = None


def build_rig(landmarks: Floats, size: FrameSize, depths: Floats | None = None) -> Rig:
    """Solve the fields of a face.

    Args:
        landmarks: The mesh (478, 3) in the frame's pixels.
        size: Of the frame.
        depths: How deep (height, width) each pixel lies in the face's own part of the frame, as of `share_frame`; None
            where the whole frame is the face's.
    """
    axes = find_axes(landmarks)
    mouth = _measure_mouth(landmarks, axes)
    head, fade = _fade_out(landmarks, axes, size)
    cover = None
    if depths is not None:
        share = depths[head.slices] / np.float32(_BORDER * axes.face_height)
        fade = fade * _hold_at_border(share)
        cover = ramp(share / _COVERED).astype(np.float32)
    controls = _Controls(landmarks, axes, mouth, size)
    upper, lower = (
        _interpolate(controls.points(lips), controls.displacements(lips, is_lower=is_lower), head) * fade
        for lips, is_lower in (
            (mesh.UPPER_LIP_INSIDE + mesh.UPPER_LIP_OUTSIDE, False),
            (mesh.LOWER_LIP_INSIDE + mesh.LOWER_LIP_OUTSIDE, True),
        )
    )
    return Rig(axes, mouth, head, upper, lower, cover)


def _measure_mouth(landmarks: Floats, axes: MouthAxes) -> Mouth:
    upper_u, upper_v = axes.to_mouth(landmarks[list(mesh.UPPER_LIP_INSIDE), :2])
    lower_u, lower_v = axes.to_mouth(landmarks[list(mesh.LOWER_LIP_INSIDE), :2])
    above = np.interp(lower_u, upper_u, upper_v)
    gaps = np.maximum(lower_v - above, 0)
    if gaps.max() < MIN_GAP:
        return Mouth(0.0, (lower_u, (lower_v + above) / 2), np.zeros_like(gaps))
    # An open mouth keeps its own teeth on the skull: only the lower lip parts from it.
    return Mouth(float(gaps.max()), (lower_u, lower_v), gaps)


def _fade_out(landmarks: Floats, axes: MouthAxes, size: FrameSize) -> tuple[Region, Floats]:
    """Return where the head moves, and weights (rows, columns, 1) that keep everything beyond exactly still."""
    center = _find_center(landmarks) - 0.05 * axes.face_height * axes.down
    reach = np.array([1.05, 1.35]) * axes.face_height
    span = np.abs(axes.along) * reach[0] + np.abs(axes.down) * reach[1]
    low = np.clip(np.floor((center - span) / STEP) * STEP, 0, None).astype(int)
    high = np.minimum(np.ceil((center + span) / STEP) * STEP, (size.width, size.height)).astype(int)
    head = Region(int(low[0]), int(low[1]), int(high[0]), int(high[1]))  # multiples of STEP, as all frames are
    offset = _make_nodes(head) - center
    distance = np.hypot(offset @ axes.along / reach[0], offset @ axes.down / reach[1])
    return head, ramp((1 - distance) / 0.4).astype(np.float32)[..., None]


def _hold_at_border(share: Floats) -> Floats:
    """Return weights (rows, columns, 1) of the nodes that let a head move less the nearer the border is."""
    nodes = cv2.resize(share, None, fx=1 / STEP, fy=1 / STEP, interpolation=cv2.INTER_AREA)
    return ramp(nodes).astype(np.float32)[..., None]


def _find_center(landmarks: Floats) -> Points:
    return np.asarray(landmarks[list(mesh.OVAL), :2].astype(np.float64).mean(axis=0))


def place_hair(landmarks: Floats, axes: MouthAxes) -> Points:
    """Push the upper outline of a face outwards (points, 2), where its hair is: the mesh ends at the hairline."""
    center = _find_center(landmarks)
    offset = landmarks[list(mesh.OVAL), :2].astype(np.float64) - center
    height = offset @ axes.down
    above_chin = height < 0.12 * axes.face_height
    stretch = np.where(height < -0.2 * axes.face_height, 1.45, 1.22)[:, None]
    return np.asarray((center + offset * stretch)[above_chin])


def _make_nodes(region: Region) -> Floats:
    """Return the middles of the region's cells: what `cv2.resize` takes the pixels of a shrunk picture for."""
    columns, rows = (
        np.arange(start, stop, STEP) + (STEP - 1) / 2
        for start, stop in ((region.left, region.right), (region.top, region.bottom))
    )
    return np.stack(np.meshgrid(columns, rows), axis=-1).astype(np.float32)


def _interpolate(points: Points, displacements: Points, region: Region) -> Floats:
    """Carry displacements (points, movements, 2) to the region's nodes."""
    # Two points on one pixel would make the spline's equations singular.
    _, distinct = np.unique(np.round(points), axis=0, return_index=True)
    nodes = _make_nodes(region)
    spline = RBFInterpolator(
        points[distinct],
        displacements[distinct].reshape(len(distinct), -1),
        kernel="thin_plate_spline",
        smoothing=_SMOOTHING,
    )
    field = spline(nodes.reshape(-1, 2)).reshape(*nodes.shape[:2], len(MOVEMENTS), 2)
    return np.ascontiguousarray(np.moveaxis(field, 2, 0), dtype=np.float32)


class _Controls:
    """The points that steer the spline: on the face, in the hair around it, and those that hold still."""

    def __init__(self, landmarks: Floats, axes: MouthAxes, mouth: Mouth, size: FrameSize) -> None:
        self._flat = landmarks[:, :2].astype(np.float64)
        self._depths = landmarks[:, 2].astype(np.float64)
        self._axes, self._mouth = axes, mouth
        self._center = _find_center(landmarks)
        lips = {*mesh.UPPER_LIP_INSIDE, *mesh.UPPER_LIP_OUTSIDE, *mesh.LOWER_LIP_INSIDE, *mesh.LOWER_LIP_OUTSIDE}
        lids = {point for eye in mesh.EYES for lid in eye for point in lid}
        self._shared = sorted({*mesh.OVAL, *mesh.BROWS, *mesh.SKIN, *lids} - lips)
        self._hair = place_hair(landmarks, axes)
        self._still = self._place_still(size)

    def points(self, lips: tuple[int, ...]) -> Points:
        """Return all points (n, 2) of a layer with these lips."""
        return np.concatenate([self._flat[self._face_ids(lips)], self._hair, self._still])

    def displacements(self, lips: tuple[int, ...], *, is_lower: bool) -> Points:
        """Return where each movement shifts each point, in pixels (n, movements, 2)."""
        axes, gap = self._axes, self._mouth.gap
        ids = np.array(self._face_ids(lips) + [-1] * (len(self._hair) + len(self._still)))
        points = self.points(lips)
        u, v = axes.to_mouth(points)
        on_head = np.arange(len(points)) < len(points) - len(self._still)
        is_lip = np.isin(ids, lips)
        arch = np.clip(1 - u**2, 0, 1)
        # Chin and cheeks follow the jaw less with distance from the mouth; nothing above the upper lip does.
        skin = (
            0.85 * np.exp(-((u / 2) ** 2)) * ramp((v + 0.35) / 0.8) * on_head * np.exp(-(np.maximum(v - 1.6, 0) ** 2))
        )
        reach = (1.0 if is_lower else -0.10) - _CORNER
        jaw = np.where(is_lip, _CORNER + arch**0.7 * reach, skin)
        gaps = np.interp(u, self._mouth.seam[0], self._mouth.gaps, 0, 0)
        close = np.where(is_lip, gaps * (-0.92 if is_lower else 0.22), -0.6 * gap * skin * (v > 0.15))
        fading = np.exp(-(np.maximum(np.abs(u) - 1, 0) ** 2) / 0.8) * np.exp(-((v / 0.7) ** 2)) * on_head
        wide = np.clip(u, -1, 1) * 0.5 * fading
        is_outer = np.isin(ids, (mesh.LOWER_LIP_OUTSIDE if is_lower else mesh.UPPER_LIP_OUTSIDE)[1:-1])
        press = np.where(is_outer, (-0.05 if is_lower else 0.05) * arch, 0)
        down = axes.down * axes.mouth_width
        moves = {
            "jaw": jaw[:, None] * down,
            "close": close[:, None] * down,
            "relax": self._relax(u, v, is_upper_lip=is_lip & (not is_lower), gaps=gaps)[:, None] * down,
            "wide": wide[:, None] * axes.along * 2 * axes.half_width,
            "press": press[:, None] * down,
            "brow": np.isin(ids, mesh.BROWS)[:, None] * -0.03 * axes.face_height * axes.down,
            **self._turn(ids, points, on_head),
        }
        return np.stack([moves[name] for name in MOVEMENTS], axis=1)

    def _relax(self, u: Points, v: Points, *, is_upper_lip: npt.NDArray[np.bool_], gaps: Points) -> Points:
        """Return how a smile flattens, in mouth widths: the corners sink, and the upper lip comes over the teeth."""
        seam_u, seam_v = self._mouth.seam
        rise = max(float(np.interp(0, seam_u, seam_v)) - float(seam_v[[0, -1]].mean()), 0.0)
        near = np.exp(-((np.maximum(np.abs(u) - 1, 0) / 0.6) ** 2)) * np.exp(-((v / 0.7) ** 2))
        return np.asarray(0.6 * rise * np.minimum(u**2, 1) * near + 0.3 * gaps * is_upper_lip)

    def _turn(self, ids: npt.NDArray[np.int64], points: Points, on_head: npt.NDArray[np.bool_]) -> dict[str, Points]:
        """Return a radian's shift by the head's turning: of the points' depth, as seen in parallel light."""
        axes = self._axes
        depths = np.maximum(self._depths[list(mesh.SIDES)].mean() - self._depths, 0)
        deepest = depths.max()
        depth = np.where(ids >= 0, depths[ids], 0.0)
        from_neck = points - (self._flat[CHIN] + 0.3 * axes.face_height * axes.down)
        return {
            "roll": np.stack([-from_neck[:, 1], from_neck[:, 0]], axis=1) * on_head[:, None],
            "yaw": ((depth + 0.5 * deepest) * on_head)[:, None] * axes.along,
            "pitch": ((depth + 0.35 * deepest) * on_head)[:, None] * axes.down,
        }

    def _face_ids(self, lips: tuple[int, ...]) -> list[int]:
        return self._shared + list(dict.fromkeys(lips))

    def _place_still(self, size: FrameSize) -> Points:
        """Ring the head, and line the frame's border, with points that never move."""
        axes = self._axes
        angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        ring = self._center - 0.1 * axes.face_height * axes.down + 1.35 * axes.face_height * circle
        near = ((ring > -40) & (ring < (size.width + 40, size.height + 40))).all(axis=1)
        across, upright = np.linspace(0, size.width, 9), np.linspace(0, size.height, 9)
        border = np.array(
            [(x, y) for x in across for y in (0, size.height)]
            + [(x, y) for y in upright[1:-1] for x in (0, size.width)]
        )
        far = np.linalg.norm(border - self._center, axis=1) > 0.9 * axes.face_height
        return np.concatenate([ring[near], border[far]])
