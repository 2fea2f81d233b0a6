"""Signatures of webhooks, by which a receiver knows who sent them."""

import base64
import hmac

SECRET_PREFIX = "whsec_"  # noqa: S105 - what secrets begin with


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the header `webhook-signature`.

    Args:
        secret: `whsec_` and base64.
        message_id: As in `webhook-id`.
        timestamp: As in `webhook-timestamp`.
        body: As it is sent.

    Source:
        https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"
