"""Every picture becomes sRGB without transparency, whatever its file says of its colours and wherever it says it."""

import io
import itertools
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pillow_heif
import pytest
from PIL import Image, ImageCms

from pipeline.image.color_codes import ColorCode, read_color_code
from pipeline.image.colors import BACKDROP
from pipeline.image.hdr import to_srgb
from pipeline.image.load import load_photo
from tests.photos import encode, open_hopper, save

SIZE = (192, 224)
BT2020, P3, PQ, HLG, SRGB_CURVE = 9, 12, 16, 18, 13
# From sRGB's primaries to BT.2020's: ITU-R BT.2087.
TO_BT2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])


@pytest.fixture
def picture() -> Image.Image:
    return open_hopper(SIZE)


def make_profile(red_and_blue_swapped: bool = True, gamma: float | None = None) -> bytes:
    """Return sRGB's profile with other primaries, or with another curve, under another name."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    if red_and_blue_swapped:
        profile = profile.replace(b"rXYZ", b"tmp ").replace(b"bXYZ", b"rXYZ").replace(b"tmp ", b"bXYZ")
    if gamma is not None:
        start = profile.index(b"para\0\0\0\0\0\3")
        body = struct.pack(">4sIHHi", b"para", 0, 0, 0, round(gamma * 65_536))
        profile = profile[:start] + body + profile[start + len(body) :]
    return profile.replace("sRGB".encode("utf-16-be"), "BGR!".encode("utf-16-be"))


def load(folder: Path, content: bytes) -> npt.NDArray[np.int64]:
    return load_photo(save(folder, content)).pixels.astype(np.int64)


def swap(picture: Image.Image) -> npt.NDArray[np.int64]:
    return np.asarray(picture, np.int64)[..., ::-1]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "HEIF", "AVIF", "TIFF"])
def test_honours_the_profile_of_every_kind(tmp_path: Path, picture: Image.Image, kind: str) -> None:
    content = encode(picture, kind, icc_profile=make_profile(), quality=95)
    assert np.abs(load(tmp_path, content) - swap(picture)).mean() < 4


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("alpha", [255, 128, 0])
def test_a_profile_counts_where_there_is_transparency(
    tmp_path: Path, picture: Image.Image, kind: str, alpha: int
) -> None:
    cutout = picture.copy()
    cutout.putalpha(alpha)
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    pixels = load(tmp_path, encode(cutout, kind, icc_profile=make_profile(), **options))
    opaque = load(tmp_path, encode(picture, kind, icc_profile=make_profile(), **options))
    expected = (opaque * alpha + np.array(BACKDROP) * (255 - alpha)) / 255
    assert np.abs(pixels - expected).max() <= 1


def test_a_profile_counts_for_a_transparent_palette(tmp_path: Path) -> None:
    palette = Image.new("P", (200, 200), 1)
    palette.putpalette([255, 0, 0, 200, 60, 40])
    palette.paste(0, (0, 0, 50, 200))
    pixels = load(tmp_path, encode(palette, "PNG", transparency=0, icc_profile=make_profile()))
    assert np.abs(pixels[0, 100] - (40, 60, 200)).max() <= 3
    assert tuple(pixels[0, 0]) == BACKDROP


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_honours_a_grey_picture_s_profile(tmp_path: Path, picture: Image.Image, mode: str) -> None:
    grey = ImageCms.ImageCmsProfile(_make_grey_profile(gamma=1.0)).tobytes()
    pixels = load(tmp_path, encode(picture.convert(mode), "PNG", icc_profile=grey))
    values = np.asarray(picture.convert("L")) / 255
    expected = 255 * np.where(values <= 0.0031308, 12.92 * values, 1.055 * values ** (1 / 2.4) - 0.055)
    assert np.abs(pixels[..., 0] - expected).mean() < 2


def _make_grey_profile(gamma: float) -> io.BytesIO:
    curve = struct.pack(">4sIIHxx", b"curv", 0, 1, round(gamma * 256))
    return io.BytesIO(_write_profile(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": curve}))


def _write_profile(kind: bytes, colors: bytes, space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """Write the smallest profile with these tags."""
    white = struct.pack(">iii", 63_190, 65_536, 54_061)
    tags = tags | {b"wtpt": b"XYZ " + bytes(4) + white, b"desc": b"desc\0\0\0\0\0\0\0\5mine\0" + bytes(79)}
    padded = {name: body.ljust(-(-len(body) // 4) * 4, b"\0") for name, body in tags.items()}
    place, table = 128 + 4 + 12 * len(padded), struct.pack(">I", len(padded))
    for name, body in padded.items():
        table += struct.pack(">4sII", name, place, len(body))
        place += len(body)
    head = struct.pack(">I4s4s4s4s4s", place, b"none", b"\2\x10\0\0", kind, colors, space) + bytes(12)
    head += b"acsp" + bytes(28) + white
    return head.ljust(128, b"\0") + table + b"".join(padded.values())


def make_ink_profile() -> bytes:
    """Write a profile of inks where cyan is printed in the colour of magenta, and the other way round."""
    corners = []
    for cyan, magenta, yellow, black in itertools.product((0, 1), repeat=4):
        light = 0 if black else 255 - 90 * cyan - 90 * magenta - 20 * yellow
        corners += [light, 128 + (70 * cyan - 60 * magenta) * (not black), 128 + 90 * yellow * (not black)]
    ramp = bytes(range(256))
    matrix = struct.pack(">9i", 65_536, 0, 0, 0, 65_536, 0, 0, 0, 65_536)
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + 4 * ramp + bytes(corners) + 3 * ramp
    return _write_profile(b"prtr", b"CMYK", b"Lab ", {b"A2B0": table})


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_honours_the_profile_of_inks(tmp_path: Path, kind: str) -> None:
    cyan = Image.new("CMYK", (200, 200), (255, 0, 0, 0))
    red, green, _ = load(tmp_path, encode(cyan, kind, icc_profile=make_ink_profile(), quality=95))[100, 100]
    assert red > green + 60


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_is_ink_and_not_light(tmp_path: Path, picture: Image.Image, kind: str) -> None:
    pixels = load(tmp_path, encode(picture.convert("CMYK"), kind))
    assert np.abs(pixels - np.asarray(picture)).mean() < 4


@pytest.mark.parametrize(
    "profile",
    [
        b"nonsense",
        make_profile()[:300],
        make_profile(gamma=60.0),
        make_profile(gamma=0.01),
        make_profile().replace(b"RGB XYZ", b"CMYKXYZ"),
    ],
    ids=["garbage", "cut", "nearly black", "nearly white", "of inks"],
)
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_overlooks_a_profile_that_makes_no_sense(
    tmp_path: Path, picture: Image.Image, profile: bytes, mode: str
) -> None:
    assert (load(tmp_path, encode(picture.convert(mode), "PNG", icc_profile=profile)) == np.asarray(picture)).all()


def test_srgb_s_own_profile_changes_nothing(tmp_path: Path, picture: Image.Image) -> None:
    profile = make_profile(red_and_blue_swapped=False)
    assert (load(tmp_path, encode(picture, "PNG", icc_profile=profile)) == np.asarray(picture)).all()


def light_of(picture: Image.Image) -> npt.NDArray[np.float64]:
    values = np.asarray(picture) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def to_pq(light: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give a white paper 203 cd/m2, as BT.2408 recommends."""
    powered = (203 * light / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * powered) / (1 + 18.6875 * powered)) ** 78.84375


