"""The messages of the Model Context Protocol that a server without sessions needs.

Source: https://modelcontextprotocol.io/specification, revisions 2025-06-18, 2025-11-25 and 2026-07-28.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

HANDSHAKE_VERSIONS = ("2025-06-18", "2025-11-25")
"""Revisions whose clients begin with `initialize`. Older ones know no links to resources."""

ENVELOPE_VERSIONS = ("2026-07-28",)
"""Revisions whose clients say with each request who they are."""

VERSIONS = (*HANDSHAKE_VERSIONS, *ENVELOPE_VERSIONS)

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
_HEADER_MISMATCH = -32020
_UNSUPPORTED_VERSION = -32022

_VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
_CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities"


class Message(BaseModel):
    """A request or a notification; a notification has no `id`."""

    model_config = ConfigDict(extra="ignore")

    jsonrpc: Literal["2.0"]
    id: Annotated[str, Field(max_length=200)] | int | None = None
    method: Annotated[str, Field(max_length=200)]
    params: dict[str, Any] = {}

    @property
    def is_notification(self) -> bool:
        """Whether nobody waits for an answer."""
        return "id" not in self.model_fields_set


@dataclass
class ProtocolError(Exception):
    """A message that cannot be answered; what a tool refuses is told in the tool's own answer instead.

    Attributes:
        code: Of JSON-RPC or of the protocol.
        message: What was expected, what came, what to do.
        data: As the code demands it.
    """

    code: int
    message: str
    data: dict[str, Any] = field(default_factory=dict)


def check_version(request: Request) -> None:
    """Check the revision that the request names; the first request of a client may name none.

    Raises:
        ProtocolError: It is not spoken here.
    """
    named = request.headers.get("mcp-protocol-version")
    if named is not None and named not in VERSIONS:
        raise _refuse_version(named)


def check_envelope(request: Request, message: Message) -> None:
    """Check, for revisions that have it, what each request says of itself, and that its headers say the same.

    Raises:
        ProtocolError: It says too little, or contradicts itself.
    """
    meta = message.params.get("_meta")
    meta = meta if isinstance(meta, dict) else {}
    header = request.headers.get("mcp-protocol-version")
    if header not in ENVELOPE_VERSIONS and _VERSION_KEY not in meta:
        return
    if missing := [key for key in (_VERSION_KEY, _CAPABILITIES_KEY) if key not in meta]:
        raise ProtocolError(INVALID_PARAMS, f"params._meta lacks {' and '.join(missing)}.")
    expected = {"MCP-Protocol-Version": meta[_VERSION_KEY], "Mcp-Method": message.method}
    if message.method == "tools/call":
        expected["Mcp-Name"] = message.params.get("name")
    for name, value in expected.items():
        if request.headers.get(name) != value:
            raise ProtocolError(_HEADER_MISMATCH, f"The header {name} does not say what the body says.")
    if header not in ENVELOPE_VERSIONS:
        raise _refuse_version(str(header))


def choose_version(asked: object) -> str:
    """Return the revision to speak with a client that begins with `initialize`."""
    return asked if isinstance(asked, str) and asked in HANDSHAKE_VERSIONS else HANDSHAKE_VERSIONS[-1]


def answer_result(message: Message, result: dict[str, Any]) -> Response:
    """Answer a request."""
    whole = {"resultType": "complete", **result}
    return _answer(200, {"jsonrpc": "2.0", "id": message.id, "result": whole})


def answer_error(request: Request, error: ProtocolError, message: Message | None = None) -> Response:
    """Answer a message that cannot be served."""
    told = {"code": error.code, "message": error.message} | ({"data": error.data} if error.data else {})
    body = {"jsonrpc": "2.0", "id": message and message.id, "error": told}
    return _answer(_find_status(request, error, is_read=message is not None), body)


def _find_status(request: Request, error: ProtocolError, *, is_read: bool) -> int:
    """Return the HTTP status: revisions with a handshake tell of what is wrong with a request that was read in 200."""
    is_enveloped = request.headers.get("mcp-protocol-version") in ENVELOPE_VERSIONS
    if is_read and not is_enveloped and error.code in {METHOD_NOT_FOUND, INVALID_PARAMS}:
        return 200
    return 404 if error.code == METHOD_NOT_FOUND else 400


def _answer(status: int, body: dict[str, Any]) -> Response:
    return JSONResponse(body, status, headers={"Cache-Control": "no-store"})


def _refuse_version(named: str) -> ProtocolError:
    data = {"supported": list(VERSIONS), "requested": named[:100]}
    return ProtocolError(_UNSUPPORTED_VERSION, f"This revision is not spoken here; {', '.join(VERSIONS)} are.", data)
