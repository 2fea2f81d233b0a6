"""Answers with files: whole, in part, or not modified."""

import re
from email.utils import parsedate_to_datetime
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
    if is_known(request, response.headers["etag"], response.headers["last-modified"]):
        kept = {name: response.headers[name] for name in ("etag", "last-modified")}
        return Response(status_code=304, headers={**_HEADERS, **kept})
    _check_range(request, stat.st_size)
    return response


def is_known(request: Request, etag: str, last_modified: str | None = None) -> bool:
    """Whether the client has this version already, as its conditions say.

    Args:
        request: May have conditions.
        etag: Of the version.
        last_modified: When it was made, as HTTP has it; None if it is not known.
    """
    known = request.headers.get("if-none-match")
    if known is not None:
        tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
        return known.strip() == "*" or etag.removeprefix("W/") in tags
    since = request.headers.get("if-modified-since")
    if since is None or last_modified is None:
        return False
    try:
        return parsedate_to_datetime(last_modified) <= parsedate_to_datetime(since)
    except (ValueError, TypeError, OverflowError):  # no date, one without a zone, or of no year that there is
        return False


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
