"""What comes and goes over JSON-RPC, one value at a time.

Refuses hex without 0x and addresses that are not 20 bytes (``ValueError``: the caller's fault).
"""

from __future__ import annotations

from typing import Any

from pytest_metarelease.sandbox.abi import WORD
from pytest_metarelease.sandbox.chain.calls import Call, Change, Executed
from pytest_metarelease.sandbox.chain.shapes import data

_ERROR_SELECTOR = bytes.fromhex("08c379a0")  # Error(string)
_SELECTOR_SIZE = 4


class RpcError(Exception):
    """An answer of kind ``error``: JSON-RPC code, text, and for reverts the revert data."""

    def __init__(self, code: int, message: str, revert: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.revert = code, message, revert


def output_of(done: Executed) -> bytes:
    """The output of a call.

    Raises:
        RpcError: it failed; error 3 with the revert data when the code reverted.
    """
    if done.failure is None:
        return done.output
    if not done.reverted:
        raise RpcError(-32000, done.failure)
    reason = _reason(done.output)
    message = done.failure if reason is None else f"{done.failure}: {reason}"
    raise RpcError(3, message, data(done.output))


def _reason(output: bytes) -> str | None:
    """The text of ``Error(string)``; None for custom errors, panics and empty reverts."""
    if output[:_SELECTOR_SIZE] != _ERROR_SELECTOR:
        return None
    length = int.from_bytes(output[_SELECTOR_SIZE + WORD : _SELECTOR_SIZE + 2 * WORD], "big")
    start = _SELECTOR_SIZE + 2 * WORD
    return output[start : start + length].decode("utf-8", "replace")


def call_of(request: dict[str, Any]) -> Call:
    """The call that a request object describes."""
    to, gas = request.get("to"), request.get("gas")
    return Call(
        sender=address_of(request.get("from") or "0x" + "00" * 20),
        to=address_of(to) if to else None,
        data=bytes_of(request.get("input") or request.get("data") or "0x"),
        value=int(request.get("value") or "0x0", 16),
        gas=int(gas, 16) if gas else None,
    )


def changes_of(overrides: dict[str, dict[str, Any]]) -> tuple[Change, ...]:
    """What the third parameter of ``eth_call`` changes: geth's state overrides."""
    return tuple(
        Change(
            address=address_of(address),
            balance=_number(one.get("balance")),
            nonce=_number(one.get("nonce")),
            code=bytes_of(one["code"]) if "code" in one else None,
            storage=_slots(one.get("state")),
            slots=_slots(one.get("stateDiff")),
        )
        for address, one in overrides.items()
    )


def _number(value: str | None) -> int | None:
    return None if value is None else int(value, 16)


def _slots(value: dict[str, str] | None) -> dict[int, int] | None:
    return None if value is None else {int(slot, 16): int(word, 16) for slot, word in value.items()}


def wants(wanted: dict[str, Any], log: dict[str, Any]) -> bool:
    """Whether a filter object asks for this log."""
    addresses = _choices(wanted.get("address"))
    if addresses and log["address"] not in addresses:
        return False
    topics = wanted.get("topics") or []
    if len(topics) > len(log["topics"]):
        return False
    return all(
        not _choices(choice) or log["topics"][place] in _choices(choice)
        for place, choice in enumerate(topics)
    )


def _choices(value: Any) -> list[str]:
    if value is None:
        return []
    return [item.lower() for item in ([value] if isinstance(value, str) else value)]


def bytes_of(value: str) -> bytes:
    """Bytes from 0x hex."""
    if not value.startswith("0x"):
        raise ValueError(f"{value!r} is not 0x hex")
    return bytes.fromhex(value[2:])


def address_of(value: str) -> bytes:
    """20 bytes from 0x hex."""
    raw = bytes_of(value)
    if len(raw) != 20:
        raise ValueError(f"{value!r} is not an address")
    return raw
