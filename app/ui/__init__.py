"""The page that people meet, on the same port as the REST API."""

import inspect
import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

# Gradio reads these when it is imported.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")


@contextmanager
def _without_stubs() -> Iterator[None]:
    """Let Gradio be imported in half the time: it would compare a type stub of each component with its source.

    It makes none of what has no file.
    """
    find_file = inspect.getfile

    def find_no_component(thing: type | ModuleType) -> str:
        if isinstance(thing, type) and thing.__module__.startswith("gradio."):
            raise OSError
        return find_file(thing)

    inspect.getfile = find_no_component  # type: ignore[assignment] # takes what it is given further
    try:
        yield
    finally:
        inspect.getfile = find_file


with _without_stubs():
    from app.ui.mount import create_routers, mount_page

__all__ = ["create_routers", "mount_page"]
