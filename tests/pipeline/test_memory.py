"""Memory does not grow with the length of the voice."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.voices import KINDS, make_tone, write_voice

TEN_MINUTES = """
import resource, sys
from pathlib import Path
import numpy as np
from pipeline.audio import load_speech, read_sound
from pipeline.types import FrameSize
from pipeline.video import VideoWriter

voice, video = map(Path, sys.argv[1:])
speech = load_speech(voice)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with VideoWriter(video, FrameSize(64, 48), read_sound(speech.sound), {}) as writer:
    for first in range(0, speech.num_frames, 250):
        writer.write(np.full((250, 48, 64, 3), first % 256, np.uint8))
print(speech.num_frames, before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_ten_minutes_need_little_memory(tmp_path: Path) -> None:
    kind = KINDS["mp3"]
    minute = make_tone(60.0, kind.sampling_rate)
    voice = write_voice(tmp_path / "voice.mp3", np.tile(minute, 10), kind)
    command = [sys.executable, "-c", TEN_MINUTES, str(voice), str(tmp_path / "video.mp4")]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    num_frames, kilobytes_of_loading, kilobytes = map(int, output.split())
    assert num_frames == 15_000
    assert kilobytes_of_loading < 350_000
    assert kilobytes - kilobytes_of_loading < 60_000
