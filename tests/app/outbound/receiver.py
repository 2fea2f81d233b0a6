"""A real server on this machine that behaves well or badly, by the path that is asked for."""

import contextlib
import datetime as dt
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NAME = "hooks.example.com"


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes
    at: float


@dataclass
class Receiver:
    """Answers each request as its path's behaviour does, and keeps what came."""

    port: int
    received: list[Received] = field(default_factory=list)
    behaviours: dict[str, Callable[[socket.socket], None]] = field(default_factory=dict)
    is_stopped: threading.Event = field(default_factory=threading.Event)

    def count(self, path: str) -> int:
        return sum(one.path == path for one in self.received)


def answer(status: str, *headers: str, body: bytes = b"") -> Callable[[socket.socket], None]:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""])
    return lambda connection: connection.sendall(head.encode() + body)


def send(content: bytes) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(content)


def send_alert(content: bytes) -> Callable[[socket.socket], None]:
    """Send something, and then a record of TLS that cannot be read, past the encryption."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(content)
        os.write(connection.fileno(), b"\x15\x03\x03\x00\x20" + bytes(32))
        time.sleep(0.2)

    return behave


def drip(head: bytes, piece: bytes, every_seconds: float) -> Callable[[socket.socket], None]:
    """Send so little at a time that no single read ever waits for long."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(head)
        for _ in range(1000):
            connection.sendall(piece)
            time.sleep(every_seconds)

    return behave


@contextlib.contextmanager
def run_receiver(certificate: Path | None = None) -> Iterator[Receiver]:
    listener = socket.create_server(("127.0.0.1", 0))
    receiver = Receiver(listener.getsockname()[1])
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    thread = threading.Thread(target=_accept, args=(listener, context, receiver), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.is_stopped.set()
        listener.close()


def _accept(listener: socket.socket, context: ssl.SSLContext | None, receiver: Receiver) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection = listener.accept()[0]
            threading.Thread(target=_serve, args=(connection, context, receiver), daemon=True).start()


def _serve(connection: socket.socket, context: ssl.SSLContext | None, receiver: Receiver) -> None:
    with contextlib.suppress(OSError, ValueError), connection:
        secured = context.wrap_socket(connection, server_side=True) if context else connection
        with secured:
            received = _read(secured)
            receiver.received.append(received)
            receiver.behaviours.get(received.path, answer("200 OK"))(secured)


def _read(connection: socket.socket) -> Received:
    file = connection.makefile("rb")
    path = file.readline().decode().split(" ")[1]
    lines = iter(lambda: file.readline().decode().strip(), "")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return Received(path, headers, file.read(int(headers.get("content-length", 0))), time.monotonic())


def write_certificate(path: Path, name: str = NAME) -> Path:
    """Write a certificate of that name, and its key, into one file; whoever believes it believes the server."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    return path
