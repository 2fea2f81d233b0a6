"""What a file's host may do, and what it may not."""

import asyncio
import ssl
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from app.outbound import fetch_public
from app.outbound.destination import Address
from pipeline.errors import InputError
from tests.app.outbound.receiver import NAME, Receiver, answer, drip, run_receiver, send, send_alert, write_certificate

LIMIT_BYTES = 100_000
CONTENT = b"a photo" * 1000


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("certificate") / "host.pem")


@pytest.fixture(scope="module")
def trust(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


@pytest.fixture(scope="module")
def receiver(certificate: Path) -> Iterator[Receiver]:
    with run_receiver(certificate) as running:
        yield running


def fetch(
    receiver: Receiver, trust: ssl.SSLContext, target: Path, path: str, *, name: str = NAME, seconds: float = 30
) -> None:
    async def look_up(host: str, port: int) -> tuple[Address, ...]:
        return (ip_address("127.0.0.1"),)

    url = f"https://{name}:{receiver.port}{path}"
    allowed = (name,)
    asyncio.run(
        fetch_public(
            url, target, LIMIT_BYTES, seconds, about="image_url", allowed_hosts=allowed, look_up=look_up, trust=trust
        )
    )


def test_a_file_is_fetched_from_the_address_that_was_checked(
    receiver: Receiver, trust: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    receiver.behaviours["/photo?size=1"] = answer("200 OK", body=CONTENT)
    fetch(receiver, trust, tmp_path / "photo", "/photo?size=1")
    assert (tmp_path / "photo").read_bytes() == CONTENT
    assert receiver.received[-1].headers["host"] == f"{NAME}:{receiver.port}"
    assert receiver.received[-1].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("behave", "code"),
    [
        (answer("302 Found", "Location: https://example.com/"), "url.redirects"),
        (answer("304 Not Modified"), "url.redirects"),
        (answer("404 Not Found"), "url.status"),
        (answer("206 Partial Content", body=CONTENT), "url.status"),
        (answer("200 OK", body=bytes(LIMIT_BYTES + 1)), "url.too_many_bytes"),
        (send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + bytes(LIMIT_BYTES + 1)), "url.too_many_bytes"),
        (send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 90_000), "url.no_http"),
        (send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"), "url.no_http"),
        (send(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000 + b"\r\n\r\n"), "url.no_http"),
        (send(b"SSH-2.0-OpenSSH_9.2\r\n"), "url.no_http"),
        (send(b"HTTP/1.1 100 Continue\r\n\r\n" * 700 + b"HTTP/1.1 200 OK\r\n\r\nx"), "url.no_http"),
        (send(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 17_000 + b"\r\n\r\n"), "url.no_http"),
        (send_alert(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"), "url.connection_lost"),
        (send_alert(b""), "url.connection_lost"),
        (drip(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 0.05), "url.no_answer"),
        (drip(b"HTTP/1.1 200 OK\r\n\r\n", b"x", 0.05), "url.no_answer"),
        (lambda _: time.sleep(2), "url.no_answer"),
    ],
)  # fmt: skip
def test_a_host_that_misbehaves_is_left_within_limits(
    receiver: Receiver, trust: ssl.SSLContext, tmp_path: Path, behave: object, code: str
) -> None:
    receiver.behaviours["/bad"] = behave
    with pytest.raises(InputError) as failed:
        fetch(receiver, trust, tmp_path / "photo", "/bad", seconds=0.4 if code == "url.no_answer" else 30)
    assert (failed.value.notice.code, failed.value.notice.about) == (code, "image_url")


def test_a_certificate_must_be_of_the_name_and_of_a_known_authority(
    receiver: Receiver, trust: ssl.SSLContext, tmp_path: Path
) -> None:
    for name, believed in [("other.example.com", trust), (NAME, ssl.create_default_context())]:
        with pytest.raises(InputError) as failed:
            fetch(receiver, believed, tmp_path / "photo", "/photo", name=name)
        assert failed.value.notice.code == "url.certificate"


def test_a_name_that_is_public_first_and_private_after_is_looked_up_once(receiver: Receiver, tmp_path: Path) -> None:
    answers = iter(["192.88.98.1", "127.0.0.1"])

    async def look_up(host: str, port: int) -> tuple[Address, ...]:
        return (ip_address(next(answers)),)

    before, url = len(receiver.received), f"https://rebind.example.com:{receiver.port}/"
    for code in ("url.no_connection", "url.leads_inside"):
        with pytest.raises(InputError) as failed:
            asyncio.run(fetch_public(url, tmp_path / "photo", LIMIT_BYTES, 0.3, look_up=look_up))
        assert failed.value.notice.code in {code, "url.no_answer" if code == "url.no_connection" else code}
    assert len(receiver.received) == before
