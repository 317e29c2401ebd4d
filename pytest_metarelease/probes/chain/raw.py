"""Signed transactions as they are sent: for which chain, and what they may cost at most.

Reads the outermost RLP list and no more. Refuses transactions that it cannot read, that are bound
to no chain, or of a type whose cost it does not know: what cannot be counted is not sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_metarelease.errors import ForbiddenError

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_BYTES = 256 * 1024
_LEGACY_FIELDS = 9
# Type -> number of fields, and where chain id, price of gas, gas and value stand:
# EIP-2930 and EIP-1559. Blobs (EIP-4844) and delegations (EIP-7702) are not sent from here.
_TYPED = {1: (11, 0, 2, 3, 5), 2: (12, 0, 3, 4, 6)}


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed transaction: its EIP-155 chain id, and value plus gas at its highest, in wei."""

    chain_id: int
    most: int


def read_signed(raw: object) -> Signed:
    """Return what a raw transaction, 0x hex, is bound to and may cost.

    Raises:
        ForbiddenError: It cannot be read, or is bound to no chain.
    """
    try:
        return _read(bytes.fromhex(str(raw).removeprefix("0x")))
    except ValueError as problem:
        raise ForbiddenError(f"not sent: no transaction that can be counted ({problem})") from None


def _read(data: bytes) -> Signed:
    if not data or len(data) > MOST_BYTES:
        raise ValueError(f"{len(data)} bytes")
    return _legacy(data) if data[0] >= 0xC0 else _typed(data)


def _typed(data: bytes) -> Signed:
    if data[0] not in _TYPED:
        raise ValueError(f"of type {data[0]}")
    count, chain, price, gas, value = _TYPED[data[0]]
    fields = _fields(data[1:], count)
    numbers = {place: _number(fields[place]) for place in (chain, price, gas, value)}
    return Signed(numbers[chain], numbers[value] + numbers[gas] * numbers[price])


def _legacy(data: bytes) -> Signed:
    fields = _fields(data, _LEGACY_FIELDS)
    price, gas, value, parity = (_number(fields[place]) for place in (1, 2, 4, 6))
    if parity < 35:
        # EIP-155: without a chain in its signature it could be replayed on any other.
        raise ValueError("it is bound to no chain")
    return Signed((parity - 35) // 2, value + gas * price)


def _number(field: bytes) -> int:
    if len(field) > 32:
        raise ValueError("a number of more than 32 bytes")
    return int.from_bytes(field, "big")


def _fields(data: bytes, count: int) -> list[bytes]:
    start, end = _span(data, 0)
    if data[0] < 0xC0 or end != len(data):
        raise ValueError("no RLP list")
    fields = list(_items(data, start, end))
    if len(fields) != count:
        raise ValueError(f"{len(fields)} fields, not {count}")
    return fields


def _items(data: bytes, at: int, end: int) -> Iterator[bytes]:
    while at < end:
        start, stop = _span(data, at)
        if stop > end:
            raise ValueError("RLP that ends in the middle")
        yield data[start:stop]
        at = stop


def _span(data: bytes, at: int) -> tuple[int, int]:
    """Return where the payload of the RLP item at ``at`` begins and ends."""
    if at >= len(data):
        raise ValueError("RLP that ends in the middle")
    first = data[at]
    if first < 0x80:
        return at, at + 1
    base = 0x80 if first < 0xC0 else 0xC0
    length = first - base
    if length <= 55:
        return at + 1, at + 1 + length
    start = at + 1 + length - 55
    return start, start + int.from_bytes(data[at + 1 : start], "big")
