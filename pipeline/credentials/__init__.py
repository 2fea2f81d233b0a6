"""Content Credentials (C2PA): signed statements of how a video was made, and whether a file has any."""

from pipeline.credentials.folder import Known, TrustFolder
from pipeline.credentials.keys import Identity, read_identity
from pipeline.credentials.manifest import Making
from pipeline.credentials.photo import read_own_credentials
from pipeline.credentials.read import Credentials, read_credentials
from pipeline.credentials.sign import sign

__all__ = [
    "Credentials",
    "Identity",
    "Known",
    "Making",
    "TrustFolder",
    "read_credentials",
    "read_identity",
    "read_own_credentials",
    "sign",
]
