"""Bytes of runtime code: where two codes differ, and what in that is the compiler's metadata.

Values in, values out; asks nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pytest_metarelease.probes.chain.spans import Span
from pytest_metarelease.probes.chain.tail import Value, metadata_start, read_tail, why_no_tail

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHOWN = 16
_WORD = 32


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place where code differs; ``offset`` and lengths in bytes."""

    offset: int
    expected: bytes
    actual: bytes
    count: int

    def __str__(self) -> str:
        return (
            f"at offset {self.offset} 0x{self.actual.hex()} instead of 0x{self.expected.hex()} "
            f"({self.count} bytes differ)"
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two codes have in common.

    ``metadata``: the tails are the same, or only the code is, or neither code has one. ``why`` says
    what is wrong with the deployed tail, ``body`` what differs before it.
    """

    body: Difference | None
    metadata: Literal["exact", "same-code", "none"]
    why: str = ""


def compare(expected: bytes, actual: bytes, masked: Iterable[Span] = ()) -> Comparison:
    """Compare code outside ``masked``, and the metadata behind it."""
    start = metadata_start(expected)
    if start == len(expected):
        return Comparison(difference(expected, actual, masked), "none")
    body = difference(expected[:start], actual[:start], masked)
    if expected[start:] == actual[start:]:
        return Comparison(body, "exact")
    return Comparison(body, "same-code", why_no_tail(actual, start) or "")


def difference(expected: bytes, actual: bytes, masked: Iterable[Span] = ()) -> Difference | None:
    """Return the first difference outside ``masked``, or None. A length differs at its end."""
    hidden = {place for span in masked for place in range(span.start, span.end)}
    short = min(len(expected), len(actual))
    if expected[:short] == actual[:short]:
        places: list[int] = []
    else:
        places = [
            place
            for place in range(short)
            if expected[place] != actual[place] and place not in hidden
        ]
    count = len(places) + abs(len(expected) - len(actual))
    if count == 0:
        return None
    first = places[0] if places else short
    end = first + _SHOWN
    return Difference(first, expected[first:end], actual[first:end], count)


def differing(one: bytes, other: bytes) -> list[int]:
    """Return all offsets at which two codes of the same length differ."""
    return [place for place, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1]]


def metadata_words(code: bytes) -> str:
    """Return the metadata of the code in words, such as ``ipfs 0x1220..., solc 0.8.30``."""
    tail = read_tail(code)
    if tail is None:
        return "none"
    return ", ".join(f"{key} {_plain(key, value)}" for key, value in tail.values.items())


def _plain(key: str, value: Value) -> str:
    if not isinstance(value, bytes):
        return str(value)
    return ".".join(map(str, value)) if key == "solc" else "0x" + value.hex()


def placeholders(template: bytes) -> list[Span]:
    """Return the runs of 32 or more zero bytes: where an unnamed immutable may stand."""
    found: list[Span] = []
    start = 0
    while (start := template.find(b"\0" * _WORD, start)) >= 0:
        end = start
        while end < len(template) and template[end] == 0:
            end += 1
        found.append(Span(start, end - start))
        start = end
    return found