def to_hlg(light: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give a white paper 203 cd/m2 of a screen of 1000: undo its system gamma, then encode the scene's light."""
    shown = 0.203 * light
    luma = shown @ np.array([0.2627, 0.6780, 0.0593])
    scene = shown * np.maximum(luma, 1e-9)[..., None] ** (1 / 1.2 - 1)
    return np.where(
        scene <= 1 / 12, np.sqrt(3 * scene), 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    )


ENCODINGS: dict[int, Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]] = {PQ: to_pq, HLG: to_hlg}


def encode_bright(picture: Image.Image, transfer: int, kind: str) -> bytes:
    """Return a picture without anything brighter than white paper, as HDR."""
    codes = ENCODINGS[transfer](light_of(picture) @ TO_BT2020.T).clip(0, 1)
    if kind == "HEIF":
        stream = io.BytesIO()
        options = {"color_primaries": BT2020, "transfer_characteristics": transfer, "matrix_coefficients": 9}
        heif = pillow_heif.from_bytes("RGB;16", picture.size, (codes * 65_535).astype("<u2").tobytes())
        heif.save(stream, quality=95, save_nclx_profile=True, **options)
        return stream.getvalue()
    eight = Image.fromarray((codes * 255 + 0.5).astype(np.uint8))
    return (
        _mark_png(encode(eight, "PNG"), transfer)
        if kind == "PNG"
        else _mark_avif(encode(eight, kind, quality=95), transfer)
    )


