"""Files that are sent once, and named in as many requests as there are."""

from app.uploads.shelf import Upload, UploadShelf

__all__ = ["Upload", "UploadShelf"]
