"""From an uploaded picture to the frame that an engine gets."""

from pipeline.image.portrait import prepare_portrait

__all__ = ["prepare_portrait"]
