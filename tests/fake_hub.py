"""A model hub on the loopback: repositories of files, ranges, tokens, and connections that break."""

import hashlib
import json
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipeline.weights.spec import Source

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_INFO = re.compile(r"/api/models/(?P<repository>[^/]+/[^/]+)/revision/(?P<revision>.+)")
_FILE = re.compile(r"/(?P<repository>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)")


@dataclass
class FakeHub:
    """What the hub has, and what it was asked for.

    `damaged` paths come with wrong bytes, `breaking` paths break after half of their bytes, once; `refusals` maps a
    repository to the status and the error code that it answers with.
    """

    url: str = ""
    token: str | None = None
    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    damaged: set[str] = field(default_factory=set)
    breaking: set[str] = field(default_factory=set)
    refusals: dict[str, tuple[int, str]] = field(default_factory=dict)
    ranges: list[tuple[str, str | None]] = field(default_factory=list)
    revisions: dict[str, str] = field(default_factory=dict)

    def release(self, folder: Path, sources: Iterable[Source]) -> None:
        """Have what is in the folder, under the names of the repositories that it comes from."""
        for source in sources:
            own = folder / source.folder
            files = {str(path.relative_to(own)): path.read_bytes() for path in own.rglob("*") if path.is_file()}
            there = self.repositories.setdefault(source.repository, {})
            there |= files or {source.patterns[0]: b"a file that is only copied"}

    @property
    def num_bytes(self) -> int:
        return sum(len(data) for files in self.repositories.values() for data in files.values())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, hub: FakeHub, *arguments: object) -> None:
        self.hub = hub
        super().__init__(*arguments)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        found = _INFO.fullmatch(path) or _FILE.fullmatch(path)
        repository = found["repository"] if found else ""
        if self.hub.token and self.headers.get("Authorization") != f"Bearer {self.hub.token}":
            self._answer(401, b"", {"X-Error-Message": "Invalid credentials"})
        elif repository in self.hub.refusals:
            status, code = self.hub.refusals[repository]
            self._answer(status, b"", {"X-Error-Code": code} if code else {})
        elif repository not in self.hub.repositories:
            self._answer(404, b"", {"X-Error-Code": "RepoNotFound"})
        elif "path" in found.groupdict():
            self._send_file(found["path"], self.hub.repositories[repository])
        else:
            self.hub.revisions[repository] = found["revision"]
            self._answer(200, _describe(repository, self.hub.repositories[repository]), {})

    def _send_file(self, path: str, files: dict[str, bytes]) -> None:
        if path not in files:
            self._answer(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        asked = self.headers.get("Range")
        self.hub.ranges.append((path, asked))
        data = files[path][::-1] if path in self.hub.damaged else files[path]
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        headers = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if asked else {}
        is_breaking = path in self.hub.breaking
        self.hub.breaking.discard(path)
        self._answer(206 if asked else 200, data[start:], headers, is_breaking=is_breaking)

    def _answer(self, status: int, body: bytes, headers: dict[str, str], *, is_breaking: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if is_breaking else body)
        self.close_connection = self.close_connection or is_breaking


def _describe(repository: str, files: dict[str, bytes]) -> bytes:
    siblings = [_describe_file(path, data) for path, data in files.items()]
    return json.dumps({"id": repository, "sha": COMMIT, "siblings": siblings, "tags": []}).encode()


def _describe_file(path: str, data: bytes) -> dict:
    described = {"rfilename": path, "size": len(data), "blobId": _git_checksum(data)}
    if path.endswith((".safetensors", ".pth")):
        sha256 = hashlib.sha256(data).hexdigest()
        described["lfs"] = {"size": len(data), "sha256": sha256, "pointerSize": 130}
    return described


def _git_checksum(data: bytes) -> str:
    return hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()


@contextmanager
def serve_hub() -> Iterator[FakeHub]:
    """Serve an empty hub until the block ends."""
    hub = FakeHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, hub))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
