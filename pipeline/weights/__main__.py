"""`python -m pipeline.weights FOLDER`: fetch and prepare InfiniteTalk's weights for a GPU machine of one's own."""

import argparse
import sys
from pathlib import Path

from huggingface_hub import HfApi

from pipeline.errors import WeightsError
from pipeline.weights.install import install


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.weights", description=__doc__)
    parser.add_argument("folder", type=Path, help="holds what is fetched, and infinitetalk/ when all is done")
    folder = parser.parse_args(arguments).folder
    try:
        install(folder, folder / "infinitetalk", HfApi(), say)
    except WeightsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def say(text: str) -> None:
    """Print a line now."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
