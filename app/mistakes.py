"""What pydantic finds wrong with a request, in our words."""

from collections.abc import Collection, Mapping

from pydantic_core import ErrorDetails

_MAX_MESSAGE_CHARACTERS = 200
_WANTED = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    "string_type": "a text",
    "list_type": "a list",
    "dict_type": "an object",
    "literal_error": "{expected}",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of at most {le}",
}
"""What is wanted where pydantic finds another value, by its name of the mistake."""
_LENGTHS = {
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
}


def explain_mistake(detail: ErrorDetails, known: Collection[str] = (), *, kind: str = "field") -> str:
    """Return a sentence about a mistake, without the place where it is.

    Args:
        detail: As pydantic tells it, with its context.
        known: The names that there are, if they are to be told.
        kind: What these are names of.
    """
    match detail["type"]:
        case "extra_forbidden":
            return f"There is no such {kind}. " + (f"Known are: {', '.join(known)}." if known else "See /docs.")
        case "missing":
            return "It is missing, but required."
        case name if length := _LENGTHS.get(name):
            return f"Expected {length.format(**detail['ctx'])}, got {len(detail['input'])}."
        case name if wanted := _WANTED.get(name):
            return f"Expected {wanted.format(**detail.get('ctx', {}))}, got {_name_value(detail['input'])}."
        case _:
            return f"{shorten(detail['msg'])}."


def _name_value(value: object) -> str:
    """Say what came, in the words of JSON."""
    match value:
        case str():
            return f"the text {shorten(repr(value))}"
        case bool() | None:
            return {True: "true", False: "false", None: "null"}[value]
        case int() | float():
            return f"the number {shorten(str(value))}"
        case _:
            return "an object" if isinstance(value, Mapping) else "a list"


def shorten(message: str) -> str:
    """Return as much of a text as an answer may repeat."""
    return message[:_MAX_MESSAGE_CHARACTERS]
