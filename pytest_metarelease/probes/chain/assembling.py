"""Small programs for the EVM that make calls one after another and tell how each one ended.

They stand at accounts by state overrides of one ``eth_call`` and exist nowhere else. Refuses
nothing: whatever a call does is an answer, with the gas that it used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# PUSH1 0 instead of PUSH0, which not every chain has.
_ZERO = "6000"
# MSTORE(p, GAS); MSTORE(p + 32, 0); MSTORE(p + 64, 0); p += 96
_LEFT = f"5a8152{_ZERO}8160200152{_ZERO}8160400152606001"


@dataclass(frozen=True, slots=True)
class Calling:
    """One call: to whom, with what, how much wei, and how much gas at most (None: all)."""

    to: str
    data: bytes
    value: int = 0
    gas: int | None = None


@dataclass(frozen=True, slots=True)
class Creating:
    """Creates a contract from this creation code."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Ending:
    """How a call ended. ``word`` is 1 or 0, after a creation the address; ``gas`` what it used."""

    word: int
    gas: int
    output: bytes


def program(steps: Sequence[Calling | Creating], *, undone: bool = False) -> bytes:
    """Return code that makes the calls and returns their endings; ``undone`` reverts with them.

    What is reverted has changed nothing, and the caller of the code still reads the endings.
    """
    return _laid_out(steps, f"{_ZERO}{'fd' if undone else 'f3'}", b"")


def director(entry: str, steps: Sequence[Calling | Creating]) -> bytes:
    """Return code that runs ``steps`` when ``entry`` calls it and else speaks for its account.

    Speaking for it means what ``forwarder`` does. Behind the endings stands one more, whose
    ``word`` is the gas that was left.
    """
    length = len(forwarder())
    begin = 27  # the code of the question who calls
    head = bytes.fromhex(f"3373{entry[2:]}1461{begin + length:04x}57") + forwarder(begin)
    return _laid_out(steps, f"{_LEFT}{_ZERO}f3", head + b"\x5b")


def forwarder(begin: int = 0) -> bytes:
    """Return code that hands data and value on to whom ``handed_on`` names, and answers as it does.

    A call with less data than a name only pays, or asks: it is taken, as an ordinary account takes
    it. ``begin`` is where it stands in other code.
    """
    # With CALLDATASIZE >= 32: n = CALLDATASIZE - 32; CALLDATACOPY(0, 0, n);
    # CALL(gas, CALLDATALOAD(n), CALLVALUE, 0, n, 0, 0); RETURNDATACOPY; return or revert.
    call = f"6020360380{_ZERO}{_ZERO}37{_ZERO}{_ZERO}82{_ZERO}3485355af13d{_ZERO}{_ZERO}3e"
    succeed_at = begin + 8 + len(call) // 2 + 4 + 4
    stop_at = succeed_at + 5
    text = "60203610" + f"61{stop_at:04x}57{call}61{succeed_at:04x}573d{_ZERO}fd5b3d{_ZERO}f35b00"
    return bytes.fromhex(text)


def handed_on(data: bytes, target: str) -> bytes:
    """Return what tells an account with the code of ``forwarder`` to call ``target`` with data."""
    return data + bytes.fromhex(target[2:]).rjust(32, bytes(1))


def endings(output: bytes, count: int) -> list[Ending] | None:
    """Return the endings in the output of a program; None where there are not exactly so many."""
    found, at = [], 0
    while at + 96 <= len(output):
        word, gas, size = (
            int.from_bytes(output[at + place : at + place + 32], "big") for place in (0, 32, 64)
        )
        at += 96
        if size > len(output) - at:
            return None
        found.append(Ending(word, gas, output[at : at + size]))
        at += size
    return found if at == len(output) and len(found) == count else None


def _laid_out(steps: Sequence[Calling | Creating], end: str, head: bytes) -> bytes:
    """Return head, code and then the data that the code copies from behind itself."""
    tail = bytes.fromhex(end)
    size = len(head) + 2 + sum(len(_step(one, 0)) for one in steps) + len(tail)
    code, data = head + bytes.fromhex(_ZERO), b""
    for one in steps:
        code += _step(one, size + len(data))
        data += one.data
    return code + tail + data


def _step(step: Calling | Creating, offset: int) -> bytes:
    """Return the code of one step. The stack holds where in memory its ending belongs, as p."""
    size = f"62{len(step.data):06x}"
    text = f"{size}62{offset:06x}8239"  # CODECOPY(p, offset, size)
    text += "5a"  # the gas before
    if isinstance(step, Creating):
        text += f"{size}82{_ZERO}f0"  # CREATE(0, p, size)
    else:
        gas = "5a" if step.gas is None else f"63{step.gas:08x}"
        text += f"{_ZERO}{_ZERO}{size}847f{step.value:064x}73{step.to[2:].lower()}{gas}f1"
    text += "8252"  # MSTORE(p, success or address)
    text += "5a900381602001" + "52"  # MSTORE(p + 32, gas before - gas now)
    text += "3d8160400152"  # MSTORE(p + 64, RETURNDATASIZE)
    text += f"3d{_ZERO}826060013e"  # RETURNDATACOPY(p + 96, 0, RETURNDATASIZE)
    text += "3d01606001"  # p += RETURNDATASIZE + 96
    return bytes.fromhex(text)
