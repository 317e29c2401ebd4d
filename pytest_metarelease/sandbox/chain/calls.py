"""Calls that change nothing: what a contract would answer, and how much gas it would take.

Refuses to hide a failure: it comes back with its kind and, when the code reverted, its data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth.constants import ZERO_ADDRESS
from eth.exceptions import VMError
from eth.vm.forks.cancun import CancunVM
from eth.vm.message import Message
from eth.vm.spoof import SpoofTransaction
from eth_typing import Address
from eth_utils.exceptions import ValidationError

from pytest_metarelease.sandbox.abi import keccak


@dataclass(frozen=True, slots=True)
class Call:
    """The parameters of ``eth_call``; amounts in wei, ``to`` None means contract creation."""

    sender: bytes = ZERO_ADDRESS
    to: bytes | None = None
    data: bytes = b""
    value: int = 0
    gas: int | None = None


@dataclass(frozen=True, slots=True)
class Executed:
    """What a call did: its output, or the revert data with the reason it failed for."""

    output: bytes
    failure: str | None = None
    reverted: bool = False
    gas_used: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """What a call's state override says of one account; None leaves it as it is.

    ``storage`` replaces all slots, ``slots`` only those it names.
    """

    address: bytes
    balance: int | None = None
    nonce: int | None = None
    code: bytes | None = None
    storage: dict[int, int] | None = None
    slots: dict[int, int] | None = None

    def apply(self, state: Any) -> None:
        """Change the account in ``state``."""
        address: Any = Address(self.address)
        if self.balance is not None:
            state.set_balance(address, self.balance)
        if self.nonce is not None:
            state.set_nonce(address, self.nonce)
        if self.code is not None:
            state.set_code(address, self.code)
        if self.storage is not None:
            state.delete_storage(address)
        for slot, value in {**(self.storage or {}), **(self.slots or {})}.items():
            state.set_storage(address, slot, value)


def run_call(state: Any, call: Call, most_gas: int) -> Executed:
    """Execute ``call`` on ``state``, which is not to be used again."""
    gas = min(call.gas or most_gas, most_gas)
    creates = call.to is None
    created: Any = Address(keccak(call.sender)[12:]) if creates else None
    message = Message(
        gas=gas,
        to=Address(call.to or b""),
        sender=Address(call.sender),
        value=call.value,
        data=b"" if creates else call.data,
        code=call.data if creates else state.get_code(call.to),
        create_address=created,
    )
    context = state.get_transaction_context_class()(gas_price=0, origin=call.sender)
    run = state.computation_class
    try:
        apply = run.apply_create_message if creates else run.apply_message
        return _executed(apply(state, message, context), gas)
    except VMError as problem:  # raised before the code runs: too little money for the value
        return Executed(b"", f"insufficient funds for transfer: {problem}")


def estimate_gas(state: Any, call: Call, most_gas: int) -> Executed:
    """Execute ``call`` as a transaction on a state without gas price."""
    first = _try(state, call, min(call.gas or most_gas, most_gas))
    if first.failure is not None:
        return first
    # A call gets at most 63/64 of what is left (EIP-150), and a stipend must be there.
    guess = (first.gas_used + 2300) * 64 // 63
    while _try(state, call, guess).failure is not None:
        guess = min(guess * 3 // 2, most_gas)
    return Executed(first.output, gas_used=guess)


def _try(state: Any, call: Call, gas: int) -> Executed:
    unsigned = CancunVM.get_transaction_builder().create_unsigned_transaction(
        nonce=state.get_nonce(call.sender),
        gas_price=0,
        gas=gas,
        to=Address(call.to or b""),
        value=call.value,
        data=call.data,
    )
    if gas < unsigned.intrinsic_gas:
        return Executed(b"", "intrinsic gas too low")
    snapshot = state.snapshot()
    try:
        computation = state.apply_transaction(SpoofTransaction(unsigned, from_=call.sender))
        refunded = computation.get_gas_refund()
        spent = gas - computation.get_gas_remaining() + refunded
        return _executed(computation, gas, spent)
    except ValidationError as problem:
        return Executed(b"", f"insufficient funds for transfer: {problem}")
    finally:
        state.revert(snapshot)


def _executed(computation: Any, gas: int, spent: int | None = None) -> Executed:
    used = gas - computation.get_gas_remaining() if spent is None else spent
    if not computation.is_error:
        return Executed(bytes(computation.output), gas_used=used)
    reverted = type(computation.error).__name__ == "Revert"
    return Executed(
        bytes(computation.output) if reverted else b"",
        "execution reverted" if reverted else _vm_error(computation.error),
        reverted,
        used,
    )


def _vm_error(error: Exception) -> str:
    names = {"OutOfGas": "out of gas", "InvalidInstruction": "invalid opcode"}
    return names.get(type(error).__name__, type(error).__name__)
