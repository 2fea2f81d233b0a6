"""One request and its answer, within limits of time and bytes. No redirects, no proxies, no cookies, no compression."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from httpcore2 import (
    URL,
    AsyncHTTPConnection,
    ConnectError,
    ConnectTimeout,
    NetworkError,
    Origin,
    ProtocolError,
    Response,
    TimeoutException,
    default_ssl_context,
)

from app.outbound.destination import Address, Destination, OutboundError
from app.outbound.meter import MeteredNetwork
from pipeline.version import VERSION

_HEAD_BYTES = 16_000
"""Of all heads together: each interim answer before the last has one, and takes the processor's time."""
_CONNECT_SECONDS = 5.0
_MAX_ADDRESSES = 4
_AGENT = f"Video-Lab/{VERSION}"

Headers = dict[bytes | str, bytes | str]


@dataclass(frozen=True)
class Outgoing:
    """A request to be sent.

    Attributes:
        destination: Where to.
        method: GET or POST.
        headers: Beside Host, User-Agent and Accept-Encoding.
        content: The body.
        limit_bytes: The most that is taken of the answer's body.
    """

    destination: Destination
    method: str
    headers: Headers
    content: bytes = b""
    limit_bytes: int = 0


@dataclass(frozen=True)
class Answer:
    """How a server answered; its body is not read.

    Attributes:
        status: HTTP status.
        retry_after: What its header of that name says.
    """

    status: int
    retry_after: str | None


def load_trust() -> ssl.SSLContext:
    """Load the authorities whose certificates are believed: this computer's, or those of SSL_CERT_FILE."""
    return default_ssl_context()


async def post(
    destination: Destination,
    content: bytes,
    headers: Headers,
    *,
    trust: ssl.SSLContext,
    timeout_seconds: float,
) -> Answer:
    """Send a body, and return how it was answered; raises as `exchange` does."""
    async with exchange(Outgoing(destination, "POST", headers, content), trust, timeout_seconds) as response:
        return Answer(response.status, find_header(response, b"retry-after"))


@asynccontextmanager
async def exchange(outgoing: Outgoing, trust: ssl.SSLContext, timeout_seconds: float) -> AsyncIterator[Response]:
    """Send a request to an address that was checked, and lend the answer.

    The time counts for everything, until the caller has done with the answer. Heads of more than 16 kB together are
    refused.

    Args:
        outgoing: The request.
        trust: The authorities whose certificates are believed, for the name in the URL.
        timeout_seconds: For all of it.

    Raises:
        OutboundError: There is no answer, or not all of it in time.
    """
    try:
        async with asyncio.timeout(timeout_seconds), AsyncExitStack() as stack:
            yield await _send(outgoing, trust, timeout_seconds, stack)
    except (TimeoutError, TimeoutException):
        raise OutboundError("url.no_answer", seconds=timeout_seconds) from None
    except (NetworkError, ssl.SSLError) as error:  # the second comes as it is once TLS has been agreed on
        raise OutboundError(_explain(error)) from None
    except ProtocolError:
        raise OutboundError("url.no_http") from None


async def _send(outgoing: Outgoing, trust: ssl.SSLContext, timeout_seconds: float, stack: AsyncExitStack) -> Response:
    """Send the request to the first of the addresses that can be connected to."""
    *others, last = outgoing.destination.addresses[:_MAX_ADDRESSES]
    for address in others:
        try:
            return await _send_to(address, outgoing, trust, timeout_seconds, stack)
        except (ConnectError, ConnectTimeout):  # nothing was sent
            continue
    return await _send_to(last, outgoing, trust, timeout_seconds, stack)


async def _send_to(
    address: Address,
    outgoing: Outgoing,
    trust: ssl.SSLContext,
    timeout_seconds: float,
    stack: AsyncExitStack,
) -> Response:
    """Connect to the address itself; the name in the URL is the one in Host, and in the certificate."""
    target = outgoing.destination.target
    url = URL(scheme=target.scheme, host=str(address), port=target.port, target=target.path)
    network = MeteredNetwork(_HEAD_BYTES)
    connection = AsyncHTTPConnection(
        Origin(url.scheme, url.host, target.port), ssl_context=trust, network_backend=network
    )
    stack.push_async_callback(connection.aclose)
    timeouts = {"connect": _CONNECT_SECONDS, "read": timeout_seconds, "write": timeout_seconds}
    headers = {"Host": target.authority, "User-Agent": _AGENT, "Accept-Encoding": "identity"} | outgoing.headers
    response = await stack.enter_async_context(
        connection.stream(
            outgoing.method,
            url,
            headers=headers,
            content=outgoing.content or None,
            extensions={"sni_hostname": target.host, "timeout": timeouts},
        )
    )
    network.allow(_HEAD_BYTES + outgoing.limit_bytes * 5 // 4)  # and what a body sent in pieces has besides
    return response


def find_header(response: Response, name: bytes) -> str | None:
    """Return the first of the answer's headers with that name, which is in lower case."""
    return next((value.decode("latin-1") for key, value in response.headers if key.lower() == name), None)


def _explain(error: Exception) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "url.certificate"
        cause = cause.__cause__
    return "url.no_connection" if isinstance(error, ConnectError) else "url.connection_lost"
