"""Pictures of several people, made of the example photos, and scenes in which they talk."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from pipeline.image.face import FaceFinder
from pipeline.preview import mesh
from pipeline.scene import Scene, Speaker, Still, count_frames
from pipeline.types import FRAME_RATE, SPEECH_SAMPLING_RATE, Face, Pixels
from tests.pipeline.preview.motion import Spans
from tests.scenes import load_portrait, load_voice, make_scene

SIDE = 256


def line_up(*photos: Path, width: int = SIDE) -> Pixels:
    """Return portraits side by side, each cut to a width; a photo that comes again is mirrored."""
    edge = (SIDE - width) // 2
    tiles = [_shrink(photo, SIDE)[:, edge : edge + width] for photo in photos]
    return np.hstack([tile[:, :: -1 if photos.index(photos[place]) < place else 1] for place, tile in enumerate(tiles)])


def put_in_front(picture: Pixels, photo: Path, left: int, top: int, side: int = SIDE) -> Pixels:
    """Return a picture with another head laid over it; its portrait's corner is at `left` and `top`."""
    height, width = picture.shape[:2]
    to_place = np.array([[1, 0, left], [0, 1, top]], np.float32)
    head = cv2.warpAffine(_shrink(photo, side), to_place, (width, height))
    mask = np.zeros((height, width), np.float32)
    center = (left + side // 2, top + round(0.42 * side))
    cv2.ellipse(mask, center, (round(0.26 * side), round(0.36 * side)), 0, 0, 360, (1,), -1)
    share = cv2.GaussianBlur(mask, (0, 0), 1.5)
    return np.asarray(cv2.blendLinear(head, picture, share, 1 - share), np.uint8)


def find_people(picture: Pixels) -> list[Face]:
    """Return the faces from left to right."""
    return sorted(FaceFinder().find(picture), key=lambda face: face.box.x_min)


def outline(face: Face, picture: Pixels) -> np.ndarray:
    """Return which pixels (height, width) are the face's."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(face.landmarks[list(mesh.OVAL), :2].round().astype(np.int32)), (1,))
    return mask > 0


@cache
def _shrink(photo: Path, side: int) -> Pixels:
    return np.asarray(cv2.resize(load_portrait(photo, "1:1").frame, (side, side), interpolation=cv2.INTER_AREA))


def let_speak(face: Face, voice: Path, spans: Spans, seconds: float) -> Speaker:
    """Return a speaker who says the beginning of a voice in the spans, and nothing elsewhere."""
    speech = load_voice(voice)
    waveform = np.zeros(round(seconds * SPEECH_SAMPLING_RATE), np.float32)
    activity = np.zeros(count_frames(len(waveform), FRAME_RATE), np.float32)
    for track, said, rate in (
        (waveform, speech.waveform, SPEECH_SAMPLING_RATE),
        (activity, speech.activity, FRAME_RATE),
    ):
        at = 0
        for start, end in spans:
            first, last = round(start * rate), round(end * rate)
            track[first:last] = said[at : at + last - first]
            at += last - first
    return Speaker(face, waveform, activity)


def make_dialogue(picture: Pixels, speakers: Sequence[Speaker], bystanders: Sequence[Face] = ()) -> Scene:
    """Return a scene for the preview."""
    alone = make_scene(load_portrait(), load_voice())
    num_frames = len(speakers[0].activity)
    return replace(
        alone, source=Still(picture), speakers=tuple(speakers), bystanders=tuple(bystanders), num_frames=num_frames
    )
