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

TEXTS: dict[str, str] = {
    "photo.empty": "Expected a photo, got an empty file. Choose it again.",
    "photo.format": "Expected a PNG, JPEG, WebP or HEIC picture, got {kind}. Save the photo as JPEG or PNG.",
    "photo.damaged": "The picture's file is damaged or cut short. Send the original, or save it again as JPEG.",
    "photo.too_many_bytes": "Expected a photo of at most {most} MB, got {megabytes} MB. Save it smaller, as JPEG.",
    "photo.too_many_pixels": "Expected a photo of at most {most} megapixels. Make it smaller; 2 megapixels are plenty.",
    "photo.too_small": "Expected a photo of at least {least} x {least} pixels, got {width} x {height}. "
    "Choose a larger one; 512 x 512 and more is best.",
    "photo.low_resolution": "The photo has {width} x {height} pixels; from {recommended} x {recommended} on the video "
    "looks sharper.",
    "photo.no_face": "No face was found. Choose a photo of one person who looks into the camera, upright, with the "
    "whole face in the light.",
    "photo.several_faces": "{count} faces were found; the largest will talk. Choose another one if you meant it.",
    "photo.face_too_small": "The face is only {value} pixels high, so the video will look soft. Choose a photo taken "
    "from closer.",
    "photo.face_too_small_error": "The face is only {value} pixels high; {least} are needed. Choose a photo taken from "
    "closer.",
    "photo.face_cut": "The face touches the photo's edge. A photo with the whole head and the shoulders looks better.",
    "photo.face_cut_error": "Part of the face lies outside of the photo. Choose one that shows the whole face.",
    "photo.face_turned": "The face is turned aside by about {value} degrees. One that looks into the camera talks more "
    "naturally.",
    "photo.face_turned_error": "The face is turned too far aside, by about {value} degrees. Choose a photo of a person "
    "who looks into the camera.",
    "photo.blurred": "The face is blurred, and so will the video be. A sharper photo looks better.",
    "photo.blurred_error": "The face is too blurred to work with. Choose a sharper photo.",
    "photo.too_dark": "The face is dark. A photo in even light looks better.",
    "photo.too_dark_error": "The face is too dark to work with. Choose a photo in even light.",
    "photo.too_bright": "The face is very bright. A photo in softer light looks better.",
    "photo.too_bright_error": "The face is too bright to work with. Choose a photo in softer light.",
    "face.out_of_range": "There is no face number {index}: {count} found, numbered from 0 to {last}.",
    "crop.zoom": "Expected a zoom above 0, such as 1.5, got {zoom}.",
    "crop.shift": "Expected the crop's shift as two numbers, such as 0.1 and -0.05.",
}


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
