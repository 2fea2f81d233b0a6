"""Who asks: a key, the password, or an address where neither is asked for."""

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from app.accounts.limits import name_turn
from app.clients import UNKNOWN, find_client

_SCOPE_KEY = "video_lab.caller"


@dataclass(frozen=True)
class Caller:
    """Who asks.

    Attributes:
        client: The address, as `find_client` has it.
        key_id: Of the key that the caller has; None for the password, and where no key is asked for.
    """

    client: str = UNKNOWN
    key_id: str | None = None

    @property
    def turn(self) -> str:
        """Whose turn it is that the caller waits for: keys take turns, and so do addresses without one."""
        return self.client if self.key_id is None else name_turn(self.key_id)

    def may_see(self, owner: str | None) -> bool:
        """Whether what belongs to a key, or to none, may be seen: a key sees its own, everyone else everything."""
        return self.key_id is None or self.key_id == owner


def set_caller(scope: MutableMapping[str, Any], caller: Caller) -> None:
    """Note who asks, once it has been checked."""
    scope[_SCOPE_KEY] = caller


def find_caller(scope: MutableMapping[str, Any]) -> Caller:
    """Return who asks; an address alone where no key was checked."""
    return scope.get(_SCOPE_KEY) or Caller(find_client(scope))
