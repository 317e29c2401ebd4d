"""The hexadecimal values of Ethereum JSON-RPC, read strictly.

Source: the encoding section of the execution API specification. Refuses null, floats and decimal
numbers: a node that answers those is not understood, and what is not understood is unknown.
"""

from __future__ import annotations

import re
from typing import Any

from pytest_metarelease.errors import MalformedError

_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")
_DATA = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


def quantity(value: Any, what: str) -> int:
    """Return the number that ``value`` encodes; ``what`` names it in the error."""
    if not isinstance(value, str) or _QUANTITY.fullmatch(value) is None:
        raise MalformedError(f"{what}: not a hexadecimal quantity: {value!r:.100}")
    return int(value, 16)


def payload(value: Any, what: str) -> bytes:
    """Return the bytes that ``value`` encodes."""
    if not isinstance(value, str) or _DATA.fullmatch(value) is None:
        raise MalformedError(f"{what}: not hexadecimal data: {value!r:.100}")
    return bytes.fromhex(value[2:])


def block_hash(value: Any, what: str) -> str:
    """Return a 32-byte hash in lower case."""
    if not isinstance(value, str) or _HASH.fullmatch(value) is None:
        raise MalformedError(f"{what}: not a 32-byte hash: {value!r:.100}")
    return value.lower()


def address_or_none(value: Any, what: str) -> str | None:
    """Return a 20-byte address in lower case, or None for null (contract creation)."""
    if value is None:
        return None
    if not isinstance(value, str) or _ADDRESS.fullmatch(value) is None:
        raise MalformedError(f"{what}: not an address: {value!r:.100}")
    return value.lower()


def mapping(value: Any, what: str) -> dict[str, Any]:
    """Return a JSON object; null means that the node does not have what was asked."""
    if not isinstance(value, dict):
        raise MalformedError(f"{what}: expected an object, got {value!r:.100}")
    return value


def listing(value: Any, what: str) -> list[Any]:
    """Return a JSON array."""
    if not isinstance(value, list):
        raise MalformedError(f"{what}: expected a list, got {value!r:.100}")
    return value
