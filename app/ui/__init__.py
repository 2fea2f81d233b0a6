"""The page that people meet, on the same port as the REST API."""

import os

# Gradio reads these when it is imported.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

from app.ui.mount import create_routers, mount_page

__all__ = ["create_routers", "mount_page"]
