"""Another value of the same type, written the same way: what a forger changes.

Refuses types for which it knows no other value.
"""

from __future__ import annotations

import re
from typing import Any

from pytest_metarelease.errors import UsageError
from pytest_metarelease.manifest.amounts import is_wei, read_wei

ELSEWHERE = "0x000000000000000000000000000000000000dEaD"
"""An address that nobody has the key of."""

_ELSEWHERE_TOO = "0x000000000000000000000000000000000000bEEF"


def other(value: Any, kind: str) -> Any:
    """Return another value of the same EIP-712 or ABI type, written the same way.

    Raises:
        UsageError: No other value of the type is known.
    """
    if kind.endswith("]") and isinstance(value, list | tuple) and value:
        return [other(value[0], kind[: kind.rindex("[")]), *value[1:]]
    if kind == "address":
        return _ELSEWHERE_TOO if str(value).lower() == ELSEWHERE.lower() else ELSEWHERE
    if kind == "bool":
        return not value
    if kind.startswith(("uint", "int")) and not kind.endswith("]"):
        return _next(value, kind)
    if kind == "string":
        # Another amount where it is one: what is no number is refused without a look at who signed.
        return f"{value}1" if re.fullmatch(r"\d+\.\d*", str(value)) else f"{value}x"
    if kind.startswith("bytes") and not kind.endswith("]"):
        if value in ("", "0x"):
            return "0x01"
        return value[:-1] + ("0" if str(value)[-1:] != "0" else "1")
    raise UsageError(f"no forgery is known for a member of type {kind}")


def other_domain_value(name: str, value: Any) -> Any:
    """Return another value of a field of an EIP-712 domain."""
    if name == "chainId":
        return _next(value, "uint256")
    if name == "verifyingContract":
        return ELSEWHERE
    if name == "salt":
        return "0x" + ("5a" if str(value).lower() != "0x" + "5a" * 32 else "a5") * 32
    return f"{value}x"


def _next(value: Any, kind: str) -> Any:
    text = isinstance(value, str)
    if text and is_wei(value):
        number = read_wei(value)
    else:
        number = int(value, 16) if text and value.lower().startswith("0x") else int(value)
    bits = int(kind.removeprefix("u").removeprefix("int") or 256)
    largest = 2 ** (bits if kind.startswith("u") else bits - 1) - 1
    changed = number - 1 if number >= largest else number + 1
    return str(changed) if text else changed
