"""Pictures of every kind, and what is no picture."""

import contextlib
import itertools
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from pipeline.errors import InputError, InputTooLargeError
from pipeline.image.colors import BACKDROP
from pipeline.image.load import MAX_MEGABYTES, load_photo
from tests.photos import encode, make_16_bit_png, make_png, open_hopper, save

SIZE = (192, 224)


@pytest.fixture
def picture() -> Image.Image:
    return open_hopper(SIZE)


def refuse(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_photo(path)
    return caught.value.notice.code


KINDS = ["PNG", "JPEG", "WEBP", "HEIF", "AVIF", "GIF", "BMP", "TIFF"]


@pytest.mark.parametrize("kind", KINDS)
def test_reads_every_kind_by_its_bytes(tmp_path: Path, picture: Image.Image, kind: str) -> None:
    pixels = load_photo(save(tmp_path, encode(picture, kind), "photo.txt")).pixels
    assert pixels.shape == (224, 192, 3)
    assert np.abs(pixels.astype(float) - np.asarray(picture)).mean() < 8


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turns_upright_by_exif(tmp_path: Path, picture: Image.Image, orientation: int) -> None:
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transpositions that undo each
    stored = picture.transpose(Image.Transpose(back[orientation])) if orientation > 1 else picture
    pixels = load_photo(save(tmp_path, encode(stored, "JPEG", orientation, quality=95))).pixels
    assert np.abs(pixels.astype(float) - np.asarray(picture)).mean() < 4


@pytest.mark.parametrize("mode", ["L", "P", "1", "LA", "RGBA", "CMYK"])
def test_reads_every_mode_as_rgb(tmp_path: Path, picture: Image.Image, mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    pixels = load_photo(save(tmp_path, encode(picture.convert(mode), kind))).pixels
    grey = np.asarray(picture.convert("L"), float)
    assert pixels.shape == (224, 192, 3)
    assert abs(pixels.mean() - grey.mean()) < 12


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_scales_16_bits_instead_of_clipping(tmp_path: Path, picture: Image.Image, mode: str) -> None:
    expected = picture.convert(mode)
    pixels = load_photo(save(tmp_path, make_16_bit_png(expected))).pixels
    assert np.abs(pixels.astype(int) - np.asarray(expected.convert("RGB"))).max() <= 1


def test_flattens_transparency_on_a_neutral_ground(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (200, 200), (255, 0, 0, 0))
    assert (load_photo(save(tmp_path, encode(clear, "PNG"))).pixels == BACKDROP).all()


def test_honours_transparent_palettes(tmp_path: Path) -> None:
    palette = Image.new("P", (200, 200), 0)
    palette.putpalette([255, 0, 0, 0, 255, 0])
    assert (load_photo(save(tmp_path, encode(palette, "PNG", transparency=0))).pixels == BACKDROP).all()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>", "an SVG"),
        (b"%PDF-1.7", "a PDF"),
        (b"\0\0\0\x1cftypisom" + bytes(64), "a video"),
        (b"hello", "another kind of file"),
    ],
)
def test_names_the_kind_that_it_refuses(tmp_path: Path, content: bytes, kind: str) -> None:
    with pytest.raises(InputError) as caught:
        load_photo(save(tmp_path, content, "photo.jpg"))
    assert caught.value.notice.code == "photo.format"
    assert caught.value.notice.values["kind"] == kind


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_refuses_files_cut_short(tmp_path: Path, picture: Image.Image, kind: str, share: float) -> None:
    content = encode(picture, kind)
    assert refuse(save(tmp_path, content[: int(share * len(content))])) in {"photo.damaged", "photo.format"}


def test_refuses_an_empty_file(tmp_path: Path) -> None:
    assert refuse(save(tmp_path, b"")) == "photo.empty"


def make_bomb(kind: str, side: int) -> bytes:
    """Return a small file that says it holds a square of that side."""
    if kind == "PNG":
        return make_png(side, side, 8, 0, b"\0")
    content = bytearray(encode(Image.new("L", (200, 200)), kind))
    for form in ("<I", "<H"):
        content[:] = content.replace(struct.pack(form, 200), struct.pack(form, side))
    return bytes(content)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("side", [8_100, 10_000, 30_000])
