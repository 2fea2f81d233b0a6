"""Settings are documented, and checked at start."""

import socket
import subprocess
from pathlib import Path

import pytest

from app.settings import PREFIX, Settings, SettingsError, load_settings
from tests.app.conftest import Starter
from tests.app.server import APP, find_port, make_environment

DOCUMENTED = Path("docs/settings.md").read_text()


def start(tmp_path: Path, **settings: object) -> subprocess.CompletedProcess[str]:
    environment = make_environment(tmp_path / "data", port=find_port(), page="off") | {
        f"{PREFIX}{name.upper()}": str(value) for name, value in settings.items()
    }
    return subprocess.run(APP, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented_with_its_default_and_what_is_allowed(name: str) -> None:
    field = Settings.model_fields[name]
    row = next(line for line in DOCUMENTED.splitlines() if f"`{PREFIX}{name.upper()}`" in line)
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    named = [text for value, text in ((True, "on"), (False, "off"), (None, "-"), ((), "-")) if field.default is value]
    assert isinstance(field.json_schema_extra, dict)
    assert cells[1].strip("`") == (named[0] if named else str(field.default))
    assert cells[2] == field.json_schema_extra["allowed"]
    assert cells[3] == field.description


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("port", "many", "1 to 65535"),
        ("port", "70000", "1 to 65535"),
        ("workers", "0", "1 to 64"),
        ("result_hours", "nan", "up to 8760"),
        ("queue_size", "-1", "1 to 10000"),
        ("device", "gpu", "cuda:0"),
        ("log_level", "loud", "debug"),
        ("live", "perhaps", "auto, on, off"),
        ("public_url", "ftp://x", "http or https"),
        ("trusted_proxies", "10.0.0.0/33", "addresses and networks"),
        ("password", "short", "at least 8"),
        ("password", "vl_long enough", "not `vl_` first"),
        ("password", "long enough ", "no blank"),
        ("weights_dir", "/nowhere", "a folder that exists"),
    ],
)
def test_says_which_setting_is_wrong_and_what_is_allowed(
    name: str, value: str, allowed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{PREFIX}{name.upper()}", value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert f"{PREFIX}{name.upper()}" in str(refused.value)
    assert allowed in str(refused.value)
    assert name != "password" or value not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("port", "many", "1 to 65535"),
        ("data_dir", "/proc/nowhere", "VIDEO_LAB_DATA_DIR"),
        ("host", "203.0.113.1", "VIDEO_LAB_HOST"),
    ],
)
def test_a_wrong_setting_ends_the_server_with_a_reason(name: str, value: str, hint: str, tmp_path: Path) -> None:
    ended = start(tmp_path, **{name: value})
    assert ended.returncode == 2
    assert f"{PREFIX}{name.upper()}" in ended.stderr
    assert hint in ended.stderr
    assert "Traceback" not in ended.stderr


def test_says_that_the_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = start(tmp_path, port=taken.getsockname()[1])
    assert ended.returncode == 2
    assert "Address already in use" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_two_servers_do_not_share_a_data_folder_and_warn_of_what_may_not_be_meant(
    start_server: Starter, tmp_path: Path
) -> None:
    first = start_server(host="0.0.0.0", prot=80, num_gpus=2, workers=2)
    ended = start(tmp_path)
    assert ended.returncode == 2
    assert f"process {first.process.pid}" in ended.stderr
    assert "Traceback" not in ended.stderr
    log = first.log.read_text()
    assert "VIDEO_LAB_PROT is no setting" in log
    assert "without a password" in log
    assert "use one worker" in log
