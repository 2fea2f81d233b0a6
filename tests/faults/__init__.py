"""Small faults that would be dangerous, and the tests that must notice each: the lists beside this file.

`python -m tests.faults` puts them into a copy of the project, one at a time, and runs those tests.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LISTS = Path(__file__).parent
_TEST = re.compile(r"(?P<path>[\w/]+\.py)(::(?P<names>[\w:]+))?(\[.*\])?")
_OPTIONS_WITH_VALUE = {"-k", "-m"}


class FaultError(Exception):
    """A fault cannot be tried; the message says why."""


@dataclass(frozen=True)
class Fault:
    """A fault, as its list has it.

    Attributes:
        name: Of the list, and its number in it, such as `decoding-3`.
        file: Where it is put, from the root.
        find: Text that the file has exactly once.
        replace: What stands there instead.
        tests: Arguments of pytest; at least one of these tests must fail.
        why: What would happen.
    """

    name: str
    file: str
    find: str
    replace: str
    tests: tuple[str, ...]
    why: str

    def apply(self, text: str) -> str:
        """Return the file's text with the fault.

        Raises:
            FaultError: The place is not there, or not the only one, or the result is no Python.
        """
        if (count := text.count(self.find)) != 1:
            raise FaultError(f"{self.file} has the text {count} times; expected it once.")
        changed = text.replace(self.find, self.replace)
        if changed == text:
            raise FaultError("It changes nothing.")
        if self.file.endswith(".py"):
            try:
                compile(changed, self.file, "exec")
            except SyntaxError as error:
                raise FaultError(f"It is no Python: {error}.") from None
        return changed


def load_faults(chosen: list[str] | None = None) -> list[Fault]:
    """Return the faults of all lists, or of those chosen.

    Args:
        chosen: Names of lists, or of single faults.

    Raises:
        FaultError: There is none of that name.
    """
    faults = [fault for path in sorted(LISTS.glob("*.toml")) for fault in _load_list(path)]
    if not chosen:
        return faults
    lists = {fault.name: fault.name.rpartition("-")[0] for fault in faults}
    if unknown := set(chosen) - lists.keys() - set(lists.values()):
        raise FaultError(f"There is no list or fault {', '.join(sorted(unknown))}.")
    return [fault for fault in faults if {fault.name, lists[fault.name]} & set(chosen)]


def find_missing_tests(fault: Fault) -> Iterator[str]:
    """Yield those of a fault's tests that there are not."""
    previous = ""
    for argument in fault.tests:
        if not argument.startswith("-") and previous not in _OPTIONS_WITH_VALUE and not _exists(argument):
            yield argument
        previous = argument


def _load_list(path: Path) -> Iterator[Fault]:
    for number, row in enumerate(tomllib.loads(path.read_text())["fault"], start=1):
        yield Fault(f"{path.stem}-{number}", **row | {"tests": tuple(row["tests"])})


def _exists(argument: str) -> bool:
    match = _TEST.fullmatch(argument)
    path = ROOT / (match["path"] if match else argument)
    if match is None or not match["names"]:
        return path.exists()
    name = match["names"].rpartition(":")[2]
    return path.exists() and f"def {name}(" in path.read_text()
