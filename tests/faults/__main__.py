"""Put faults into a copy of the project, one at a time, and see whether the tests notice: `python -m tests.faults`.

`python -m tests.faults queue routes-3 --jobs 2` tries one list and a single fault. Ends with 1 where too many pass.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory

from tests.faults import ROOT, Fault, FaultError, load_faults

MOST_PASSED = 0.05
_HANGS_AFTER_SECONDS = 900
_FAILED = {1, 2}
"""Pytest's exit codes: a test failed, or could not be imported."""


def main() -> int:
    """Try the faults that were chosen, and say which were noticed."""
    arguments = _parse_arguments()
    try:
        faults = load_faults(arguments.names)
    except FaultError as error:
        _say(str(error))
        return 2
    with _copy_trees(arguments.jobs) as trees:
        tree = trees.get()
        if not arguments.trust and (failed := _run(tree, dict.fromkeys(test for f in faults for test in f.tests))):
            _say(f"The tests fail without any fault:\n{failed[-4000:]}")
            return 2
        trees.put(tree)
        with ThreadPoolExecutor(arguments.jobs) as executor:
            results = Counter(executor.map(lambda fault: _try(fault, trees), faults))
    _say(", ".join(f"{count} {result}" for result, count in results.items()) + f", of {len(faults)}.")
    return int(bool(results["broken"]) or results["PASSED"] > MOST_PASSED * len(faults))


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("names", nargs="*", help="lists, or faults such as routes-3; none takes all")
    parser.add_argument("--jobs", type=int, default=1, help="how many are tried at a time")
    parser.add_argument("--trust", action="store_true", help="do not first run the tests without a fault")
    return parser.parse_args()


def _try(fault: Fault, trees: "SimpleQueue[Path]") -> str:
    tree = trees.get()
    path = tree / fault.file
    text = path.read_text()
    try:
        path.write_text(fault.apply(text))
        result, about = ("noticed" if _run(tree, fault.tests) else "PASSED"), fault.why
    except FaultError as error:
        result, about = "broken", str(error)
    finally:
        path.write_text(text)
        trees.put(tree)
    _say(f"{fault.name:<16} {result:<8} {fault.file}: {about}")
    return result


def _run(tree: Path, tests: Iterable[str]) -> str:
    """Run tests of a copy. Returns what they say if one fails, nothing if all pass.

    Raises:
        FaultError: They are not found.
    """
    command = [sys.executable, "-m", "pytest", "--thorough", "-x", "-q", *tests]
    # Python takes compiled code for current that was made in the same second from as many bytes.
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    try:
        ended = subprocess.run(
            command,
            cwd=tree,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_HANGS_AFTER_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "They hang."
    if ended.returncode not in {0, *_FAILED}:
        raise FaultError(f"pytest ended with {ended.returncode}: {(ended.stdout + ended.stderr)[-400:]}")
    return ended.stdout if ended.returncode else ""


@contextmanager
def _copy_trees(count: int) -> Iterator["SimpleQueue[Path]"]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    names = [name for name in listed.stdout.split("\0") if (ROOT / name).is_file()]
    trees: SimpleQueue[Path] = SimpleQueue()
    with TemporaryDirectory(prefix="faults-") as folder:
        for number in range(count):
            for name in names:
                target = Path(folder, str(number), name)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, target)
            trees.put(Path(folder, str(number)))
        yield trees


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
