"""The plainest of ABI encodings, read without a library: one word of 32 bytes for each value.

Most views return just that, and there are thousands. Reads only what is exactly so; whatever is
longer, shorter, of another type or badly padded is for ``codec``, which says what is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WORD = 32

_BITS = {f"uint{bits}": bits for bits in range(8, 257, 8)}
_NONE = object()


def read_words(types: Sequence[str], data: bytes) -> tuple[int | bool | str, ...] | None:
    """Return the values of ``data``, addresses in lower case, or None where it is not so plain."""
    if len(data) != WORD * len(types) or not types:
        return None
    found = tuple(
        _read(kind, data[place * WORD : (place + 1) * WORD]) for place, kind in enumerate(types)
    )
    return None if _NONE in found else found  # type: ignore[return-value]


def _read(kind: str, word: bytes) -> object:
    if kind == "bytes32":
        return "0x" + word.hex()
    if kind == "address":
        return "0x" + word[12:].hex() if not any(word[:12]) else _NONE
    number = int.from_bytes(word, "big")
    if kind == "bool":
        return number == 1 if number < 2 else _NONE
    bits = _BITS.get(kind)
    return number if bits is not None and number < 1 << bits else _NONE
