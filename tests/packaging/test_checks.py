"""The same checks run by hand and before each commit."""

import re
from pathlib import Path

import yaml


def test_the_hooks_are_the_checks_of_make() -> None:
    recipe = re.search(r"^check:.*\n((?:\t.+\n)+)", Path("Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    commands = recipe[1].replace("$(TESTS)", ".venv-test").split("\n\t")
    hooks = yaml.safe_load(Path(".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert [hook["entry"] for hook in hooks] == [command.strip() for command in commands]
