"""Segments of a video that can be watched before it is complete."""

from pathlib import Path

import av
from av.packet import Packet
from av.stream import Stream

PLAYLIST = "live.m3u8"
_OPTIONS = {
    "avoid_negative_ts": "disabled",  # the times of the mp4: the encoders' first packets come before 0
    "hls_playlist_type": "event",
    "hls_time": "1",
    "hls_segment_type": "fmp4",
    "hls_segment_options": "movflags=+skip_sidx",  # an index gives a segment's first packet its earliest frame's time
    "hls_flags": "split_by_time+temp_file",
}
"""As FFmpeg's HLS muxer names them.

A segment appears under its name when it is complete. Like a CMAF chunk it need not begin with a key frame, of which the
encoder makes one in ten seconds: who plays the segments begins with the first one.
"""


class SegmentWriter:
    """Remuxes a video's packets into fragmented MP4: `init.mp4`, then `0.m4s`, `1.m4s`, ..., each of about a second.

    One after the other they are one mp4, and `live.m3u8` is their HLS playlist.

    Args:
        folder: Where the segments appear; made if it is missing.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        names = {"hls_fmp4_init_filename": "init.mp4", "hls_segment_filename": str(folder / "%d.m4s")}
        self._container = av.open(folder / PLAYLIST, "w", format="hls", options=_OPTIONS | names)

    def mux(self, packet: "Packet[Stream]") -> None:
        """Append a packet that has just been muxed into another container; afterwards it belongs to this one."""
        if not self._container.streams:
            for stream in packet.stream.container.streams:
                self._container.add_stream_from_template(stream, opaque=True)
        packet.stream = self._container.streams[packet.stream.index]
        self._container.mux_one(packet)

    def close(self) -> None:
        """Complete the last segment and the playlist."""
        self._container.close()
