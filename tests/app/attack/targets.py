"""What must not open: files of the server, devices, links, addresses, and what belongs to others."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.app.server import Server

SECRET = b"only-the-server-may-read-this"
"""Stands in all files that must not be read."""


@dataclass(frozen=True)
class Target:
    """A path that a client names.

    Attributes:
        about: What it is.
        path: As it is named.
    """

    about: str
    path: str


def plant_targets(server: Server, photo: bytes) -> list[Target]:
    """Put what may be attacked into the server's folders, and name it in every way.

    Args:
        server: Is being attacked; it must be one of this machine.
        photo: One that a visitor uploads.
    """
    attacker = upload(server.client, photo)
    with open_visitor(server) as visitor:
        other = upload(visitor, photo)
    secret = server.data_dir / "secret.png"
    jobs = server.data_dir / "jobs" / ("A" * 22)
    jobs.mkdir(mode=0o700, exist_ok=True)
    for path in (secret, *(jobs / name for name in ("job.json", "photo", "video.mp4"))):
        path.touch(mode=0o600)
        path.write_bytes(SECRET)
    own = Path(attacker)
    for name, aim in {"link.png": secret, "folder": server.data_dir}.items():
        if not (own.parent / name).is_symlink():
            (own.parent / name).symlink_to(aim)
    if not (own.parent / "pipe.png").exists():
        os.mkfifo(own.parent / "pipe.png", mode=0o600)
    named = {
        "the server's environment": "/proc/self/environ",
        "a file of the system": "/etc/passwd",
        "a device without end": "/dev/zero",
        "a pipe": str(own.parent / "pipe.png"),
        "a link to a file": str(own.parent / "link.png"),
        "a file in a linked folder": str(own.parent / "folder" / "secret.png"),
        "a folder": str(own.parent),
        "another visitor's upload": other,
        "a file of the data folder": str(secret),
        "the record of a job": str(jobs / "job.json"),
        "the photo of a job": str(jobs / "photo"),
        "the video of a job": str(jobs / "video.mp4"),
        "the lock": str(server.data_dir / "lock"),
        "our own code": str(Path("app/main.py").resolve()),
        "a relative path": "app/main.py",
        "nothing": "",
    }
    spelled = dict(_spell(secret, own, server.port))
    return [Target(about, path) for about, path in {**named, **spelled}.items()]


def _spell(secret: Path, own: Path, port: int) -> Iterator[tuple[str, str]]:
    """Yield paths that mean the secret, or an address, in some odd way."""
    up = "../" * 3
    yield "upwards from an upload", f"{own.parent}/{up}secret.png"
    yield "upwards, encoded", f"{own.parent}/{'%2e%2e%2f' * 3}secret.png"
    yield "upwards, encoded twice", f"{own.parent}/{'%252e%252e%252f' * 3}secret.png"
    yield "upwards with backslashes", f"{own.parent}\\..\\..\\..\\secret.png"
    yield "a null byte", f"{own}\0{secret}"
    yield "a null byte at the end", f"{secret}\0.png"
    yield "two slashes", f"/{secret}"
    yield "a file's address", f"file://{secret}"
    yield "an address of this server", f"http://127.0.0.1:{port}/health"
    yield "an address of another server", "http://169.254.169.254/latest/meta-data"
    yield "a path behind the process", f"/proc/self/cwd/{os.path.relpath(secret)}"
    yield "a very long path", f"{own}{'a' * 100_000}"


@contextmanager
def open_visitor(server: Server) -> Iterator[httpx.Client]:
    """Lend another browser, with the cookie that it got with the page."""
    with httpx.Client(base_url=server.client.base_url, timeout=60, auth=server.client.auth) as client:
        client.get("/config").raise_for_status()
        yield client


def upload(client: httpx.Client, photo: bytes) -> str:
    """Upload a file as the page does and return what it was answered."""
    client.get("/config").raise_for_status()
    answer = client.post("/gradio_api/upload", files={"files": ("me.jpg", photo)})
    answer.raise_for_status()
    return str(answer.json()[0])


def wrap(path: str) -> dict[str, Any]:
    """Return a file as Gradio names it."""
    return {"path": path, "meta": {"_type": "gradio.FileData"}}
