"""RGB to the colours of HD video (BT.709, limited range)."""

from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation
from av.video.stream import VideoStream

from pipeline.types import Pixels


def convert_frame(pixels: Pixels) -> VideoFrame:
    """Turn RGB (height, width, 3) into a frame for the encoder."""
    return VideoFrame.from_ndarray(pixels, format="rgb24").reformat(
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        interpolation=Interpolation.BICUBIC,
        threads=1,
    )


def tag_color(stream: VideoStream) -> None:
    """Say in the stream which colours it has, so that players turn them back exactly."""
    context = stream.codec_context
    context.colorspace = Colorspace.ITU709
    context.color_range = ColorRange.MPEG
    context.color_primaries = ColorPrimaries.BT709
    context.color_trc = ColorTrc.BT709