def _mark_png(content: bytes, transfer: int) -> bytes:
    body = b"cICP" + bytes([BT2020, transfer, 0, 1])
    return content[:33] + struct.pack(">I", 4) + body + struct.pack(">I", zlib.crc32(body)) + content[33:]


def _mark_avif(content: bytes, transfer: int, primaries: int = BT2020) -> bytes:
    place = content.index(b"colrnclx") + 8
    return content[:place] + struct.pack(">HH", primaries, transfer) + content[place + 4 :]


@pytest.mark.parametrize("kind", ["HEIF", "AVIF", "PNG"])
@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_bright_pictures_look_as_they_would_without(
    tmp_path: Path, picture: Image.Image, kind: str, transfer: int
) -> None:
    pixels = load(tmp_path, encode_bright(picture, transfer, kind))
    dark = np.asarray(picture).max(axis=2) < 150
    assert np.abs(pixels - np.asarray(picture))[dark].mean() < 5
    assert np.abs(pixels.mean(axis=(0, 1)) - np.asarray(picture).mean(axis=(0, 1))).max() < (
        12 if transfer == HLG else 4
    )


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_what_is_brighter_than_white_keeps_its_steps(transfer: int) -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    shown = to_srgb(ramp, ColorCode(BT2020, transfer), 255)[0]
    assert (np.diff(shown.astype(int), axis=0) >= 0).all()
    assert (np.ptp(shown, axis=1) <= 1).all()
    white = round(255 * float(ENCODINGS[transfer](np.ones((1, 3)))[0, 0]))
    assert 205 <= shown[white, 0] < 250 < shown[-1, 0]


def test_numbers_of_a_wider_gamut_are_converted_without_a_profile(tmp_path: Path, picture: Image.Image) -> None:
    content = _mark_avif(encode(picture, "AVIF", quality=95), SRGB_CURVE, P3)
    plain = load(tmp_path, encode(picture, "AVIF", quality=95))
    pixels = load(tmp_path, content)
    red, grey = np.ptp(plain, axis=2) > 60, np.ptp(plain, axis=2) < 6
    assert (np.ptp(pixels, axis=2) - np.ptp(plain, axis=2))[red].mean() > 5
    assert np.abs(pixels - plain)[grey].mean() < 2


def test_the_bright_version_beside_a_picture_is_not_the_picture() -> None:
    def box(kind: bytes, *parts: bytes) -> bytes:
        body = b"".join(parts)
        return struct.pack(">I4s", 8 + len(body), kind) + body

    colors = [
        box(b"colr", b"nclx", struct.pack(">HHHB", primaries, transfer, 0, 128))
        for primaries, transfer in ((9, 16), (12, 13))
    ]
    belongs = struct.pack(">IIHBBHBB", 0, 2, 1, 1, 1, 2, 1, 0x82)
    meta = box(
        b"meta", bytes(4), box(b"pitm", bytes(4), b"\0\2"), box(b"iprp", box(b"ipco", *colors), box(b"ipma", belongs))
    )
    assert read_color_code(box(b"ftyp", b"avif") + meta) == ColorCode(P3, SRGB_CURVE)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7])
@pytest.mark.parametrize("kind", ["HEIF", "AVIF", "PNG"])
def test_what_is_cut_short_says_nothing_of_its_colors_or_what_it_said(kind: str, share: float) -> None:
    content = encode_bright(open_hopper((160, 160)), PQ, kind)
    assert read_color_code(content[: int(300 * share)]) in {None, ColorCode(BT2020, PQ)}


def test_flattens_transparency_over_bright_light(tmp_path: Path, picture: Image.Image) -> None:
    codes = (to_pq(light_of(picture) @ TO_BT2020.T) * 65_535).astype("<u2")
    alpha = np.zeros((*codes.shape[:2], 1), "<u2")
    stream = io.BytesIO()
    heif = pillow_heif.from_bytes("RGBA;16", picture.size, np.concatenate([codes, alpha], axis=2).tobytes())
    heif.save(
        stream, color_primaries=BT2020, transfer_characteristics=PQ, matrix_coefficients=9, save_nclx_profile=True
    )
    assert np.abs(load(tmp_path, stream.getvalue()) - BACKDROP).max() <= 1
