"""From an uploaded picture to the frame that an engine gets."""

from pipeline.image.check import check_model
from pipeline.image.portrait import place_faces, prepare_portrait

__all__ = ["check_model", "place_faces", "prepare_portrait"]
