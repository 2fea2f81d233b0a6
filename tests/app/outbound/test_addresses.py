"""Which addresses the server may ask for clients."""

import asyncio
import subprocess
import sys
from ipaddress import ip_address

import pytest

from app.outbound import Destination, OutboundError, addresses, check_url, is_public, resolve
from app.outbound.destination import Address
from pipeline.errors import InputError


def run_resolve(url: str, *addresses: str, allowed: tuple[str, ...] = ()) -> tuple[Address, ...]:
    async def look_up(host: str, port: int) -> tuple[Address, ...]:
        return tuple(map(ip_address, addresses))

    return asyncio.run(resolve(url, allowed, look_up=look_up)).addresses


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1",
        "172.31.255.255", "192.0.0.9", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1",
        "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1",
        "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::8.8.8.8", "100::1", "2001::1", "2001:db8::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2002:7f00:1::1", "2002:a9fe:a9fe::1", "3fff::1", "4000::1",
        "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "2606:4700::1%eth0",
    ],
)  # fmt: skip
def test_an_address_that_is_not_of_the_public_internet_is_none(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "8.8.8.8", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]
)
def test_a_public_address_is_one_also_where_ipv6_carries_it(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "url.unreadable"),
        ("example.com/hook", "url.unreadable"),
        ("https://", "url.unreadable"),
        ("https:///path", "url.unreadable"),
        ("https://example.com\\@10.0.0.1/", "url.unreadable"),
        ("https://example.com/a b", "url.unreadable"),
        ("https://example.com/\r\nX-Key: 1", "url.unreadable"),
        ("https://exa\tmple.com/", "url.unreadable"),
        ("https://example.com:port/", "url.unreadable"),
        ("https://example.com:70000/", "url.unreadable"),
        ("https://ex..ample.com/", "url.unreadable"),
        ("https://[::1", "url.unreadable"),
        ("https://-a.example.com/", "url.unreadable"),
        ("https://exa%6dple.com/", "url.unreadable"),
        ("https://" + "a" * 64 + ".example.com/", "url.unreadable"),
        ("https://example.com/" + "a" * 2000, "url.too_long"),
        ("https://user:secret@example.com/", "url.user"),
        ("https://example.com@10.0.0.1/", "url.user"),
        ("http://example.com/", "url.not_https"),
        ("ftp://example.com/", "url.unreadable"),
        ("file:///etc/passwd", "url.unreadable"),
        ("gopher://example.com/", "url.unreadable"),
        ("https://example.com:22/", "url.port"),
        ("https://example.com:80/", "url.port"),
        ("https://example.com:0/", "url.port"),
        ("https://example.com:6379/", "url.port"),
        ("https://2130706433/", "url.disguised"),
        ("https://0x7f000001/", "url.disguised"),
        ("https://0177.0.0.1/", "url.disguised"),
        ("https://127.1/", "url.disguised"),
        ("https://127.0.0.1.0x1/", "url.disguised"),
        ("https://010.8.8.8/", "url.disguised"),
        ("https://1.2.3.4.5/", "url.disguised"),
        ("https://[fe80::1%25eth0]/", "url.disguised"),
        ("https://[fe80::1%eth0]/", "url.disguised"),
        ("https://127.0.0.1/", "url.private"),
        ("https://127.0.0.1./", "url.private"),
        ("https://[::1]/", "url.private"),
        ("https://[::ffff:127.0.0.1]/", "url.private"),
        ("https://[::ffff:7f00:1]:8443/", "url.private"),
        ("https://[64:ff9b::a9fe:a9fe]/", "url.private"),
        ("https://[fd00:ec2::254]/latest/meta-data", "url.private"),
        ("https://169.254.169.254/latest/meta-data", "url.private"),
        ("https://\uff11\uff12\uff17.0.0.1/", "url.private"),
        ("https://\u2460\u2461\u2466.0.0.1/", "url.private"),
        ("https://127\u30020\u30020\u30021/", "url.private"),
        ("https://localhost/", "url.private"),
        ("https://LOCALHOST./", "url.private"),
        ("https://app.localhost/", "url.private"),
        ("https://metadata/", "url.private"),
        ("https://metadata.google.internal/", "url.private"),
        ("https://printer.local/", "url.private"),
    ],
)
def test_a_url_that_nobody_may_name_is_refused_in_words(url: str, code: str) -> None:
    with pytest.raises(InputError) as refused:
        check_url(url)
    assert refused.value.notice.code == code
    assert refused.value.notice.about == "callback_url"


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("https://example.com", "example.com", "/"),
        ("HTTPS://Example.COM.:8443/hook?a=%20b#part", "example.com:8443", "/hook?a=%20b"),
        ("https://b\u00fccher.example.org/x", "xn--bcher-kva.example.org", "/x"),
        ("https://8.8.8.8/", "8.8.8.8", "/"),
        ("https://[2606:4700::1111]/", "[2606:4700::1111]", "/"),
    ],
)
def test_a_url_is_read_as_it_will_be_asked(url: str, authority: str, path: str) -> None:
    target = check_url(url)
    assert (target.authority, target.path) == (authority, path)


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["2606:4700::1", "::1"], []])
def test_every_address_of_a_name_must_be_public(addresses: list[str]) -> None:
    with pytest.raises(OutboundError):
        run_resolve("https://example.com/", *addresses)


def test_a_name_is_asked_at_the_addresses_that_were_checked() -> None:
    assert run_resolve("https://example.com/", "8.8.8.8", "8.8.4.4") == (ip_address("8.8.8.8"), ip_address("8.8.4.4"))


def test_hosts_that_the_operator_named_may_be_private_and_http() -> None:
    assert run_resolve("http://n8n:5678/hook", "10.0.0.7", allowed=("n8n:5678",)) == (ip_address("10.0.0.7"),)
    assert run_resolve("http://[::1]:5678/", "::1", allowed=("[::1]",)) == (ip_address("::1"),)
    with pytest.raises(InputError):
        run_resolve("http://n8n:5679/hook", "10.0.0.7", allowed=("n8n:5678",))


def test_names_that_never_answer_hold_up_none_of_another_field(monkeypatch: pytest.MonkeyPatch) -> None:
    """More files than there are places wait for a dead name server: each has its time, and a webhook none to wait."""
    monkeypatch.setattr(addresses, "_LOOKUP_SECONDS", 0.1)
    asked = []

    async def look_up(host: str, port: int) -> tuple[Address, ...]:
        asked.append(host)
        if host == "dead.example.com":
            await asyncio.sleep(10)
        return (ip_address("8.8.8.8"),)

    async def ask() -> list[object]:
        files = [resolve("https://dead.example.com/", about="image_url", look_up=look_up) for _ in range(20)]
        last = resolve("https://example.org/", about="image_url", look_up=look_up)
        waiting = asyncio.gather(*files, last, return_exceptions=True)
        await asyncio.sleep(0)
        await asyncio.wait_for(resolve("https://example.com/", look_up=look_up), 0.05)
        return list(await waiting)

    *failed, last = asyncio.run(ask())
    assert {type(one) for one in failed} == {OutboundError}
    assert isinstance(last, Destination)  # though it waited for its turn longer than a lookup may take
    assert len(asked) == 22


def test_a_lookup_that_is_given_up_keeps_no_server_from_ending() -> None:
    code = """
import asyncio, socket, time
from app.outbound import addresses
socket.getaddrinfo = lambda *_, **__: time.sleep(60)
try:
    asyncio.run(asyncio.wait_for(addresses.look_up("example.com", 443), 0.05))
except TimeoutError:
    print("given up")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("given up\n", "", 0)
