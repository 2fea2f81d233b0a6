"""Content Credentials (C2PA): signed statements of how a video was made, and whether a file has any."""

from pipeline.credentials.folder import Known, TrustFolder
from pipeline.credentials.keys import Identity, read_identity
from pipeline.credentials.manifest import Making
from pipeline.credentials.photo import PhotoCredentials, read_photo_credentials
from pipeline.credentials.read import Credentials, read_credentials
from pipeline.credentials.sign import find_partial, sign

__all__ = [
    "Credentials",
    "Identity",
    "Known",
    "Making",
    "PhotoCredentials",
    "TrustFolder",
    "find_partial",
    "read_credentials",
    "read_identity",
    "read_photo_credentials",
    "sign",
]
