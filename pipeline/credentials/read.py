"""Read and check the credentials of any picture or video, others' too."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificates

from pipeline.credentials.folder import Known
from pipeline.credentials.kinds import find_kind, may_have_credentials
from pipeline.credentials.manifest import NAME, OFFLINE

_MAX_CHARACTERS = 200


@dataclass(frozen=True)
class Credentials:
    """What a file says of itself, and whether it can be believed.

    Attributes:
        valid: Nothing was changed since it was signed.
        trusted: The signer is known to the list of those that are trusted.
        made_here: The signer is this deployment.
        issuer: Whom the signer's certificate names.
        made_at: When it was made or signed, as the file says.
        claim_generator: The program that made it, as the file says.
    """

    valid: bool
    trusted: bool = False
    made_here: bool = False
    issuer: str | None = None
    made_at: datetime | None = None
    claim_generator: str | None = None


def read_credentials(path: Path, known: Known, trust_list: str = "") -> Credentials | None:
    """Return the credentials of a file; None if it has none.

    Args:
        path: Any file; it is believed nothing of. Reading it may take all memory and time that there are.
        known: What was signed by this deployment is known by these.
        trust_list: Authorities that are trusted besides, as PEM.

    Raises:
        OSError: The file cannot be read.
    """
    kind = find_kind(path)
    if kind is None or not may_have_credentials(path):
        return None
    from c2pa import C2paError

    try:
        state, manifest = _read(path, kind, known.roots)
    except C2paError as error:
        # What cannot be understood is there all the same, and is not valid.
        return None if isinstance(error, C2paError.ManifestNotFound) else Credentials(valid=False)
    is_valid = state in {"Valid", "Trusted"}
    return Credentials(
        valid=is_valid,
        trusted=is_valid and _is_trusted(path, kind, trust_list),
        made_here=state == "Trusted" or (is_valid and _is_signed_by_known(path, kind, manifest, known)),
        issuer=_shorten(_dig(manifest, "signature_info", "issuer")),
        made_at=_find_time(manifest),
        claim_generator=_name_generator(manifest),
    )


def _is_trusted(path: Path, kind: str, anchors: str) -> bool:
    return bool(anchors) and _read(path, kind, anchors)[0] == "Trusted"


def _is_signed_by_known(path: Path, kind: str, manifest: dict[str, Any], known: Known) -> bool:
    """Whether an authority issued the signer's certificate for this deployment: no other of its has the same number."""
    number = _dig(manifest, "signature_info", "cert_serial_number")
    for chain in known.signers:
        own, *authorities = load_pem_x509_certificates(chain.encode())
        anchors = "".join(authority.public_bytes(Encoding.PEM).decode() for authority in authorities)
        if str(own.serial_number) == number and _is_trusted(path, kind, anchors):
            return True
    return False


def _read(path: Path, kind: str, anchors: str) -> tuple[str | None, dict[str, Any]]:
    """Return the state of a file's credentials, and what they say.

    Args:
        path: The file.
        kind: Its MIME type.
        anchors: Certificates whose signatures are `Trusted`, as PEM.
    """
    from c2pa import Context, Reader, Settings

    trust = {"trust_anchors": anchors} if anchors else {}
    settings = OFFLINE | {"verify": OFFLINE["verify"] | {"verify_trust": bool(anchors)}, "trust": trust}
    with path.open("rb") as file, Reader(kind, file, None, Context(Settings.from_dict(settings))) as reader:
        state, store = reader.get_validation_state(), json.loads(reader.json())
    return state, _dig(store, "manifests", store.get("active_manifest")) or {}


def _find_time(manifest: dict[str, Any]) -> datetime | None:
    """Return the time that a service has confirmed, or else what the file itself says."""
    texts = [_dig(manifest, "signature_info", "time"), *(_dig(action, "when") for action in _list_actions(manifest))]
    for text in texts:
        try:
            moment = datetime.fromisoformat(text)
        except (TypeError, ValueError):
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def _list_actions(manifest: dict[str, Any]) -> Iterator[Any]:
    for assertion in _as_list(_dig(manifest, "assertions")):
        if str(_dig(assertion, "label")).startswith("c2pa.actions"):
            yield from _as_list(_dig(assertion, "data", "actions"))


def _name_generator(manifest: dict[str, Any]) -> str | None:
    infos = _as_list(_dig(manifest, "claim_generator_info"))
    info = infos[0] if infos else {}
    name, version = _dig(info, "name"), _dig(info, "version")
    if name is None:
        return _shorten(_dig(manifest, "claim_generator"))
    details = [_dig(info, "model"), _dig(info, "profile")] if name == NAME else []
    about = ", ".join(str(detail) for detail in details if detail)
    return _shorten(" ".join(filter(None, (str(name), version and str(version), about and f"({about})"))))


def _dig(value: Any, *names: Any) -> Any:  # noqa: ANN401 - whatever JSON has
    """Go down into objects; None where one is missing or is something else."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _as_list(value: Any) -> list[Any]:  # noqa: ANN401 - whatever JSON has
    return value if isinstance(value, list) else []


def _shorten(text: Any) -> str | None:  # noqa: ANN401 - whatever JSON has
    """Return the beginning of a text without what is not seen or turns its direction; None if it is no text."""
    if not isinstance(text, str):
        return None
    seen = "".join(character if character.isprintable() else " " for character in text[: 2 * _MAX_CHARACTERS])
    return " ".join(seen.split())[:_MAX_CHARACTERS]
