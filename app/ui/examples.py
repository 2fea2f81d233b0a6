"""Examples that run with one press."""

from contextlib import suppress
from dataclasses import dataclass
from filecmp import cmp
from html import escape
from pathlib import Path

from app.ui.texts import Texts
from pipeline.request import Inputs

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


def is_example(inputs: Inputs) -> bool:
    """Whether these are the files of an example, whose face and voice are ours to lend."""
    if set(inputs) != {"image", "audio"}:
        return False
    photo, voice = inputs["image"], inputs["audio"]
    with suppress(OSError):  # the upload is gone
        return any(_is_copy(photo, one.photo) and _is_copy(voice, one.voice) for one in EXAMPLES.values())
    return False


def _is_copy(file: Path, original: Path) -> bool:
    return cmp(file, original, shallow=False)


def render(texts: Texts) -> str:
    """Return the row of examples, each a button."""
    buttons = "".join(
        f'<button type="button" data-action="example" data-name="{name}"><img src="/ui/examples/{name}.jpg" alt="" '
        f'width="44" height="44"><span>{escape(texts(f"examples.{name}"))}</span></button>'
        for name in EXAMPLES
    )
    return f'<div class="examples"><p>{escape(texts("examples.heading"))}</p><div>{buttons}</div></div>'
