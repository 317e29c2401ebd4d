"""A call through somebody else's contract: who begins the transaction is not who calls.

Refuses to need state overrides: the contract is creation code of one ``eth_call`` without ``to``,
so that it is nowhere before and nowhere afterwards.

A right that hangs on ``tx.origin`` belongs to every contract that its holder ever calls (SWC-115);
a direct call cannot tell it from ``msg.sender``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_metarelease.errors import ProbeError, UnsupportedError
from pytest_metarelease.probes.chain.codec import checksum
from pytest_metarelease.probes.chain.quantities import payload
from pytest_metarelease.probes.chain.revert import Revert, make_revert

if TYPE_CHECKING:
    from pytest_metarelease.probes.chain.rpc import Answer

# With what the code of the contract begins. Nodes that create nothing answer otherwise.
_MARK = bytes(1) + b"\x5e\xed" * 15 + bytes(1)
_BEGIN = 128


@dataclass(frozen=True, slots=True)
class Relayed:
    """What the call through the contract answered, and where the contract stood while it called."""

    answer: str | Revert
    caller: str


def relaying(to: str, data: str) -> str:
    """Return creation code, 0x hex, that hands its value and ``data`` on to ``to``.

    What comes of the call becomes the code of the contract, so that it never reverts itself.
    """
    size = f"62{len(data) // 2 - 1:06x}"
    code = f"{size}62{_BEGIN:06x}600039"  # CODECOPY(0, behind this code, size)
    code += f"60006000{size}60003473{to[2:].lower()}5af1"  # CALL(gas, to, value, 0, size, 0, 0)
    code += f"602052306040527f{_MARK.hex()}600052"  # memory: the mark, whether it succeeded, where
    code += "3d600060603e"  # RETURNDATACOPY(96, 0, RETURNDATASIZE)
    code += "3d6060016000f3"  # RETURN(0, 96 + RETURNDATASIZE)
    return f"0x{code:0<{_BEGIN * 2}}{data[2:]}"


def told(answer: Answer, masked: str) -> Relayed:
    """Return what a node's answer to the creation code says.

    Raises:
        ProbeError: Nothing: the node did not answer, or did not run the creation code.
    """
    if isinstance(answer, ProbeError):
        raise answer
    found = payload(answer, "a call through a contract") if isinstance(answer, str) else b""
    if not found.startswith(_MARK) or len(found) < 96:
        raise UnsupportedError(
            f"{masked}: eth_call without `to` does not run creation code, so that a call through "
            "a contract cannot be simulated; use a node that does (geth, anvil, erigon, reth)"
        )
    output = "0x" + found[96:].hex()
    at = checksum("0x" + found[76:96].hex())
    return Relayed(output if any(found[32:64]) else make_revert(output), at)
