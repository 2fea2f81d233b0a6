"""The version is the same wherever people meet it."""

import re
from pathlib import Path

from pipeline.version import VERSION


def test_the_changelog_begins_with_this_version() -> None:
    newest = re.search(r"^## .*?(\d+\.\d+\.\d+)", Path("CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert newest[1] == VERSION
