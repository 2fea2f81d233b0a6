"""What a video says of itself: the manifest that is signed."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.version import VERSION

NAME = "Video Lab"
PHOTO = "photo"
"""By what the manifest's action names the photo."""
OFFLINE: dict[str, Any] = {
    "version": 1,
    "core": {"allowed_network_hosts": [], "decode_identity_assertions": False},
    "verify": {"verify_after_sign": False, "remote_manifest_fetch": False, "ocsp_fetch": False},
    "builder": {"thumbnail": {"enabled": False}},
}
"""Settings of C2PA's library: nothing is asked of other hosts, and no picture of anybody's face is added.

Statements of who somebody is (CAWG) name hosts that vouch for them. A service of time stamps is asked all the same.
"""
_SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"


@dataclass(frozen=True)
class Making:
    """How a video was made, as everyone may know it.

    Attributes:
        model: The model's title.
        profile: The profile's name.
        source_type: The IPTC's name of its kind of source.
        made_at: When.
    """

    model: str
    profile: str
    source_type: str
    made_at: datetime


def describe_manifest(making: Making, title: str, *, has_archive: bool) -> dict[str, Any]:
    """Return the definition of a manifest. It has no name of a person or a file, and no prompt.

    Args:
        making: How the video was made.
        title: What the file is.
        has_archive: Whether the photo is added with its own credentials; if not, it is mentioned.
    """
    created = {
        "action": "c2pa.created",
        "when": f"{making.made_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "digitalSourceType": f"{_SOURCE_TYPES}{making.source_type}",
        "softwareAgent": {"name": making.model},
        "parameters": {"ingredientIds": [PHOTO]},
    }
    return {
        "title": title,
        "claim_generator_info": [
            {"name": NAME, "version": VERSION, "model": making.model, "profile": making.profile},
        ],
        "ingredients": [] if has_archive else [describe_photo()],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [created]}}],
    }


def describe_photo() -> dict[str, Any]:
    """Return the definition of the photo as an ingredient."""
    return {"title": "Photo", "relationship": "inputTo", "label": PHOTO}
