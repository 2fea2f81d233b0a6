"""The version is the same wherever it is written."""

import re
import tomllib
from pathlib import Path

from app import VERSION


def test_package_and_changelog_have_the_apps_version() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    newest = re.search(r"^## .*?(\d+\.\d+\.\d+)", Path("CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert (project["version"], newest[1]) == (VERSION, VERSION)
