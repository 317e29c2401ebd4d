"""A revert: what a contract answers when it refuses, as opposed to a node that fails.

Only what the EVM reverted counts. Rate limits, missing methods, missing funds, out of gas and
invalid opcodes are never a revert.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_metarelease.errors import UnmetError

ERROR_STRING = "0x08c379a0"
"""Selector of ``Error(string)``, what ``require(condition, text)`` reverts with."""

PANIC = "0x4e487b71"
"""Selector of ``Panic(uint256)``, what failed assertions and arithmetic revert with."""

_REVERTED = 3
_NO_REVERTS = ("invalid opcode", "out of gas", "ran out of gas", "stack underflow")
_PREFIXES = (
    "execution reverted:",
    "execution reverted",
    "VM Exception while processing transaction: reverted with reason string",
    "VM Exception while processing transaction: revert",
    "reverted",
)


@dataclass(frozen=True, slots=True)
class Revert:
    """Why a contract refused. ``data`` is the raw revert data, ``selector`` its first 4 bytes.

    ``reason`` is the text of ``Error(string)``, ``Panic(0x11)``, a custom error as
    ``Name(values)`` where the ABI knows it, or what the node said where there is no data.
    """

    reason: str
    selector: str
    data: str

    def is_declared_as(self, declared: str) -> bool:
        """Return whether the manifest's ``declared`` names this revert.

        It may give the whole reason, a custom error's name or signature-free call form
        ``Name(values)``, or a selector such as ``0x82b42900``; ``0x`` alone is a revert without
        data. Nothing declared matches nothing.
        """
        wanted = declared.strip()
        if not wanted:
            return False
        if wanted == "0x":
            return self.data in ("", "0x")
        if wanted.lower().startswith("0x"):
            return self.selector != "" and wanted.lower() == self.selector.lower()
        return wanted in (self.reason, self._error_name())

    def _error_name(self) -> str | None:
        # The text of Error(string) is what the contract chose; a part of it is not a name.
        custom = self.selector not in ("", ERROR_STRING)
        return self.reason.split("(", 1)[0] if custom else None


class RevertedError(UnmetError):
    """The contract refused a call that should have succeeded; ``revert`` says why."""

    def __init__(self, revert: Revert, what: str) -> None:
        super().__init__(f"{what} reverted: {revert.reason or 'no reason given'}")
        self.revert = revert


def read_revert(error: Mapping[str, Any]) -> Revert | None:
    """Return the revert that a JSON-RPC error object reports, or None where it is no revert.

    Code 3 is geth's "execution reverted"; other nodes say so in the message only.
    """
    message = str(error.get("message", ""))
    data = _data(error.get("data"))
    said = message.lower()
    told = str(error.get("data", "")).startswith("Reverted ")
    says_so = said.startswith("execution reverted") or (
        # Hardhat and Ganache say so behind "VM Exception", which is also how out of gas begins.
        "revert" in said and (data is not None or said.startswith("vm exception"))
    )
    if not (says_so or told) and error.get("code") != _REVERTED:
        return None
    if data in (None, "0x") and any(words in said for words in _NO_REVERTS):
        # Hardhat 3 gives these code 3 as well; they are no decision of the contract's.
        return None
    return make_revert(data or "0x", message)


def make_revert(data: str, message: str = "") -> Revert:
    """Return the revert with this 0x-hexadecimal data, its standard reasons decoded."""
    selector = data[:10] if len(data) >= 10 else ""
    reason = _standard(selector, data)
    return Revert(reason if reason is not None else _told(message), selector, data)


def _data(value: Any) -> str | None:
    if isinstance(value, Mapping):
        value = value.get("data", value.get("result"))
    if not isinstance(value, str):
        return None
    text = value.removeprefix("Reverted ").strip()
    try:
        bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        return None
    return text if text.startswith("0x") else None


def _standard(selector: str, data: str) -> str | None:
    """Decode ``Error(string)`` and ``Panic(uint256)``; by hand, since it is ten lines."""
    body = bytes.fromhex(data[10:])
    if selector == PANIC and len(body) == 32:
        return f"Panic({hex(int.from_bytes(body, 'big'))})"
    if selector != ERROR_STRING or len(body) < 64:
        return None
    size = int.from_bytes(body[32:64], "big")
    if int.from_bytes(body[:32], "big") != 32 or len(body) < 64 + size:
        return None
    return body[64 : 64 + size].decode("utf-8", "replace")


def _told(message: str) -> str:
    for prefix in _PREFIXES:
        if message.lower().startswith(prefix.lower()):
            return message[len(prefix) :].strip().strip("'\"")
    return message
