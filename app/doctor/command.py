"""`python -m app doctor`: says in words what is well here, or at a deployment, and what is not."""

import argparse
import os
import sys
from collections.abc import Sequence

from app.doctor.findings import tell

_KEY = "VIDEO_LAB_KEY"


def run(arguments: Sequence[str]) -> int:
    """Look, and tell as it is found; return 1 if there is a fault."""
    asked = _parse(arguments)
    if asked.url:
        from app.doctor.visit import call_on

        findings = call_on(asked.url.rstrip("/"), asked.key or os.environ.get(_KEY), asked.profile)
    else:
        from app.doctor.machine import look_over

        findings = look_over()
    has_fault = False
    for line in tell(findings):
        has_fault |= line.startswith("FAULT")
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    return int(has_fault)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m app doctor", description=__doc__)
    parser.add_argument("--url", help="of a deployment: every route of its API is asked once, with an example")
    parser.add_argument(
        "--key", help=f"a key or the password of the deployment; rather set {_KEY}, which no list shows"
    )
    parser.add_argument(
        "--profile",
        default="preview",
        help="of the one video that is looked at; the others are previews, which cost nothing",
    )
    return parser.parse_args(arguments)
