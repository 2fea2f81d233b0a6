"""The deployment's documentation."""

import pytest

from app.deployment import Deployment, list_settings
from app.remote import TimeLimits
from app.remote.table import describe_limits
from pipeline.request import VideoRequest, flatten
from tests.deploy.conftest import ROOT

TEXT = (ROOT / "docs/deploy.md").read_text()


@pytest.mark.parametrize("setting", list(list_settings()), ids=lambda setting: setting.name)
def test_has_each_setting_with_its_default(setting) -> None:  # noqa: ANN001 - a setting
    default = int(setting.default) if isinstance(setting.default, bool) else setting.default
    row = next(line for line in TEXT.splitlines() if line.startswith(f"| `VIDEO_LAB_MODAL_{setting.name.upper()}`"))
    told = row.split("|")[2]
    assert str(default) in told if default != "" else told.strip() in {"anywhere", "none"}


def test_has_the_table_of_limits_as_it_is() -> None:
    lines = list(describe_limits(TimeLimits(Deployment().time_limits)))
    assert "\n".join(lines) in TEXT


def test_has_the_options_of_the_command() -> None:
    flags = [
        flag for field in flatten(VideoRequest) for flag in (f"--{field.name.replace('_', '-')}", *field.option.flags)
    ]
    assert len(flags) > 15
    assert [flag for flag in (*flags, "--image", "--audio", "--output") if flag not in TEXT] == []
