"""Whether all events of a contract can be read: it did not exist before the first block of them.

Refuses to take a part of its history for the whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.errors import ProbeError, RefusedError, UndeclaredError
from pytest_metarelease.probes.chain.quantities import address_or_none, listing, mapping, payload
from pytest_metarelease.probes.chain.rpc import Ask, settled

if TYPE_CHECKING:
    from pytest_metarelease.probes.chain.contracts import ContractProbe


def check_beginning(contract: ContractProbe, since: int, section: str) -> None:
    """Return where the contract did not exist before block ``since``.

    A node that no longer has that state may still have the receipt of the contract's creation in
    that block. ``section`` is where the manifest says ``since``, for the message.

    Raises:
        UndeclaredError: It was there already, so that earlier events count as well.
        ProbeError: The node does not say, neither by state nor by receipt.
    """
    if since == 0:
        return
    ask = Ask("eth_getCode", (contract.address, hex(since - 1)))
    try:
        code = payload(settled(contract.rpc.batch([ask])[0], "eth_getCode"), "code")
    except RefusedError:
        if _was_created(contract, since):
            return
        raise
    if code:
        raise UndeclaredError(
            f"{contract.name} was there before block {since}, so that events may be missing; "
            f"declare {section}.since as the block of its deployment"
        )


def _was_created(contract: ContractProbe, block: int) -> bool:
    ask = Ask("eth_getBlockReceipts", (hex(block),))
    try:
        answer = settled(contract.rpc.batch([ask])[0], ask.method)
    except ProbeError:
        return False
    made = (
        address_or_none(mapping(one, "receipt").get("contractAddress"), "contractAddress")
        for one in listing(answer, ask.method)
    )
    return contract.address.lower() in made
