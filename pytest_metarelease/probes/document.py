"""JSON answers: read strictly, looked up by path, compared with what the manifest declares.

It refuses what Python's reader lets pass and a comparison would then trip over: NaN and infinite
numbers, keys given twice, lone surrogates, numbers and nesting without bound (RFC 8259, I-JSON
RFC 7493).
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import MalformedError
from pytest_metarelease.nesting import check_depth
from pytest_metarelease.probes.reading import describe, mismatch, show

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_metarelease.manifest.model import Expectation

LONGEST_NUMBER = 4_000
_SHOWN = 80

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


@dataclass(frozen=True, slots=True)
class Missing:
    """What a look-up gives where nothing stands; it equals no expected value, not even null."""

    text: str

    def __repr__(self) -> str:
        return self.text

    def __bool__(self) -> bool:
        return False


def read_json(body: bytes, content_type: str = "") -> Any:
    """Return the document that ``body`` is.

    Raises:
        MalformedError: It is no strict JSON; the text says what came instead.
    """
    try:
        return _read(body)
    except (ValueError, RecursionError) as error:
        came = f"{content_type or 'no content type'}: {_beginning(body)}"
        raise MalformedError(f"expected JSON, but {error}; what came is {came}") from None


def _read(body: bytes) -> Any:
    if not body:
        raise ValueError("the answer is empty")
    check_depth(body)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 at byte {error.start}") from None
    document = json.loads(
        text,
        object_pairs_hook=members_once,
        parse_constant=_no_constant,
        parse_float=_finite,
        parse_int=_bounded,
    )
    if _SURROGATE.search(body):
        _check_surrogates(document)
    return document


def members_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object from its members, as ``object_pairs_hook``.

    Raises:
        ValueError: A key is given twice (RFC 8259, section 4, leaves open which one counts).
    """
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice[:40]!r} is given twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _finite(text: str) -> float:
    number = float(text) if len(text) <= LONGEST_NUMBER else math.inf
    if math.isinf(number):
        raise ValueError(f"the number {text[:20]}... is out of range")
    return number


def _bounded(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"a number has {len(text)} digits")
    return int(text)


def _check_surrogates(document: Any) -> None:
    # A lone surrogate cannot be written down as UTF-8 later, where nobody expects an error.
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half of a surrogate pair") from None


def _beginning(body: bytes) -> str:
    text = body[: 4 * _SHOWN].decode("utf-8", errors="replace").strip()
    return repr(text[:_SHOWN]) + ("..." if len(text) > _SHOWN else "")


def look_up(document: Any, path: str) -> list[tuple[str, Any]]:
    """Return what stands at ``path``, each with its own path; ``*`` stands for every element.

    Without ``*`` the list has one entry, whose value is a ``Missing`` where nothing stands.
    """
    found = [("", document)]
    for part in path.split(".") if path else ():
        found = [step for place, value in found for step in _step(place, value, part)]
    return found


def _step(place: str, value: Any, part: str) -> Iterator[tuple[str, Any]]:
    def at(name: object) -> str:
        return f"{place}.{name}" if place else str(name)

    if isinstance(value, Missing):
        yield at(part), value
    elif part == "*" and isinstance(value, list | dict):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        yield from ((at(key), one) for key, one in pairs)
    elif isinstance(value, dict) and part in value:
        yield at(part), value[part]
    elif isinstance(value, list) and part.isdecimal() and int(part[:9]) < len(value):
        yield at(part), value[int(part[:9])]
    else:
        yield at(part), Missing(f"nothing at {at(part)}; {place or 'the answer'} {_has(value)}")


def _has(value: Any) -> str:
    if isinstance(value, dict):
        return f"has the keys {show(', '.join(value), 200)}" if value else "has no keys"
    if isinstance(value, list):
        return f"is a list of {len(value)}"
    return f"is {show(value, 60)}"


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that is not what it must be."""

    path: str
    expected: str
    actual: str

    def __str__(self) -> str:
        return f"{self.path} is {self.actual}, not {self.expected}"


def differences(wanted: Mapping[Any, Expectation], document: Any) -> tuple[Difference, ...]:
    """Return every value of ``document`` that is not as ``wanted`` says (path -> expectation).

    A path with ``*`` asks that every element meets the expectation and that there is one at least:
    an empty list must not verify what is said of its elements.
    """
    return tuple(
        difference
        for path, expectation in wanted.items()
        for difference in _differences(str(path), expectation, document)
    )


def _differences(path: str, wanted: Expectation, document: Any) -> Iterator[Difference]:
    found = look_up(document, path)
    if not found:
        yield Difference(path, describe(wanted), "without any element")
    for place, value in found:
        if mismatch(wanted, value) is not None:
            yield Difference(place, describe(wanted), show(value))
