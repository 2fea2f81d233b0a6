"""How often it is heard wrong who speaks, over many conversations: `python -m tests.pipeline.turns.table VOICE...`.

Each file has one person's voice. Beside the example voices, use as many others as there are.
"""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from pipeline.audio import load_speech
from pipeline.request import Turn
from pipeline.turns.find import find_turns
from pipeline.types import Floats
from tests.pipeline.turns.joins import RATE, Join, add_noise, join, make_music
from tests.pipeline.turns.score import measure_error
from tests.voices import KINDS, write_voice


def make_case(voices: list[Floats], seed: int, folder: Path) -> tuple[Join, int, str]:
    """Return a conversation of two or three, how many there are, and what makes it hard."""
    rng = np.random.default_rng(seed)
    count = min(3 if seed % 5 >= 3 else 2, len(voices))
    chosen = [voices[index] for index in rng.choice(len(voices), count, replace=False)]
    order = list(range(count))
    while len(order) < rng.integers(5, 11):
        order.append(int(rng.choice([one for one in range(count) if one != order[-1]])))
    pauses = rng.uniform(0.2, 1.5, len(order)) if seed % 2 else np.zeros(len(order))
    made = join(chosen, order, rng.uniform(1.5, 6, len(order)).tolist(), pauses.tolist())
    told = "pauses" if seed % 2 else "no pauses"
    if seed % 4 == 2:
        made, told = Join(add_noise(made.waveform, 15, seed), made.truth), f"{told}, noise"
    if seed % 6 == 3:
        made, told = add_music(made), f"{told}, music"
    if seed % 7 == 5:
        path = write_voice(folder / "case.mp3", made.waveform[None], KINDS["mp3"], RATE)
        made, told = Join(load_speech(path).waveform, made.truth), f"{told}, MP3"
    return made, count, told


def add_music(made: Join) -> Join:
    """Put five seconds of music before a conversation."""
    truth = tuple(Turn(turn.speaker, turn.start_sec + 5, turn.end_sec + 5) for turn in made.truth)
    return Join(np.concatenate([make_music(5), made.waveform]), truth)


def main() -> None:
    """Print a line a conversation, and the mean and the worst of all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("voices", type=Path, nargs="+")
    parser.add_argument("--cases", type=int, default=40)
    asked = parser.parse_args()
    voices = [load_speech(path).waveform for path in asked.voices]
    errors, rights = [], 0
    with TemporaryDirectory() as folder:
        for seed in range(asked.cases):
            made, count, told = make_case(voices, seed, Path(folder))
            errors.append(measure_error(find_turns(made.waveform, count), made.truth))
            guessed = len({turn.speaker for turn in find_turns(made.waveform)})
            rights += guessed == count
            line = f"{seed:3} {count} people, {guessed} guessed, {100 * errors[-1]:5.1f} %  {told}\n"
            sys.stdout.write(line)
            sys.stdout.flush()
    mean, worst = 100 * np.mean(errors), 100 * max(errors)
    sys.stdout.write(f"mean {mean:.1f} %, worst {worst:.1f} %, number right in {rights} of {len(errors)}\n")


if __name__ == "__main__":
    main()
