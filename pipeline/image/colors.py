"""From a picture's own colours to sRGB without transparency: one way for all kinds, so that none is left out."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from pipeline.image.color_codes import ColorCode
from pipeline.image.hdr import needs_conversion, to_srgb

BACKDROP = (200, 200, 200)
"""Behind transparent parts: a light grey that suits fair and dark hair alike."""
_PROBES: dict[str, Any] = {
    "L": (0, 128, 255),
    "RGB": ((0, 0, 0), (128, 128, 128), (255, 255, 255), (200, 60, 40), (40, 180, 70), (50, 60, 200)),
    "CMYK": ((255, 255, 255, 255), (0, 0, 0, 128), (0, 0, 0, 0)),
}
"""What is black, grey and white, as a picture of each mode has it, and some colours."""
_LIKELY = ((0, 90), (20, 235), (180, 255))
"""What they can become by a profile that is none of a joke or an accident."""
_SAME = 1
"""So many levels apart, a profile is a way of writing sRGB."""

Converter = Callable[[Image.Image], Image.Image]


def make_converter(image: Image.Image, code: ColorCode | None) -> Converter:
    """Return what makes sRGB of the picture's parts, each of which is of its mode.

    Args:
        image: The picture; its pixels are not looked at, unless it has light brighter than white.
        code: What its numbers mean, where its file says so.
    """
    if code is not None and needs_conversion(code) and (code.is_hdr or not image.info.get("icc_profile")):
        to_own = _by_code(code, _find_peak(image))
    else:
        to_own = _by_profile(image.info.get("icc_profile"), _find_color_mode(image))

    def convert(part: Image.Image) -> Image.Image:
        color, alpha = _split(part)
        converted = to_own(color)
        return converted if alpha is None else flatten(converted, alpha)

    return convert


def flatten(color: Image.Image, alpha: Image.Image) -> Image.Image:
    """Lay a picture over the backdrop."""
    flat = Image.new("RGB", color.size, BACKDROP)
    flat.paste(color, mask=alpha)
    return flat


def _find_peak(image: Image.Image) -> int:
    """Return the largest number in the colours of a picture of 8 bits."""
    image.load()
    colors: Any = _split(image)[0].convert("RGB").getextrema()
    return max(int(most) for _, most in colors)


def _find_color_mode(image: Image.Image) -> str:
    """Return the mode that the picture's colours have where they meet its profile."""
    if image.mode.startswith(("I", "F", "L", "1")) and image.mode != "LAB":
        return "L"
    return "CMYK" if image.mode == "CMYK" else "RGB"


def _split(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Return the colours in grey, RGB or CMYK, and the transparency where there is any."""
    mode = _find_color_mode(image)
    if image.mode.startswith(("I", "F")):
        return _to_8_bits(image), None
    if image.has_transparency_data:
        whole = image.convert("LA" if mode == "L" else "RGBA")
        alpha = whole.getchannel("A")
        return whole.convert(mode), alpha
    if image.mode == "LAB":
        return _from_lab(image), None
    return (image if image.mode == mode else image.convert(mode)), None


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Scale greys of 16 bits, and of 0 to 1, which Pillow would clip."""
    values = np.asarray(image)
    scaled = 255 * np.nan_to_num(values) if values.dtype.kind == "f" else values.astype(np.uint32) >> 8
    return Image.fromarray(scaled.clip(0, 255).astype(np.uint8))


def _from_lab(image: Image.Image) -> Image.Image:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    return converted or image


def _by_code(code: ColorCode, peak: int) -> Converter:
    return lambda color: Image.fromarray(to_srgb(np.asarray(color.convert("RGB")), code, peak))


def _by_profile(profile: bytes | None, mode: str) -> Converter:
    """Honour a colour profile: a phone's Display P3 looks pale, and CMYK garish, without it."""
    transform = _open_profile(profile, mode) if profile else None
    if transform is None:
        return lambda color: color.convert("RGB")

    def convert(color: Image.Image) -> Image.Image:
        return ImageCms.applyTransform(color, transform) or color.convert("RGB")

    return convert


def _open_profile(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the way from a profile to sRGB; None where it cannot be gone, leads nowhere, or nothing would change."""
    probe = Image.new(mode, (len(_PROBES[mode]), 1))
    probe.putdata(_PROBES[mode])
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(opened, ImageCms.createProfile("sRGB"), mode, "RGB")
        values = np.asarray(ImageCms.applyTransform(probe, transform))[0]
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
    is_likely = all(
        ((low <= value) & (value <= high)).all() for value, (low, high) in zip(values, _LIKELY, strict=False)
    )
    is_srgb = mode == "RGB" and np.abs(values.astype(int) - np.array(_PROBES[mode])).max() <= _SAME
    return transform if is_likely and not is_srgb else None
