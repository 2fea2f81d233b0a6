"""Compile a transformer, or let it be as it was where the compiler fails."""

import logging
import time
from collections.abc import Callable
from typing import Protocol

_log = logging.getLogger(__name__)


class Compilable(Protocol):
    """A transformer whose blocks can be compiled."""

    def compile_blocks(self) -> None:
        """Let what the blocks do in every step be compiled when it is first called."""
        ...

    def uncompile_blocks(self) -> None:
        """Take that back."""
        ...


def compile_with(transformer: Compilable, try_out: Callable[[], None]) -> bool:
    """Compile the blocks.

    Args:
        transformer: Where the compiler fails, it stays as it was.
        try_out: Sends something small through it, of each kind that takes a graph of its own.

    Returns:
        Whether it is compiled.
    """
    started = time.monotonic()
    transformer.compile_blocks()
    try:
        try_out()
    except Exception as error:  # noqa: BLE001  # compilers fail in ways of their own, and the model runs without
        transformer.uncompile_blocks()
        _log.warning("The model could not be compiled and is about a sixth slower: %s", error)
        return False
    _log.info("Compiled the model in %.0f s.", time.monotonic() - started)
    return True
