"""`python -m app keys`: make keys, look at them, and revoke them. A running server takes note within a second."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NoReturn

from app.accounts.database import FILE_NAME, Database
from app.accounts.keys import MAX_NAME_CHARACTERS, Key, KeyBook, NewKey
from app.accounts.limits import KeyLimits
from app.errors import AppError
from app.settings import load_settings


class KeyCommandError(AppError):
    """The command cannot be carried out."""


def run(arguments: Sequence[str]) -> int:
    """Carry out a command; return the exit code.

    Raises:
        SettingsError: A setting cannot be used.
    """
    data_dir = load_settings().data_dir
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        for line in carry_out(parse(arguments), KeyBook(Database(data_dir / FILE_NAME))):
            sys.stdout.write(f"{line}\n")
    except (AppError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read a command.

    Raises:
        KeyCommandError: It is none; the message says how it is used.
    """
    return _create_parser().parse_args(arguments)


def carry_out(options: argparse.Namespace, keys: KeyBook) -> Iterator[str]:
    """Yield what a command says, line by line.

    Args:
        options: The command, as it was read.
        keys: All keys.

    Raises:
        KeyCommandError: There is no such key.
        AccountsError: The keys cannot be read or written.
    """
    match options.command:
        case "create":
            limits = KeyLimits(options.jobs_at_once, options.jobs_per_hour, options.dollars_per_day)
            is_first = not keys.asks
            twins = [key.id for key in keys.list_all() if key.name == options.name and key.revoked_at is None]
            yield from _show(keys.create(options.name, limits))
            if is_first:
                yield "From now on, everybody is asked for a key or the password."
            if twins:
                yield f"Others have the same name: {', '.join(twins)}. `list` tells them apart by id."
        case "revoke":
            yield from _revoke(options.id, keys)
        case _:
            found = keys.list_all()
            yield from map(_describe, found)
            if not found:
                yield "There are no keys: `python -m app keys create NAME` makes one."


class _Parser(argparse.ArgumentParser):
    """Raises what is wrong: the command may have come from another machine."""

    def error(self, message: str) -> NoReturn:
        raise KeyCommandError(f"{self.format_usage()}{message[:1].upper()}{message[1:]}.")


def _create_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m app keys", description="Who may use the service (docs/service.md).")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    created = commands.add_parser("create", help="make a key, and show it: this is the only time")
    created.add_argument("name", type=_read_name, metavar="NAME", help="whose it is")
    created.add_argument("--jobs-at-once", type=_read_count, metavar="N", help="how many jobs may wait and run")
    created.add_argument("--jobs-per-hour", type=_read_count, metavar="N", help="how many may be asked for in an hour")
    created.add_argument("--dollars-per-day", type=_read_dollars, metavar="X", help="what a day's videos may cost")
    commands.add_parser("list", help="show all keys, their limits and when they were used last")
    revoked = commands.add_parser("revoke", help="end a key for good, at once")
    revoked.add_argument("id", metavar="ID", help="as `list` shows it")
    return parser


def _show(new: NewKey) -> Iterator[str]:
    yield f"Made: {_describe(new.key)}"
    yield "This is the only time that these two are shown:"
    yield f"  Key:                  {new.token}"
    yield f"  Secret of webhooks:   {new.webhook_secret}"


def _revoke(key_id: str, keys: KeyBook) -> Iterator[str]:
    key = keys.revoke(key_id)
    if key is None:
        raise KeyCommandError(f"There is no key {key_id!r}. `python -m app keys list` shows them all.")
    yield f"Revoked: {_describe(key)}"
    if all(one.revoked_at for one in keys.list_all()):
        yield "There is no other. Without a password nobody comes in until another key is made."


def _describe(key: Key) -> str:
    limits = key.limits
    told = (
        (limits.jobs_at_once, "{} at once"),
        (limits.jobs_per_hour, "{} an hour"),
        (limits.dollars_per_day, "${:.2f} a day"),
    )
    limited = ", ".join(form.format(limit) for limit, form in told if limit is not None) or "no limits"
    used = f"last used {_tell(key.last_used_at)}" if key.last_used_at else "never used"
    revoked = f"  revoked {_tell(key.revoked_at)}" if key.revoked_at else ""
    return f"{key.id}  {key.name}  [{limited}]  {used}{revoked}"


def _tell(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def _read_name(text: str) -> str:
    """Return a name that steers no terminal and looks like no other key's line."""
    name = " ".join(text.split())
    if not name or not name.isprintable() or len(name) > MAX_NAME_CHARACTERS:
        raise argparse.ArgumentTypeError(f"expected 1 to {MAX_NAME_CHARACTERS} characters that can be printed")
    return name


def _read_count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:10]) <= 1_000_000:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 to 1000000, got {text[:20]!r}")
    return int(text)


def _read_dollars(text: str) -> float:
    try:
        dollars = float(text)
    except ValueError:
        dollars = -1.0
    if not 0 < dollars <= 1_000_000:
        raise argparse.ArgumentTypeError(f"expected dollars, more than 0 and at most 1000000, got {text[:20]!r}")
    return dollars