def test_refuses_bombs_before_unpacking_them(tmp_path: Path, kind: str, side: int) -> None:
    with pytest.raises(InputTooLargeError, match="64 megapixels"):
        load_photo(save(tmp_path, make_bomb(kind, side)))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_takes_the_first_of_several_pictures(tmp_path: Path, picture: Image.Image, kind: str) -> None:
    others = [Image.new("RGB", SIZE, color) for color in ("red", "blue")]
    content = encode(picture, kind, save_all=True, append_images=others)
    assert np.abs(load_photo(save(tmp_path, content)).pixels.astype(float) - np.asarray(picture)).mean() < 8


TIFFS = [
    *itertools.product(["L", "P", "LA", "RGB", "RGBA", "CMYK", "LAB"], ["raw", "tiff_lzw", "tiff_adobe_deflate"]),
    *itertools.product(["L", "RGB", "CMYK", "YCbCr"], ["jpeg"]),
]


@pytest.mark.parametrize(("mode", "compression"), TIFFS)
def test_reads_every_tiff(tmp_path: Path, picture: Image.Image, mode: str, compression: str) -> None:
    lab = ImageCms.profileToProfile(
        picture, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    stored = lab if mode == "LAB" else picture.convert(mode, palette=Image.Palette.ADAPTIVE)
    pixels = load_photo(save(tmp_path, encode(stored, "TIFF", compression=compression))).pixels
    expected = picture.convert("L").convert("RGB") if mode in {"L", "LA"} else picture
    assert np.abs(pixels.astype(float) - np.asarray(expected)).mean() < 8


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turns_a_tiff_upright(tmp_path: Path, picture: Image.Image, orientation: int) -> None:
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transpositions that undo each
    stored = picture.transpose(Image.Transpose(back[orientation])) if orientation > 1 else picture
    content = encode(stored, "TIFF", tiffinfo={0x0112: orientation})
    assert (load_photo(save(tmp_path, content)).pixels == np.asarray(picture)).all()


def test_scales_a_tiff_s_16_bits_and_fractions(tmp_path: Path, picture: Image.Image) -> None:
    grey = np.asarray(picture.convert("L"))
    for stored in (Image.fromarray(grey.astype(np.uint16) * 257), Image.fromarray(grey.astype(np.float32) / 255)):
        pixels = load_photo(save(tmp_path, encode(stored, "TIFF"))).pixels
        assert np.abs(pixels[..., 0].astype(int) - grey).max() <= 1


@pytest.mark.parametrize("tag", [{0x00FE: 1}, {0xC612: b"\1\4\0\0"}])
def test_refuses_a_camera_s_raw_file_rather_than_take_its_tiny_picture(
    tmp_path: Path, picture: Image.Image, tag: dict[int, object]
) -> None:
    content = encode(picture, "TIFF", tiffinfo=tag)
    with pytest.raises(InputError, match="a camera's raw file"):
        load_photo(save(tmp_path, content))


def test_refuses_a_jpeg_that_goes_over_its_picture_for_ever(tmp_path: Path, picture: Image.Image) -> None:
    content = encode(picture, "JPEG", progressive=True)
    last_scan = content[content.rindex(b"\xff\xda") : -2]
    assert refuse(save(tmp_path, content[:-2] + 100 * last_scan + content[-2:])) == "photo.damaged"


def test_reads_a_jpeg_with_a_film_behind_it(tmp_path: Path, picture: Image.Image) -> None:
    content = encode(picture, "JPEG", progressive=True) + 100 * b"\xff\xda\0\2"
    assert load_photo(save(tmp_path, content)).pixels.shape == (224, 192, 3)


@pytest.mark.parametrize(("kind", "num_parts"), [("JPEG", 10_001), ("JPEG", 250_000), ("PNG", 250_000)])
def test_refuses_a_picture_of_countless_parts(tmp_path: Path, picture: Image.Image, kind: str, num_parts: int) -> None:
    content = encode(picture, kind)
    start, part = {
        "JPEG": (2, b"\xff\xfe\0\2"),
        "PNG": (33, struct.pack(">I", 0) + b"prVt" + struct.pack(">I", zlib.crc32(b"prVt"))),
    }[kind]
    assert refuse(save(tmp_path, content[:start] + num_parts * part + content[start:])) == "photo.damaged"


LOAD = """
import sys
from pathlib import Path
from pipeline.image.load import load_photo

load_photo(Path(sys.argv[1]))
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_a_large_photo_needs_less_than_nine_bytes_a_pixel(tmp_path: Path, kind: str) -> None:
    path = save(tmp_path, encode(Image.new("RGB", (5_000, 5_000)), kind, lossless=True, method=0))
    command = [sys.executable, "-c", LOAD, str(path)]
    kilobytes = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert kilobytes < 60_000 + 9 * 25_000


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_reads_a_tall_picture_whole(tmp_path: Path, kind: str, mode: str) -> None:
    picture = open_hopper((128, 1_100))
    content = encode(picture.convert(mode), kind, lossless=True)
    assert (load_photo(save(tmp_path, content)).pixels == np.asarray(picture)).all()


def test_refuses_too_many_bytes_without_reading_them(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    with path.open("wb") as file:
        file.truncate(MAX_MEGABYTES * 1_000_000 + 1)
    with pytest.raises(InputTooLargeError, match="50 MB"):
        load_photo(path)


@pytest.mark.parametrize("size", [(127, 400), (400, 127), (1, 1)])
def test_refuses_pictures_below_128_pixels(tmp_path: Path, size: tuple[int, int]) -> None:
    assert refuse(save(tmp_path, encode(Image.new("RGB", size), "PNG"))) == "photo.too_small"


def test_reads_the_first_picture_of_an_animation(tmp_path: Path, picture: Image.Image) -> None:
    other = Image.new("RGB", SIZE)
    content = encode(picture, "WEBP", save_all=True, append_images=[other], lossless=True)
    assert np.abs(load_photo(save(tmp_path, content)).pixels.astype(int) - np.asarray(picture)).mean() < 2


def _load_or_refuse(folder: Path, content: bytes) -> None:
    with contextlib.suppress(InputError):
        pixels = load_photo(save(folder, content)).pixels
        assert pixels.dtype == np.uint8
        assert pixels.shape[2] == 3


LENIENT = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@LENIENT
@given(
    start=st.sampled_from(
        [
            b"",
            b"\x89PNG\r\n\x1a\n",
            b"\xff\xd8\xff\xe0",
            b"RIFF\0\0\0\0WEBP",
            b"\0\0\0\x18ftypheic",
            b"\0\0\0\x18ftypavif",
            b"GIF89a",
            b"BM",
            b"II*\0\x08\0\0\0",
            b"MM\0*\0\0\0\x08",
        ]
    ),
    rest=st.binary(max_size=400),
)
def test_any_bytes_are_read_or_refused(tmp_path: Path, start: bytes, rest: bytes) -> None:
    _load_or_refuse(tmp_path, start + rest)


@LENIENT
@given(
    kind=st.sampled_from(KINDS),
    place=st.floats(0, 1),
    noise=st.binary(min_size=1, max_size=40),
)
def test_damaged_files_are_read_or_refused(tmp_path: Path, kind: str, place: float, noise: bytes) -> None:
    content = bytearray(encode(open_hopper((160, 160)), kind))
    start = int(place * len(content))
    content[start : start + len(noise)] = noise
    _load_or_refuse(tmp_path, bytes(content))


@LENIENT
@given(
    mode=st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "I;16"]),
    width=st.integers(1, 700),
    height=st.integers(1, 700),
    orientation=st.integers(0, 300),
)
def test_any_mode_size_and_orientation_is_read_or_refused(
    tmp_path: Path, mode: str, width: int, height: int, orientation: int
) -> None:
    _load_or_refuse(tmp_path, encode(Image.new(mode, (width, height)), "PNG", orientation))
