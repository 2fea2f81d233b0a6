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
    parser.add_argument("--variants", type=split, default=(), help="to prepare as well: fp8, lightx2v-fp8, ...")
    options = parser.parse_args(arguments)
    folder = options.folder
    try:
        install(folder, folder / "infinitetalk", HfApi(), say, options.variants)
    except WeightsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def split(names: str) -> list[str]:
    """Return names that were given with commas between them."""
    return [name.strip() for name in names.split(",") if name.strip()]


def say(text: str) -> None:
    """Print a line now."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
