"""The deployment's documentation."""

from dataclasses import fields

import pytest

from app.deployment import Deployment
from app.remote import TimeLimits
from app.remote.table import describe_limits
from tests.deploy.conftest import ROOT

TEXT = (ROOT / "docs/deploy.md").read_text()


@pytest.mark.parametrize("setting", fields(Deployment), ids=lambda field: field.name)
def test_has_each_setting_with_its_default(setting) -> None:  # noqa: ANN001 - a field of a dataclass
    default = int(setting.default) if isinstance(setting.default, bool) else setting.default
    row = next(line for line in TEXT.splitlines() if line.startswith(f"| `VIDEO_LAB_MODAL_{setting.name.upper()}`"))
    told = row.split("|")[2]
    assert str(default) in told if default != "" else told.strip() in {"anywhere", "none"}


def test_has_the_table_of_limits_as_it_is() -> None:
    lines = list(describe_limits(TimeLimits(Deployment().time_limits)))
    assert "\n".join(lines) in TEXT


def test_has_the_options_of_the_command() -> None:
    source = (ROOT / "deploy.py").read_text()
    names = [
        name
        for name in ("prompt", "start", "seconds", "steps", "seed", "aspect", "output")
        if f"    {name}: " in source
    ]
    assert len(names) == 7
    assert all(f"`--{name}`" in TEXT for name in names)
