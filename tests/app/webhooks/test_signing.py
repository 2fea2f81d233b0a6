"""Signatures are those of the standard, and the receiver in the docs reads them."""

import base64
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

from app.webhooks.signing import sign

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def load_documented_receiver() -> Callable[[str, dict[str, str], bytes], bool]:
    """Return `verify` as it stands in the docs."""
    code = re.findall(r"```python\n(.*?)```", Path("docs/service.md").read_text(), re.DOTALL)
    names: dict[str, object] = {}
    exec(next(part for part in code if "def verify" in part), names)
    return cast("Callable[[str, dict[str, str], bytes], bool]", names["verify"])


def test_agrees_with_the_standards_example() -> None:
    signature = sign(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_documented_receiver_believes_what_is_signed_and_new_and_nothing_else() -> None:
    verify, now, body = load_documented_receiver(), int(time.time()), b'{"type": "job.done"}'

    def make(sent_at: int, secret: str = SECRET) -> dict[str, str]:
        signature = sign(secret, "msg_1", sent_at, body)
        return {"webhook-id": "msg_1", "webhook-timestamp": str(sent_at), "webhook-signature": f"v1,bm8= {signature}"}

    other = f"whsec_{base64.b64encode(bytes(24)).decode()}"
    assert verify(SECRET, make(now), body)
    assert not verify(SECRET, make(now), body + b" ")
    assert not verify(SECRET, make(now, other), body)
    assert not verify(SECRET, make(now - 600), body)
    assert not verify(SECRET, make(now) | {"webhook-id": "msg_2"}, body)
