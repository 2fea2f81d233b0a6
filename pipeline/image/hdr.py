"""From numbers of other primaries and transfers to sRGB, with light brighter than white rolled off (HDR).

Source: ITU-R BT.2100 (PQ, HLG), BT.2408 (203 cd/m2 is a white paper), BT.2390 (the roll-off), IEC 61966-2-1 (sRGB).
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from pipeline.image.color_codes import (
    BT2020_PRIMARIES,
    DCI_P3_PRIMARIES,
    HLG,
    P3_PRIMARIES,
    PQ,
    ColorCode,
)
from pipeline.types import Floats, Pixels

WHITE, BRIGHTEST = 203.0, 1000.0
"""In cd/m2. What is brighter than the second becomes white; screens and pictures brighter than that are rare."""
_TO_SRGB: dict[int, list[list[float]]] = {
    BT2020_PRIMARIES: [
        [1.660491, -0.587641, -0.072850],
        [-0.124550, 1.132900, -0.008349],
        [-0.018151, -0.100579, 1.118730],
    ],
    P3_PRIMARIES: [[1.224940, -0.224940, 0.0], [-0.042057, 1.042057, 0.0], [-0.019638, -0.078636, 1.098274]],
}
_TO_SRGB[DCI_P3_PRIMARIES] = _TO_SRGB[P3_PRIMARIES]
_LUMA = np.array([0.2627, 0.6780, 0.0593], np.float32)
_M1, _M2, _C1, _C2, _C3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
_HLG_A, _HLG_B, _HLG_C, _HLG_GAMMA = 0.17883277, 0.28466892, 0.55991073, 1.2
_ROWS = 64
"""So many are computed at a time, in fp32."""

Codes = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]


def needs_conversion(code: ColorCode | None) -> bool:
    """Say whether numbers of this meaning are others in sRGB."""
    return code is not None and (code.is_hdr or code.primaries in _TO_SRGB)


def to_srgb(codes: Codes, code: ColorCode, peak: int) -> Pixels:
    """Return a picture as sRGB shows it.

    Args:
        codes: RGB (height, width, 3), over the whole range of its type.
        code: What the numbers mean.
        peak: The largest number in the picture that this may be a part of.
    """
    most = int(np.iinfo(codes.dtype).max)
    table = _decode(np.linspace(0, 1, most + 1), code.transfer).astype(np.float32)
    # HLG's brightness is that of the whole scene; a single number says less.
    brightest = min(float(table[peak]), BRIGHTEST) if code.transfer == PQ else BRIGHTEST
    to_srgb = np.array(_TO_SRGB.get(code.primaries, np.eye(3)), np.float32)
    result = np.empty(codes.shape, np.uint8)
    for top in range(0, len(codes), _ROWS):
        light = table[codes[top : top + _ROWS]]
        if code.transfer == HLG:
            light *= BRIGHTEST * (light @ _LUMA)[..., None] ** (_HLG_GAMMA - 1)
        if code.is_hdr:
            light = _roll_off(light, max(brightest, WHITE)) / WHITE
        result[top : top + _ROWS] = _encode(light @ to_srgb.T)
    return result


def _decode(values: npt.NDArray[np.float64], transfer: int) -> npt.NDArray[np.float64]:
    """Return the light of numbers from 0 to 1: in cd/m2 of PQ, of HLG the scene's, else up to 1."""
    if transfer == PQ:
        return _from_pq(values)
    if transfer == HLG:
        return np.where(values <= 0.5, values**2 / 3, (np.exp((values - _HLG_C) / _HLG_A) + _HLG_B) / 12)
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _from_pq(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    powered = np.maximum(values, 0) ** (1 / _M2)
    return 10_000 * (np.maximum(powered - _C1, 0) / (_C2 - _C3 * powered)) ** (1 / _M1)


def _to_pq(light: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    powered = (np.maximum(light, 0) / 10_000) ** _M1
    return ((_C1 + _C2 * powered) / (1 + _C3 * powered)) ** _M2


def _roll_off(light: Floats, brightest: float) -> Floats:
    """Bring light (..., 3) of up to `brightest` below white; what is dark stays, and so do hues."""
    strongest = light.max(axis=-1, keepdims=True)
    scale = np.interp(strongest, *_tabulate_roll_off(brightest)).astype(np.float32)
    return np.asarray(light * scale, np.float32)


@cache
def _tabulate_roll_off(brightest: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return light, and by what it is multiplied."""
    light = _from_pq(np.linspace(0.01, 1, 4096))
    whole = _to_pq(np.array(brightest))
    most = float(_to_pq(np.array(WHITE)) / whole)
    knee = 1.5 * most - 0.5
    shares = np.minimum(_to_pq(light) / whole, 1)
    way = (shares - knee) / max(1 - knee, 1e-9)
    spline = (
        (2 * way**3 - 3 * way**2 + 1) * knee
        + (way**3 - 2 * way**2 + way) * (1 - knee)
        + (-2 * way**3 + 3 * way**2) * most
    )
    rolled = _from_pq(np.where(shares < knee, shares, spline) * whole)
    return light, rolled / light


def _encode(light: Floats) -> Pixels:
    return _tabulate_encoding()[(light.clip(0, 1) * 65_535 + 0.5).astype(np.uint16)]


@cache
def _tabulate_encoding() -> Pixels:
    light = np.linspace(0, 1, 65_536)
    values = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(255 * values + 0.5, np.uint8)
