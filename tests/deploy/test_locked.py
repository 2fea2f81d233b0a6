"""Who may use what is deployed."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.deploy.conftest import APP
from tests.deploy.loopback.plane import Loopback

PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def locked(loopback: Loopback) -> Iterator[httpx.Client]:
    """The web function of an app that was deployed with a password, without the page, which takes seconds to start."""
    loopback.modal("deploy", "deploy.py", VIDEO_LAB_PASSWORD=PASSWORD, VIDEO_LAB_MODAL_OPEN="", VIDEO_LAB_PAGE="off")
    with loopback.serve_web(APP, "web") as url, httpx.Client(base_url=url, timeout=60) as http:
        yield http


@pytest.mark.parametrize(("method", "path"), [("GET", "/profiles"), ("POST", "/jobs"), ("POST", "/generate")])
def test_asks_for_the_password(locked: httpx.Client, method: str, path: str) -> None:
    assert locked.request(method, path).status_code == 401


def test_lets_those_in_who_have_it(locked: httpx.Client) -> None:
    assert locked.get("/profiles", auth=("", PASSWORD)).status_code == 200


def test_shows_the_password_in_no_setting_of_a_container(locked: httpx.Client, loopback: Loopback) -> None:
    assert locked.get("/health").status_code == 200
    handed_on = [
        name
        for name, function in loopback.declared().items()
        for secret in function.secrets
        if PASSWORD in str(loopback.plane.secret_values[secret])
    ]
    assert handed_on == ["web"]


def test_does_not_deploy_what_everybody_may_use(loopback: Loopback, volumes: Path) -> None:
    del volumes
    printed = loopback.modal("deploy", "deploy.py", check=False, VIDEO_LAB_MODAL_OPEN="")
    assert "anybody who finds the address can spend $20 a day on your account" in printed
    assert "Set VIDEO_LAB_PASSWORD" in printed
    assert "The app is at" not in printed


@pytest.mark.parametrize("setting", ["VIDEO_LAB_MODAL_OPEN", "VIDEO_LAB_MODAL_PROXY_AUTH"])
def test_deploys_what_is_meant_to_be_open_or_is_locked_by_modal(loopback: Loopback, setting: str) -> None:
    printed = loopback.modal("deploy", "deploy.py", **{"VIDEO_LAB_MODAL_OPEN": "", setting: "1"})
    assert "The app is at" in printed
