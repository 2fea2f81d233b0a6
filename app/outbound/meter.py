"""A network that delivers no more than a number of bytes, whatever they are.

The parser of HTTP bounds each line of a head; without this, a host could send heads of interim answers, or a body in
pieces of one byte, and keep the server's processor busy with them.
"""

import ssl
from collections.abc import Iterable
from typing import Any

from httpcore2 import SOCKET_OPTION, AnyIOBackend, AsyncNetworkBackend, AsyncNetworkStream, ProtocolError


class MeteredNetwork(AsyncNetworkBackend):
    """Connects as usual, with a limit on what its connection may receive.

    Attributes:
        left_bytes: How much more that is; what is over it is not read.
    """

    def __init__(self, limit_bytes: int) -> None:
        """Set the limit.

        Args:
            limit_bytes: After TLS.
        """
        self.left_bytes = limit_bytes
        self._network = AnyIOBackend()

    def allow(self, num_bytes: int) -> None:
        """Let more bytes through."""
        self.left_bytes += num_bytes

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - as the base class has it
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        """Connect to a host."""
        return _MeteredStream(await self._network.connect_tcp(host, port, timeout, local_address, socket_options), self)


class _MeteredStream(AsyncNetworkStream):
    def __init__(self, stream: AsyncNetworkStream, meter: MeteredNetwork) -> None:
        self._stream = stream
        self._meter = meter

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        if self._meter.left_bytes <= 0:
            raise ProtocolError
        data = await self._stream.read(min(max_bytes, self._meter.left_bytes), timeout)
        self._meter.left_bytes -= len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> AsyncNetworkStream:
        return _MeteredStream(await self._stream.start_tls(ssl_context, server_hostname, timeout), self._meter)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as the base class has it
        return self._stream.get_extra_info(info)
