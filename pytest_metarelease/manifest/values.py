"""Single values of the manifest, from their text to the type that the model wants.

Each reader raises ``ValueError`` saying what was expected and what stands there instead; none
converts a quoted text to a number or an unquoted number to a text.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin
from urllib.parse import urlsplit

from pytest_metarelease.manifest.amounts import read_rate, read_seconds, read_share, read_wei
from pytest_metarelease.manifest.checksum import ADDRESS, ZERO, checksummed, has_wrong_checksum
from pytest_metarelease.manifest.nodes import Scalar, Style
from pytest_metarelease.manifest.notes import Between, MayBeEmpty, Name
from pytest_metarelease.manifest.plain import ambiguous, is_null, not_text, number_of, truth_of
from pytest_metarelease.manifest.problems import quoted, suggestion
from pytest_metarelease.manifest.scalars import (
    Address,
    PerSecond,
    RelativePath,
    Seconds,
    Share,
    Url,
    ValuePath,
    Wei,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_metarelease.manifest.shape import Hint

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\s]")
_ALMOST_ADDRESS = re.compile(r"0x(?:[0-9a-fA-F]{39}|[0-9a-fA-F]{41})")


def read_value(scalar: Scalar, hint: Hint) -> Any:
    """Return the value of a scalar for a type of the model.

    Raises:
        ValueError: It is none; the text says what was expected.
    """
    if isinstance(hint.wants, tuple):
        return _bound(scalar)
    reader = _READERS.get(hint.wants)
    if reader is not None:
        return reader(scalar, hint)
    if get_origin(hint.wants) is Literal:
        return _choice(scalar, get_args(hint.wants))
    if issubclass(hint.wants, StrEnum):
        return hint.wants(_choice(scalar, tuple(one.value for one in hint.wants)))
    raise NotImplementedError(f"the model has a type that nothing reads: {hint.wants}")


def expected(hint: Hint) -> str:
    """Return in words what a type of the model wants, for values that must not be shown."""
    if isinstance(hint.wants, tuple):
        return "a number or an amount"
    if get_origin(hint.wants) is Literal:
        return "one of " + ", ".join(get_args(hint.wants))
    if isinstance(hint.wants, type) and issubclass(hint.wants, StrEnum):
        return "one of " + ", ".join(hint.wants)
    bounds = hint.note(Between)
    if bounds is None:
        return _EXPECTED[hint.wants]
    most = "" if bounds.most is None else f" and at most {bounds.most}"
    return f"{_EXPECTED[hint.wants]} of at least {bounds.least}{most}"


def json_value(scalar: Scalar) -> Any:
    """Return what a scalar is as JSON: text, number, boolean or null.

    Raises:
        ValueError: It reads differently in YAML 1.1 and 1.2, or is almost an address.
    """
    text = scalar.text
    if scalar.style is Style.PLAIN:
        if is_null(text):
            return None
        if (why := ambiguous(text)) is not None:
            raise ValueError(why)
        for meaning in (truth_of(text), number_of(text)):
            if meaning is not None:
                return meaning
    if ADDRESS.fullmatch(text) and has_wrong_checksum(text):
        raise ValueError(_wrong_checksum(text))
    if _ALMOST_ADDRESS.fullmatch(text):
        raise ValueError(f"{text} has {len(text) - 2} hexadecimal digits; an address has 40")
    return text


def text_of(scalar: Scalar, *, may_be_empty: bool = False) -> str:
    """Return the text of a scalar that must be one.

    Raises:
        ValueError: YAML reads it as something else, or it is empty.
    """
    if scalar.style is Style.PLAIN and (why := not_text(scalar.text)) is not None:
        raise ValueError(f"expected a text, but {why}")
    if not scalar.text.strip() and not may_be_empty:
        raise ValueError("expected a text, but it is empty")
    return scalar.text


def _text(scalar: Scalar, hint: Hint) -> str:
    text = text_of(scalar, may_be_empty=hint.note(MayBeEmpty) is not None)
    if hint.note(Name) is not None and not NAME.fullmatch(text):
        raise ValueError(f"{quoted(text)} is no name; use letters, digits, - and _")
    return text


def _boolean(scalar: Scalar, _hint: Hint) -> bool:
    meaning = truth_of(scalar.text) if scalar.style is not Style.QUOTED else None
    if meaning is None:
        raise ValueError(f"expected true or false, got {quoted(scalar.text)}")
    return meaning


def _integer(scalar: Scalar, hint: Hint) -> int:
    number = number_of(scalar.text) if scalar.style is not Style.QUOTED else None
    if number is None or isinstance(number, float):
        raise ValueError(f"expected an integer, got {_seen(scalar)}")
    return int(_within(number, hint))


def _number(scalar: Scalar, hint: Hint) -> float:
    number = number_of(scalar.text) if scalar.style is not Style.QUOTED else None
    if number is None:
        raise ValueError(f"expected a number, got {_seen(scalar)}")
    return float(_within(number, hint))


def _seen(scalar: Scalar) -> str:
    quotes = number_of(scalar.text) is not None and scalar.style is Style.QUOTED
    return f"{quoted(scalar.text)}{'; remove the quotes' if quotes else ''}"


def _within(number: float, hint: Hint) -> float:
    bounds = hint.note(Between)
    if bounds is None:
        return number
    if number < bounds.least:
        raise ValueError(f"must be at least {bounds.least}, got {number}")
    if bounds.most is not None and number > bounds.most:
        raise ValueError(f"must be at most {bounds.most}, got {number}")
    return number


def _seconds(scalar: Scalar, _hint: Hint) -> float:
    if number_of(scalar.text) is not None:
        raise ValueError(f"a duration needs its unit; write for example {scalar.text}s")
    seconds = read_seconds(scalar.text)
    if seconds <= 0:
        raise ValueError("a duration must be longer than nothing")
    return seconds


def _share(scalar: Scalar, _hint: Hint) -> float:
    number = number_of(scalar.text)
    if number is None:
        return read_share(scalar.text)
    if not 0 <= number <= 1:
        raise ValueError(f"not a share: {scalar.text}; write for example 5% or 0.05")
    return float(number)


def _rate(scalar: Scalar, _hint: Hint) -> float:
    rate = read_rate(scalar.text)
    if rate <= 0:
        raise ValueError("a rate must be more than nothing")
    return rate


def _wei(scalar: Scalar, _hint: Hint) -> int:
    number = number_of(scalar.text)
    if number is None:
        return read_wei(scalar.text)
    if not isinstance(number, int) or number < 0:
        raise ValueError(
            f"not an amount: {scalar.text}; write for example 0.1 ether or a whole number of wei"
        )
    return number


def _address(scalar: Scalar, _hint: Hint) -> str:
    text = text_of(scalar)
    if not ADDRESS.fullmatch(text):
        digits = f"{len(text) - 2} digits after 0x" if text.startswith("0x") else "no 0x"
        raise ValueError(
            f"expected an address of 40 hexadecimal digits, got {quoted(text)} ({digits})"
        )
    if text == ZERO:
        raise ValueError("the zero address is nobody's account")
    if has_wrong_checksum(text):
        raise ValueError(_wrong_checksum(text))
    return checksummed(text)


def _wrong_checksum(text: str) -> str:
    return (
        f"wrong EIP-55 checksum: a digit of {text} is mistyped; if it is right after all, "
        f"write {checksummed(text)}"
    )


def _url(scalar: Scalar, _hint: Hint) -> str:
    text = text_of(scalar)
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or _UNPRINTABLE.search(text):
        # Not shown: it may hold a password.
        raise ValueError("expected an absolute URL such as https://api.example.org")
    return text


def _relative(scalar: Scalar, _hint: Hint) -> str:
    text = text_of(scalar)
    if text.startswith(("/", "~")) or "\0" in text or "\\" in text:
        raise ValueError(f"expected a path relative to the manifest's folder, got {quoted(text)}")
    return text


def _value_path(scalar: Scalar, _hint: Hint) -> str:
    text = text_of(scalar)
    if any(not step.strip() for step in text.split(".")):
        raise ValueError(f"not a path into a document: {quoted(text)}; write for example a.b.*")
    return text


def _bound(scalar: Scalar) -> int | float | str:
    """A limit of an expectation: a number, or an amount that stays as it was written."""
    number = number_of(scalar.text) if scalar.style is not Style.QUOTED else None
    if number is not None:
        return number
    try:
        read_wei(scalar.text)
    except ValueError:
        raise ValueError(
            f"expected a number or an amount such as 1 ether, got {_seen(scalar)}"
        ) from None
    return scalar.text


def _choice(scalar: Scalar, choices: tuple[str, ...]) -> str:
    text = text_of(scalar)
    if text not in choices:
        close = suggestion(text, choices)
        allowed = ", ".join(choices)
        hint = close if close.startswith("; did") else ""
        raise ValueError(f"expected one of {allowed}; got {quoted(text)}{hint}")
    return text


_READERS: Mapping[Any, Callable[[Scalar, Hint], Any]] = {
    str: _text,
    bool: _boolean,
    int: _integer,
    float: _number,
    Seconds: _seconds,
    Share: _share,
    PerSecond: _rate,
    Wei: _wei,
    Address: _address,
    Url: _url,
    RelativePath: _relative,
    ValuePath: _value_path,
}

_EXPECTED: Mapping[Any, str] = {
    str: "a text",
    bool: "true or false",
    int: "an integer",
    float: "a number",
    Seconds: "a duration such as 250ms, 10s or 15m",
    Share: "a share such as 5% or 0.05",
    PerSecond: "a rate such as 20/s",
    Wei: "an amount such as 0.1 ether",
    Address: "an account's address: 40 hexadecimal digits with their EIP-55 checksum",
    Url: "an absolute http or https URL",
    RelativePath: "a path relative to the manifest's folder",
    ValuePath: "a path into a document such as a.b.*",
}
