"""The page that people meet, on the same port as the REST API."""

import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

from app.ui.mount import mount_page  # noqa: E402 - Gradio reads these variables when it is imported

__all__ = ["mount_page"]
