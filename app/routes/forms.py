"""Reads multipart forms: whether a part is a file or a text follows from its name, whatever its client makes of it."""

from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import aclosing, asynccontextmanager
from typing import Any

from fastapi import Request
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, Headers
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser

_FILE_KINDS = (b"image/", b"audio/", b"video/", b"application/octet-stream")


@asynccontextmanager
async def read_form(
    request: Request, texts: Collection[str], files: Collection[str], **limits: int
) -> AsyncIterator[FormData]:
    """Lend the form; its files are deleted afterwards.

    Args:
        request: With the form as its body.
        texts: Names of parts that are texts: JavaScript sends JSON as a Blob, which has a file name.
        files: Names of parts that are files: axios sends a Buffer without a file name.
        limits: As Starlette's parser has them.

    Raises:
        HTTPException: It cannot be read.
    """
    try:
        async with aclosing(request.stream()) as stream:
            form = await _PartParser(request.headers, stream, texts, files, **limits).parse()
    except MultiPartException as error:
        raise HTTPException(400, error.message) from None
    try:
        yield form
    finally:
        await form.close()


class _PartParser(MultiPartParser):
    def __init__(
        self,
        headers: Headers,
        stream: AsyncGenerator[bytes, None],
        texts: Collection[str],
        files: Collection[str],
        **limits: Any,  # noqa: ANN401 - as Starlette's parser takes them
    ) -> None:
        super().__init__(headers, stream, **limits)
        self._texts = {name.encode() for name in texts}
        self._files = {name.encode() for name in files}

    def on_headers_finished(self) -> None:
        """Tell Starlette what the part is, which takes every part with a file name for a file, and no other."""
        part = self._current_part
        _, options = parse_options_header(part.content_disposition)
        name = options.get(b"name", b"")
        if b"filename" in options and name in self._texts:
            part.content_disposition = b'form-data; name="%b"' % name
        elif b"filename" not in options and name not in self._texts and self._is_file(name):
            part.content_disposition = b'%b; filename="file"' % (part.content_disposition or b"")
        super().on_headers_finished()

    def _is_file(self, name: bytes) -> bool:
        kind = dict(self._current_part.item_headers).get(b"content-type", b"").strip().lower()
        return name in self._files or kind.startswith(_FILE_KINDS)
