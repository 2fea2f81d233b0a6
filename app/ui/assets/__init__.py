"""The page's own files: style, script, icon."""

import hashlib
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
STYLE = FOLDER / "page.css"
OPENING_STYLE = (FOLDER / "opening.css").read_text()
"""Stands in the page itself, so that it is there at once."""
PEOPLE_STYLE = f".gradio-container[class][class][class] {{\n{(FOLDER / 'people.css').read_text()}}}\n"
"""Comes with the faces of a photo that has several, and weighs more than what Gradio makes of `page.css`."""

FOREVER = "public, max-age=31536000, immutable"
"""How long browsers keep what has another address when it changes."""


@cache
def stamped(name: str) -> str:
    """Return the address of one of the files; it changes with the file, so browsers may keep it forever."""
    stamp = hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()[:12]
    return f"/ui/{name}?{stamp}"
