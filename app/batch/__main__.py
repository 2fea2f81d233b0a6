"""`python -m app.batch`."""

import sys

from app.batch.command import main

if __name__ == "__main__":
    sys.exit(main())
