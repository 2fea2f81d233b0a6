"""The page's own files: style, script, icon."""

import hashlib
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
STYLE = FOLDER / "page.css"
OPENING_STYLE = FOLDER / "opening.css"


@cache
def stamped(name: str) -> str:
    """Return the address of one of the files; it changes with the file, so browsers may keep it forever."""
    stamp = hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()[:12]
    return f"/ui/{name}?{stamp}"
