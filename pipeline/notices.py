"""What can be said about an input, each sentence once.

A notice is a code, the field it is about and its values; its English sentence is made from the table here. Pages in
other languages bring a table of their own, keyed by the same codes.
"""

from dataclasses import dataclass, field
from typing import Literal

Field = Literal[
    "image", "audio", "profile", "model", "prompt", "start_sec", "max_duration_sec", "seed", "aspect", "face", "crop",
    "num_inference_steps", "guidance_scale", "audio_guidance_scale", "request",
]  # fmt: skip
Value = str | int | float

TEXTS: dict[str, str] = {}


@dataclass(frozen=True)
class Notice:
    """One thing found in an input, as an error or as a warning.

    Attributes:
        code: Key of the sentence, e.g. `photo.no_face`.
        about: The request's field that the notice is about.
        values: What the sentence mentions.
    """

    code: str
    about: Field
    values: dict[str, Value] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The sentence in English: what was expected, what came, what to do."""
        return TEXTS[self.code].format(**self.values)
