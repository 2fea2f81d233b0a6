"""Answers with files: whole, in part, or not modified."""

import re
from pathlib import Path

from fastapi import Request, Response
from fastapi.responses import FileResponse

from app.errors import JobExpiredError, RangeError

_RANGE = re.compile(r"bytes=(?=\d|-\d)(?P<start>\d{0,18})-(?P<end>\d{0,18})", re.ASCII)
_HEADERS = {"Cache-Control": "private, max-age=0, must-revalidate"}


def answer_file(request: Request, path: Path, job_id: str, name: str, *, download: bool = False) -> Response:
    """Answer with a file of a job.

    Args:
        request: May ask for a range, or be conditional.
        path: The file.
        job_id: Which job it belongs to.
        name: File name for saving it.
        download: Have browsers save it instead of showing it.

    Raises:
        JobExpiredError: The file has just been deleted.
        RangeError: The range lies outside of the file.
    """
    try:
        stat = path.stat()
    except FileNotFoundError:
        raise JobExpiredError(job_id) from None
    kind = "attachment" if download else "inline"
    response = FileResponse(path, headers=_HEADERS, filename=name, stat_result=stat, content_disposition_type=kind)
    if _is_known(request, response.headers["etag"]):
        return Response(status_code=304, headers={**_HEADERS, "ETag": response.headers["etag"]})
    _check_range(request, stat.st_size)
    return response


def _is_known(request: Request, etag: str) -> bool:
    known = request.headers.get("if-none-match", "")
    return known.strip() == "*" or etag in {tag.strip().removeprefix("W/") for tag in known.split(",")}


def _check_range(request: Request, num_bytes: int) -> None:
    """Refuse a range outside of the file, and ignore invalid or multiple ranges: the whole file answers those."""
    match = _RANGE.fullmatch(request.headers.get("range", "").strip())
    is_range = match is not None and (not match["end"] or int(match["start"] or 0) <= int(match["end"]))
    starts_outside = match is not None and (int(match["start"]) >= num_bytes if match["start"] else match["end"] == "0")
    if starts_outside and "if-range" not in request.headers:
        raise RangeError(num_bytes)
    if not is_range or starts_outside:
        headers = request.scope["headers"]
        request.scope["headers"] = [(name, value) for name, value in headers if name != b"range"]
