"""Attacks a server of its own and prints what each route and event answered: `python -m tests.app.attack`."""

import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.app.attack.targets import plant_targets
from tests.app.attack.walk import PAGES, Attempt, attack_events, attack_routes
from tests.app.server import Server

PHOTO = Path("assets/photos/grace_hopper.jpg")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder) / "data", page="on") as server:
        targets = plant_targets(server, PHOTO.read_bytes())
        attempts = [
            attempt
            for page in PAGES
            for walk in (attack_routes, attack_events)
            for attempt in walk(server.client, targets, page)
        ]
    statuses: dict[str, Counter[int]] = {}
    for attempt in attempts:
        statuses.setdefault(attempt.what, Counter())[attempt.status] += 1
    for what, counted in statuses.items():
        told = ", ".join(f"{status} ({number})" for status, number in sorted(counted.items()))
        sys.stdout.write(f"{what}: {told}\n")
    leaks = [attempt for attempt in attempts if attempt.leaked]
    sys.stdout.write(f"{len(attempts)} attempts at {len(targets)} targets, {len(leaks)} leaked\n")
    sys.exit(_tell(leaks))


def _tell(leaks: list[Attempt]) -> int:
    for leak in leaks:
        sys.stdout.write(f"LEAKED {leak.what}: {leak.aim}\n")
    return bool(leaks)


if __name__ == "__main__":
    main()
