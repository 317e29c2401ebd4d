"""How many transactions to a contract failed, over a window of blocks that is verified whole.

Refuses an incomplete or contradictory scan: receipts must match their block, one for one, and each
block must name the one before. Counts transactions sent to the contract itself, not calls that
reach it through another contract, since receipts do not say how those ended.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import (
    DeadlineError,
    MalformedError,
    UnsupportedError,
    WrongTargetError,
)
from pytest_metarelease.probes.chain.quantities import (
    address_or_none,
    block_hash,
    listing,
    mapping,
    quantity,
)
from pytest_metarelease.probes.chain.rpc import BATCH, Ask, Rpc, settled
from pytest_metarelease.probes.chain.snapshot import (
    Snapshot,
    header_of,
    read_header,
    reorganised,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BUDGET = 60.0
"""Seconds that one scan may take altogether."""


@dataclass(frozen=True, slots=True)
class Count:
    """Transactions to one contract in the blocks ``first`` to ``last``, both included."""

    first: int
    last: int
    failed: int
    total: int


@dataclass(frozen=True, slots=True)
class _Block:
    number: int
    hash: str
    parent: str
    transactions: tuple[str, ...]


class Scan:
    """One scan of the window that ends at the pinned block."""

    def __init__(
        self,
        rpc: Rpc,
        snapshot: Snapshot,
        contract: str,
        *,
        budget: float = BUDGET,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rpc = rpc
        self._snapshot = snapshot
        self._contract = contract.lower()
        self._budget = budget
        self._clock = clock
        self._by_block = True

    def count(self, window: int) -> Count:
        """Count over the last ``window`` blocks, the pinned one included.

        Raises:
            MalformedError: Blocks and receipts do not fit together.
            WrongTargetError: The chain was reorganised within the scan.
            DeadlineError: The budget ended first.
            UnsupportedError: The node has receipts neither by block nor by transaction.
        """
        deadline = self._clock() + self._budget
        last = self._snapshot.number
        first = max(0, last - window + 1)
        failed = total = 0
        parent: str | None = None
        for start in range(first, last + 1, BATCH // 2):
            if self._clock() > deadline:
                raise DeadlineError(
                    f"{self._rpc.masked}: blocks {first} to {last} were not read within "
                    f"{self._budget:g} s; declare a smaller failures.blocks"
                )
            numbers = range(start, min(start + BATCH // 2, last + 1))
            for block, receipts in self._read(numbers):
                self._follows(block, parent)
                parent = block.hash
                outcomes = [self._outcome(block, *pair) for pair in enumerate(receipts)]
                failed += outcomes.count(False)
                total += len(outcomes) - outcomes.count(None)
        if parent != self._snapshot.hash:
            raise reorganised(self._rpc, self._snapshot, str(parent))
        return Count(first, last, failed, total)

    def _read(self, numbers: range) -> Sequence[tuple[_Block, list[Any]]]:
        """Return the blocks, each with one receipt for each of its transactions."""
        asks = [header_of(number) for number in numbers]
        if self._by_block:
            asks += [Ask("eth_getBlockReceipts", (hex(number),)) for number in numbers]
        answers = self._rpc.batch(asks)
        blocks = [
            _block(settled(answer, "eth_getBlockByNumber"), number)
            for answer, number in zip(answers, numbers, strict=False)
        ]
        found = answers[len(numbers) :]
        if any(isinstance(one, UnsupportedError) for one in found):
            self._by_block = False
        if not self._by_block:
            return self._singly(blocks)
        return [
            (block, _matching(block, settled(answer, "eth_getBlockReceipts")))
            for block, answer in zip(blocks, found, strict=True)
        ]

    def _singly(self, blocks: Sequence[_Block]) -> Sequence[tuple[_Block, list[Any]]]:
        """For nodes without receipts by block: one question for each transaction."""
        asks = [
            Ask("eth_getTransactionReceipt", (digest,))
            for block in blocks
            for digest in block.transactions
        ]
        answers = iter(self._rpc.batch(asks))
        found = []
        for block in blocks:
            mine = [settled(next(answers), "eth_getTransactionReceipt") for _ in block.transactions]
            found.append((block, _matching(block, mine)))
        return found

    def _follows(self, block: _Block, parent: str | None) -> None:
        if parent is not None and block.parent != parent:
            raise WrongTargetError(
                f"{self._rpc.masked}: reorganised during the scan: block {block.number} does not "
                "follow the one before; run again"
            )

    def _outcome(self, block: _Block, index: int, receipt: Any) -> bool | None:
        """Return whether the transaction succeeded, or None where it went elsewhere."""
        what = f"receipt {index} of block {block.number}"
        if address_or_none(receipt.get("to"), f"{what}: to") != self._contract:
            return None
        status = quantity(receipt.get("status"), f"{what}: status")
        if status not in (0, 1):
            raise MalformedError(f"{what}: status {status} is neither 0 nor 1 (EIP-658)")
        return status == 1


def _block(value: Any, number: int) -> _Block:
    header = read_header(value, number)
    return _Block(
        number,
        header["hash"],
        block_hash(header.get("parentHash"), f"parent of block {number}"),
        tuple(
            block_hash(one, f"transaction of block {number}")
            for one in listing(header.get("transactions"), f"transactions of block {number}")
        ),
    )


def _matching(block: _Block, value: Any) -> list[Any]:
    receipts = listing(value, f"receipts of block {block.number}")
    if len(receipts) != len(block.transactions):
        raise MalformedError(
            f"block {block.number} has {len(block.transactions)} transactions, "
            f"{len(receipts)} receipts came"
        )
    for digest, receipt in zip(block.transactions, receipts, strict=True):
        what = f"receipt of {digest}"
        found = mapping(receipt, what)
        if block_hash(found.get("transactionHash"), what) != digest:
            raise MalformedError(f"{what}: another transaction's receipt came")
        if block_hash(found.get("blockHash"), what) != block.hash:
            raise WrongTargetError(f"{what}: of another block {block.number}: reorganised")
    return receipts
