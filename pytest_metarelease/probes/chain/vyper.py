"""What Vyper writes behind its creation code: how long the runtime code is, and its immutables.

Refuses to guess: anything but exactly that list, at the very end, is no word of Vyper's (0.3.10 and
later). Immutables stand behind the runtime code, which the artifact therefore lacks; they have no
names. Source: Vyper, "Compiling a Contract", metadata; CBOR is RFC 8949.
"""

from __future__ import annotations

from typing import TypeAlias

from pytest_metarelease.errors import MalformedError
from pytest_metarelease.probes.chain.spans import Span

Item: TypeAlias = "int | bytes | list[Item]"

_WORD = 32
_DEPTH = 4
_UNSIGNED, _BYTES, _TEXT, _LIST, _MAP = 0, 2, 3, 4, 5


def immutables_behind(creation: bytes, runtime: bytes) -> dict[str, Span]:
    """Return the words that the constructor puts behind ``runtime``: ``word_0`` and so on."""
    size = _immutable_size(creation, len(runtime))
    return {
        f"word_{at // _WORD}": Span(len(runtime) + at, min(_WORD, size - at))
        for at in range(0, size, _WORD)
    }


def _immutable_size(creation: bytes, runtime_size: int) -> int:
    size = int.from_bytes(creation[-2:], "big")
    body = creation[-size:-2]
    if size < 4 or len(body) != size - 2:
        return 0
    try:
        found, end = _item(body, 0, 0)
    except MalformedError:
        return 0
    if end != len(body) or not isinstance(found, list) or len(found) not in (4, 5):
        return 0
    # Before it may stand a digest; then the sizes of code, of each data section, of immutables.
    code, data, immutables, names = found[-4:]
    sections = data if isinstance(data, list) else [b""]
    sizes = [one for one in (code, immutables, *sections) if isinstance(one, int)]
    if len(sizes) != 2 + len(sections) or names != [b"vyper"]:
        return 0
    # Of some versions the size of the code is that without its data sections.
    fits = runtime_size in (sizes[0], sizes[0] + sum(sizes[2:]))
    return sizes[1] if fits else 0


def _item(data: bytes, at: int, depth: int) -> tuple[Item, int]:
    """Return one item and where it ends; of a map only its keys."""
    if at >= len(data) or depth > _DEPTH:
        raise MalformedError("no list of Vyper's: it ends too early, or is too deep")
    kind, low = data[at] >> 5, data[at] & 0x1F
    more = {24: 1, 25: 2}.get(low, 0)
    if low > 25:
        raise MalformedError("no list of Vyper's: length")
    count = int.from_bytes(data[at + 1 : at + 1 + more], "big") if more else low
    at += 1 + more
    if kind == _UNSIGNED:
        return count, at
    if kind in (_BYTES, _TEXT):
        return data[at : at + count], at + count
    if kind not in (_LIST, _MAP):
        raise MalformedError("no list of Vyper's: another type")
    found: list[Item] = []
    for _ in range(count):
        one, at = _item(data, at, depth + 1)
        found.append(one)
        if kind == _MAP:
            _, at = _item(data, at, depth + 1)
    return found, at
