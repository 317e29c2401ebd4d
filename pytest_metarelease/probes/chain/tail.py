"""The compiler's metadata at the end of runtime code: a CBOR map and its length.

Refuses anything else behind the code: bytes after the marker, a map that is not all of the tail,
keys that no compiler writes. Source: Solidity, "Encoding of the Metadata Hash in the Bytecode".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from pytest_metarelease.errors import MalformedError

Value: TypeAlias = "bytes | str | int | bool"

_KEYS = frozenset({"ipfs", "bzzr0", "bzzr1", "solc", "experimental", "vyper"})
_LENGTH = 2  # of the length itself
_MAP, _BYTES, _TEXT, _UNSIGNED, _SIMPLE = 5, 2, 3, 0, 7


@dataclass(frozen=True, slots=True)
class Tail:
    """``start`` is the offset of the map; ``values`` what it holds."""

    start: int
    values: Mapping[str, Value]


def read_tail(code: bytes) -> Tail | None:
    """Return the metadata at the very end of the code, or None where there is none."""
    size = int.from_bytes(code[-_LENGTH:], "big")
    start = len(code) - _LENGTH - size
    if len(code) < _LENGTH or size < 1 or start < 0 or code[start] >> 5 != _MAP:
        return None
    try:
        return Tail(start, read_map(code[start : len(code) - _LENGTH]))
    except MalformedError:
        return None


def metadata_start(code: bytes) -> int:
    """Return where the metadata begins, or the length of the code where there is none."""
    tail = read_tail(code)
    return len(code) if tail is None else tail.start


def why_no_tail(code: bytes, start: int) -> str | None:
    """Return why ``code`` from ``start`` on is not exactly one metadata map, or None."""
    end = code[start:]
    if not end:
        return "no metadata where the artifact has some"
    tail = read_tail(code)
    if tail is not None and tail.start == start:
        return None
    for used in range(_LENGTH + 1, len(end)):
        inner = read_tail(code[: start + used])
        if inner is not None and inner.start == start:
            return (
                f"{len(end) - used} bytes after the metadata marker, from offset {start + used}: "
                f"0x{end[used : used + 16].hex()}"
            )
    return f"{len(end)} bytes from offset {start} that are no compiler's metadata"


def read_map(data: bytes) -> Mapping[str, Value]:
    """Return a CBOR map of text keys that compilers use (RFC 8949), which must be all of ``data``.

    Raises:
        MalformedError: It is something else.
    """
    count, at = _head(data, 0, _MAP)
    found: dict[str, Value] = {}
    for _ in range(count):
        key, at = _item(data, at)
        value, at = _item(data, at)
        if not isinstance(key, str) or key not in _KEYS or key in found:
            raise MalformedError(f"no metadata: key {key!r:.40}")
        found[key] = value
    if at != len(data) or not found:
        raise MalformedError("no metadata: bytes behind the map")
    return found


def _head(data: bytes, at: int, wanted: int) -> tuple[int, int]:
    if at >= len(data) or data[at] >> 5 != wanted:
        raise MalformedError("no metadata: another type")
    return _argument(data, at)


def _argument(data: bytes, at: int) -> tuple[int, int]:
    low = data[at] & 0x1F
    if low < 24:
        return low, at + 1
    size = {24: 1, 25: 2}.get(low)
    if size is None or at + 1 + size > len(data):
        raise MalformedError("no metadata: length")
    return int.from_bytes(data[at + 1 : at + 1 + size], "big"), at + 1 + size


def _item(data: bytes, at: int) -> tuple[Value, int]:
    if at >= len(data):
        raise MalformedError("no metadata: it ends too early")
    kind = data[at] >> 5
    if kind == _SIMPLE:
        if data[at] not in (0xF4, 0xF5):
            raise MalformedError("no metadata: simple value")
        return data[at] == 0xF5, at + 1
    if kind not in (_BYTES, _TEXT, _UNSIGNED):
        raise MalformedError("no metadata: another type")
    size, start = _argument(data, at)
    if kind == _UNSIGNED:
        return size, start
    raw = data[start : start + size]
    if len(raw) != size:
        raise MalformedError("no metadata: it ends too early")
    if kind == _BYTES:
        return raw, start + size
    try:
        return raw.decode(), start + size
    except UnicodeDecodeError:
        raise MalformedError("no metadata: text") from None
