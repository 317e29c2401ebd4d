"""State overrides of ``eth_call``: balances, code and slots that are assumed for one call.

An extension of geth that many nodes share. Refuses to believe that a node has it: some ignore what
they do not know, so each use asks in the same breath whether an override is seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import UnsupportedError
from pytest_metarelease.probes.chain.quantities import payload
from pytest_metarelease.probes.chain.rpc import Ask
from pytest_metarelease.probes.chain.storage import slot_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_metarelease.manifest.model import Given
    from pytest_metarelease.probes.chain.rpc import Answer

MONEY = 10**20
"""Wei that a simulated caller has beside what it pays."""

READER = "0x00000000000000000000000000000000c0de0006"
"""Where ``SAYS_BALANCE`` stands in a simulation."""

SAYS_BALANCE = "0x6000353160005260206000f3"
"""BALANCE(CALLDATALOAD(0)), returned."""

_SOMEWHERE = "0x00000000000000000000000000000000c0de0004"
# SLOAD slot 0 and return it.
_SAYS_SLOT_0 = "0x60005460005260206000f3"
_ANSWER = 0x5EED


def witness(tag: Any) -> Ask:
    """Return a call that answers a certain number where overrides are seen."""
    override = {"code": _SAYS_SLOT_0, "stateDiff": {slot_number("0"): f"0x{_ANSWER:064x}"}}
    return Ask("eth_call", ({"to": _SOMEWHERE}, tag, {_SOMEWHERE: override}))


def check_witness(answer: Answer, masked: str) -> None:
    """Return where the node showed that it sees overrides.

    Raises:
        MalformedError: It answered something that is no hexadecimal.
        UnsupportedError: It does not.
    """
    word = payload(answer, "state overrides") if isinstance(answer, str) else b""
    if not word or int.from_bytes(word, "big") != _ANSWER:
        raise UnsupportedError(
            f"{masked}: the node does not know state overrides of eth_call, so this cannot be "
            "simulated; use a node that does (geth, anvil, erigon, reth)"
        )


def balance_data(address: str) -> str:
    """Return the call data with which the code ``SAYS_BALANCE`` says what an account has."""
    return "0x" + address[2:].lower().rjust(64, "0")


def patched(words: dict[str, bytes], given: Sequence[Given]) -> dict[str, str]:
    """Return the slots with what is given written over what is there now, as a ``stateDiff``."""
    found = dict(words)
    for one in given:
        slot = slot_number(one.slot)
        word = int.from_bytes(found[slot], "big")
        mask = ((1 << (8 * one.size)) - 1) << (8 * one.offset)
        word = (word & ~mask) | (one.value << (8 * one.offset))
        found[slot] = word.to_bytes(32, "big")
    return {slot: "0x" + found[slot].hex() for slot in {slot_number(one.slot) for one in given}}
