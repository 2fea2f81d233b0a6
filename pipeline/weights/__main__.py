"""`python -m pipeline.weights FOLDER`: fetch and prepare an engine's weights for a GPU machine of one's own."""

import argparse
import sys
from pathlib import Path

from huggingface_hub import HfApi

from pipeline.engines import WEIGHTS, get_weights
from pipeline.errors import WeightsError
from pipeline.weights.install import install
from pipeline.weights.manifest import check_files


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.weights", description=__doc__)
    parser.add_argument("folder", type=Path, help="holds what is fetched, and ENGINE/ when all is done")
    parser.add_argument("--engine", choices=WEIGHTS, default=WEIGHTS[0], help="whose weights")
    parser.add_argument("--release", default="", help="which of them, where there are several: 1.5-int8, ...")
    parser.add_argument("--variants", type=split, default=(), help="to prepare as well: fp8, lightx2v-fp8, ...")
    parser.add_argument("--released", type=Path, help="folder of released files that are here already")
    parser.add_argument("--verify", action="store_true", help="read the finished folder again and compare checksums")
    options = parser.parse_args(arguments)
    folder, spec = options.folder, get_weights(options.engine)
    prepared = folder / spec.name
    try:
        spec = spec.choose_release(options.release)
        install(spec, folder, prepared, HfApi(), say, options.variants, released=options.released)
        if options.verify:
            check_files(prepared, with_checksums=True)
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
