"""What became of the transactions to one contract, and with which events, over a verified window.

Counts transactions sent to the contract itself, not calls that reach it through another contract,
since receipts do not say how those ended. What scans and verifies is in ``scanning``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import MalformedError
from pytest_metarelease.probes.chain.quantities import (
    address_or_none,
    block_hash,
    listing,
    mapping,
    quantity,
)

if TYPE_CHECKING:
    from pytest_metarelease.probes.chain.scanning import Block, Scan

_STATUS = {"0x1": True, "0x0": False}


@dataclass(frozen=True, slots=True)
class Sent:
    """One transaction to the contract; ``gas`` is what all of it used."""

    block: int
    hash: str
    succeeded: bool
    gas: int


@dataclass(frozen=True, slots=True)
class Emitted:
    """One event of the contract, whoever called it: where it stands, and its first topic."""

    block: int
    index: int
    topic: str


@dataclass(frozen=True, slots=True)
class Window:
    """What happened in the blocks ``first`` to ``last``, both included; none where last < first."""

    first: int
    last: int
    sent: tuple[Sent, ...] = ()
    emitted: tuple[Emitted, ...] = ()

    @property
    def failed(self) -> tuple[Sent, ...]:
        """The transactions that were mined and reverted."""
        return tuple(one for one in self.sent if not one.succeeded)


def watch(scan: Scan, contract: str, first: int, last: int, *, events: bool = False) -> Window:
    """Return what happened to ``contract`` in a window of blocks; with its ``events`` if wanted.

    Raises:
        ProbeError: The window could not be read whole and verified; see ``Scan.read``.
    """
    address = contract.lower()
    sent: list[Sent] = []
    emitted: list[Emitted] = []
    for block, receipts in scan.read(first, last):
        for index, receipt in enumerate(receipts):
            if _goes_to(address, receipt.get("to"), block, index):
                sent.append(_sent(block, index, receipt))
            if events:
                logs = listing(receipt.get("logs"), "logs of a receipt")
                emitted.extend(_emitted(address, block, logs))
    return Window(first, last, tuple(sent), tuple(emitted))


def counted(window: Window) -> str:
    """Return in words how many transactions of the window failed."""
    if window.last < window.first:
        return "no blocks"
    return (
        f"{len(window.failed)} of {len(window.sent)} failed in blocks {window.first} to "
        f"{window.last}"
    )


def _goes_to(address: str, to: Any, block: Block, index: int) -> bool:
    # Nearly always written in lower case: only the rest is worth reading closely.
    if to == address:
        return True
    return address_or_none(to, f"receipt {index} of block {block.number}: to") == address


def _sent(block: Block, index: int, receipt: dict[str, Any]) -> Sent:
    status = receipt.get("status")
    succeeded = _STATUS.get(status) if isinstance(status, str) else None
    if succeeded is None:
        what = f"receipt {index} of block {block.number}: status"
        number = quantity(status, what)
        if number not in (0, 1):
            raise MalformedError(f"{what} {number} is neither 0 nor 1 (EIP-658)")
        succeeded = number == 1
    gas = quantity(receipt.get("gasUsed"), "gasUsed")
    return Sent(block.number, block.transactions[index], succeeded, gas)


def _emitted(address: str, block: Block, logs: list[Any]) -> list[Emitted]:
    found = []
    for log in logs:
        one = mapping(log, "log")
        if str(one.get("address")).lower() != address:
            continue
        topics = listing(one.get("topics"), "topics of a log")
        if str(one.get("blockHash")).lower() != block.hash:
            raise MalformedError(f"a log in a receipt of block {block.number} is of another block")
        topic = block_hash(topics[0], "topic of a log") if topics else ""
        found.append(Emitted(block.number, quantity(one.get("logIndex"), "logIndex"), topic))
    return found
