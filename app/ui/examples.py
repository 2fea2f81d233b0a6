"""Examples that run with one press."""

from dataclasses import dataclass
from html import escape
from pathlib import Path

from app.ui.texts import Texts

ASSETS = Path(__file__).parents[2] / "assets"


@dataclass(frozen=True)
class Example:
    """A photo and a voice that go together.

    Attributes:
        name: Key of its text.
        photo: File of the photo.
        voice: File of the voice.
    """

    name: str
    photo: Path
    voice: Path


EXAMPLES: dict[str, Example] = {
    example.name: example
    for example in (
        Example("grace_hopper", ASSETS / "photos/grace_hopper.jpg", ASSETS / "voices/hibari.wav"),
        Example("mona_lisa", ASSETS / "photos/mona_lisa.jpg", ASSETS / "voices/hibari.wav"),
    )
}


def render(texts: Texts) -> str:
    """Return the row of examples, each a button."""
    buttons = "".join(
        f'<button type="button" data-action="example" data-name="{name}"><img src="/ui/examples/{name}.jpg" alt="" '
        f'width="44" height="44"><span>{escape(texts(f"examples.{name}"))}</span></button>'
        for name in EXAMPLES
    )
    return f'<div class="examples"><p>{escape(texts("examples.heading"))}</p><div>{buttons}</div></div>'
