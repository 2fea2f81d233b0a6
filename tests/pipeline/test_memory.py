"""Memory does not grow with the length of the voice."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.voices import WAV, make_tone, write_voice

TEN_MINUTES = """
import sys
from pathlib import Path
import numpy as np
from pipeline.audio import load_speech, read_sound
from pipeline.types import FrameSize
from pipeline.video import VideoWriter

def measure_peak_kilobytes():  # of this process alone; getrusage would count the parent's as well
    return next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))

voice, video = map(Path, sys.argv[1:])
speech = load_speech(voice)
before = measure_peak_kilobytes()
with VideoWriter(video, FrameSize(64, 48), read_sound(speech.sound), {}) as writer:
    for first in range(0, 3_000, 250):  # two minutes show whether it grows
        writer.write(np.full((250, 48, 64, 3), first % 256, np.uint8))
print(len(speech.activity), before, measure_peak_kilobytes())
"""


def test_ten_minutes_need_little_memory(tmp_path: Path) -> None:
    voice = write_voice(tmp_path / "voice.wav", np.tile(make_tone(60.0, WAV.sampling_rate), 10))
    command = [sys.executable, "-c", TEN_MINUTES, str(voice), str(tmp_path / "video.mp4")]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    num_frames, kilobytes_of_loading, kilobytes = map(int, output.split())
    assert num_frames == 15_000
    assert kilobytes_of_loading < 250_000
    assert kilobytes - kilobytes_of_loading < 60_000
