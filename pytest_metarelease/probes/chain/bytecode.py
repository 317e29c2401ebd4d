"""Bytes of runtime code: where two codes differ, and where the compiler's metadata begins.

Values in, values out; asks nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_metarelease.probes.chain.artifact import Span

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


def metadata_start(code: bytes) -> int:
    """Return where the CBOR metadata begins, or the length of the code where there is none.

    Source: Solidity's "Encoding of the metadata hash in the bytecode": a CBOR map, then its length
    in two bytes.
    """
    size = int.from_bytes(code[-2:], "big") + 2
    start = len(code) - size
    is_map = 0 <= start < len(code) - 2 and code[start] >> 5 == 5
    return start if is_map else len(code)


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
