"""The command's arguments, and what it says at its end."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx

from app.batch.run import BatchRun
from app.batch.server import LaterError, NotLetInError, RefusedError, Server, StoppedError
from app.batch.sheet import SheetError, read_sheet
from app.batch.state import Ledger, hold

_KEY = "VIDEO_LAB_KEY"


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the command.

    Returns:
        0 if all videos are done, 1 if some failed or nothing is taken, 2 if it was used wrongly, 3 if it stopped
        before the end.
    """
    asked = _parse(arguments)
    try:
        asked.out.mkdir(parents=True, exist_ok=True)
        with hold(asked.out):
            return _work(asked)
    except SheetError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except httpx.InvalidURL as error:
        sys.stderr.write(f"--url: {error}\n")
        return 2
    except RefusedError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except (StoppedError, LaterError, httpx.HTTPError, OSError, ValueError, KeyError) as error:
        sys.stderr.write(f"{error}\nStopped. Run the same command again to go on; nothing is made twice.\n")
        return 3
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped. Run the same command again to go on; nothing is made twice.\n")
        return 130


def _work(asked: argparse.Namespace) -> int:
    rows = read_sheet(asked.sheet)
    url = str(httpx.URL(asked.url.rstrip("/")))
    if not url.startswith(("http://", "https://")):
        raise SheetError(f"--url: expected an address such as https://video.example.com, got {url[:100]!r}.")
    ledger = Ledger.open(asked.out, url)
    server = Server(url, asked.key or os.environ.get(_KEY), asked.patience)
    try:
        ledger.check_key(server.find_key())
    except NotLetInError as error:
        raise SheetError(f"{error} For this command, set {_KEY} to a key.") from None
    run = BatchRun(server, rows, asked.out, ledger, asked.jobs_at_once)
    if asked.dry_run:
        found = run.estimate()
        minutes, dollars = found["seconds"] / 60, found["cost_usd"]
        sys.stdout.write(f"{len(rows)} videos: about {minutes:.1f} minutes and ${dollars:.2f}. Nothing was made.\n")
        return 0
    standings = run.run()
    sys.stdout.write("".join(f"{line}\n" for line in run.list_lines()))
    return 0 if all(one.outcome == "done" for one in standings.values()) else 1


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m app.batch", description="Make a video of every row of a sheet.")
    parser.add_argument("sheet", type=Path, help="CSV: columns image, audio (paths beside the sheet), and any option")
    parser.add_argument("--url", required=True, help="where the app is, such as https://video.example.com")
    parser.add_argument("--key", help=f"vl_...; other users of this machine see it here: better set {_KEY}")
    parser.add_argument("--out", type=Path, required=True, help="the folder of the videos")
    parser.add_argument("--jobs-at-once", type=int, default=4, metavar="N", help="how many are asked for at a time (4)")
    parser.add_argument("--dry-run", action="store_true", help="upload and check, print time and cost, make nothing")
    parser.add_argument(
        "--patience",
        type=float,
        default=600.0,
        metavar="SECONDS",
        help="for how long it asks again where the server is out of reach, before it stops (600)",
    )
    asked = parser.parse_args(arguments)
    if asked.jobs_at_once < 1:
        parser.error("--jobs-at-once: at least 1")
    return asked
