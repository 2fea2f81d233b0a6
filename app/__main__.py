"""`python -m app`: the web app on this machine."""

import logging
import sys

import uvicorn

from app.errors import DataFolderError
from app.main import create_app
from app.settings import Settings, SettingsError, load_settings


def main() -> int:
    """Serve until stopped; return the exit code."""
    try:
        settings = load_settings()
        logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(message)s")
        _serve(settings)
    except (SettingsError, DataFolderError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _serve(settings: Settings) -> None:
    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=3,
    )
    uvicorn.Server(config).run()


if __name__ == "__main__":
    sys.exit(main())
