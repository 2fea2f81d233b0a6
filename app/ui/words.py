"""Numbers as people say them."""

from app.ui.texts import Texts

_MINUTE, _HOUR = 60, 3600


def number(texts: Texts, value: float, digits: int = 0) -> str:
    """Return the number with the language's decimal sign."""
    return f"{value:.{digits}f}".replace(".", texts.decimal_sign)


def duration(texts: Texts, seconds: float) -> str:
    """Return a length of time, as exact as is useful."""
    if seconds < 10:
        return texts("time.seconds", seconds=number(texts, seconds, 1))
    if seconds < 1.5 * _MINUTE:
        return texts("time.seconds", seconds=number(texts, seconds))
    if seconds < 1.5 * _HOUR:
        return texts("time.minutes", minutes=number(texts, seconds / _MINUTE))
    return texts("time.hours", hours=number(texts, seconds / _HOUR, 1))


def hours(texts: Texts, value: float) -> str:
    """Return how long something is kept."""
    told = number(texts, value, 0 if value.is_integer() else 1)
    return texts.count("time.hours_of_keeping", 1 if value == 1 else 2, hours=told)


def remaining(texts: Texts, seconds: float) -> str:
    """Return how long something will still take; no one needs tenths of that."""
    return (
        duration(texts, max(seconds, 1.0)) if seconds >= 10 else texts("time.seconds", seconds=max(round(seconds), 1))
    )


def price(texts: Texts, dollars: float) -> str:
    """Return what something costs."""
    if dollars <= 0:
        return texts("price.free")
    if dollars < 0.01:
        return texts("price.cents")
    return texts("price.dollars", dollars=number(texts, dollars, 2))


def clock(seconds: float) -> str:
    """Return minutes and seconds as a clock shows them."""
    return f"{int(seconds) // _MINUTE}:{int(seconds) % _MINUTE:02d}"
