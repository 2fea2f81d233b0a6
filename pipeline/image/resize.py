"""The frame sizes of the model, and which of them a photo gets."""

from pipeline.profiles import Resolution
from pipeline.request import Aspect
from pipeline.types import FrameSize

BUCKETS: dict[Resolution, tuple[FrameSize, ...]] = {
    "480p": tuple(
        FrameSize(width, height)
        for height, width in (
            (320, 1216), (384, 1024), (448, 896), (480, 832), (512, 768), (576, 704), (640, 640), (704, 576),
            (768, 512), (832, 480), (832, 448), (896, 448), (960, 384), (1088, 384), (1152, 320), (1216, 320),
            (1280, 320),
        )
    ),
    "720p": tuple(
        FrameSize(width, height)
        for height, width in (
            (448, 2048), (512, 1792), (576, 1600), (640, 1408), (704, 1280), (720, 1280), (768, 1216), (832, 1088),
            (896, 1024), (960, 960), (1024, 896), (1088, 832), (1152, 768), (1216, 768), (1280, 720), (1280, 704),
            (1344, 704), (1408, 640), (1472, 640), (1536, 576), (1664, 576), (1856, 512), (1920, 512),
        )
    ),
}  # fmt: skip
"""Source: the aspect buckets of the original InfiniteTalk, and this product's 16:9 and 9:16."""

_NAMED: dict[tuple[Resolution, Aspect], FrameSize] = {
    ("480p", "16:9"): FrameSize(832, 480),
    ("480p", "1:1"): FrameSize(640, 640),
    ("480p", "9:16"): FrameSize(480, 832),
    ("720p", "16:9"): FrameSize(1280, 720),
    ("720p", "1:1"): FrameSize(960, 960),
    ("720p", "9:16"): FrameSize(720, 1280),
}


def choose_size(photo_width: float, photo_height: float, aspect: Aspect, resolution: Resolution) -> FrameSize:
    """Return the frame's size: the one asked for, or the bucket whose height / width is nearest to the photo's."""
    if aspect != "auto":
        return _NAMED[resolution, aspect]
    ratio = photo_height / photo_width
    return min(BUCKETS[resolution], key=lambda size: abs(size.height / size.width - ratio))


def list_sizes(aspect: Aspect, resolution: Resolution) -> tuple[FrameSize, ...]:
    """Return the sizes that a frame may have: the one asked for, or every bucket."""
    return BUCKETS[resolution] if aspect == "auto" else (_NAMED[resolution, aspect],)
