"""The server as it is, but for bodies, which may take two seconds instead of a minute."""

import sys

from app import arrival
from app.__main__ import main

SLACK_SECONDS = 2.0

if __name__ == "__main__":
    arrival._PATIENCE = arrival.Patience(slack_seconds=SLACK_SECONDS)
    sys.exit(main())
