"""Blocks and their receipts over a window, verified whole.

Refuses an incomplete or contradictory scan: receipts must match their block, one for one, each
block must name the one before, and the last must be part of the pinned chain.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import (
    DeadlineError,
    MalformedError,
    UnsupportedError,
    WrongTargetError,
)
from pytest_metarelease.probes.chain.quantities import block_hash, listing, mapping
from pytest_metarelease.probes.chain.rpc import Ask, Rpc, settled
from pytest_metarelease.probes.chain.snapshot import (
    Snapshot,
    fetch_header,
    header_of,
    read_header,
    recheck,
    reorganised,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytest_metarelease.probes.chain.rpc import Answer

BUDGET = 60.0
"""Seconds that one scan may take altogether."""

_BLOCKS = 50
_FIRST_BLOCKS = 10
_RECEIPTS = 2_000


@dataclass(frozen=True, slots=True)
class Block:
    """A block's number, its hash and its parent's, and the hashes of its transactions."""

    number: int
    hash: str
    parent: str
    transactions: tuple[str, ...]


class Scan:
    """Reads windows of blocks of the pinned chain, each once."""

    def __init__(
        self,
        rpc: Rpc,
        snapshot: Snapshot,
        *,
        budget: float = BUDGET,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rpc = rpc
        self._snapshot = snapshot
        self._budget = budget
        self._clock = clock
        self._by_block = True

    def read(self, first: int, last: int) -> Iterator[tuple[Block, list[dict[str, Any]]]]:
        """Yield the blocks ``first`` to ``last``, each with the receipts of its transactions.

        What is yielded is verified as far as it was read; the whole counts only at the end, where
        the last block is shown to belong to the pinned chain.

        Raises:
            MalformedError: Blocks and receipts do not fit together.
            WrongTargetError: The chain was reorganised within the scan.
            DeadlineError: The budget ended first.
            UnsupportedError: The node has receipts neither by block nor by transaction.
        """
        deadline = self._clock() + self._budget
        parent: str | None = None
        pieces = _Pieces(first, last, self._asks)
        for answers in self._rpc.stream(pieces):
            if self._clock() > deadline:
                raise DeadlineError(
                    f"{self._rpc.masked}: blocks {first} to {last} were not read within "
                    f"{self._budget:g} s; declare a smaller failures.blocks"
                )
            found = self._received(pieces.answered(), answers)
            pieces.learn(found)
            for block, receipts in found:
                if parent is not None and block.parent != parent:
                    raise WrongTargetError(
                        f"{self._rpc.masked}: reorganised during the scan: block {block.number} "
                        "does not follow the one before; run again"
                    )
                parent = block.hash
                yield block, receipts
        if parent is not None:
            self._belongs(last, parent)

    def _belongs(self, last: int, digest: str) -> None:
        if last == self._snapshot.number:
            if digest != self._snapshot.hash:
                raise reorganised(self._rpc, self._snapshot, digest)
            return
        # By number: it must be there still, and the pinned block, which comes after it, as well.
        found = fetch_header(self._rpc, last)["hash"]
        recheck(self._rpc, self._snapshot)
        if found != digest:
            raise WrongTargetError(
                f"{self._rpc.masked}: reorganised: block {last} was {digest} and is {found}; "
                "run again"
            )

    def _asks(self, numbers: range) -> list[Ask]:
        asks = [header_of(number) for number in numbers]
        if self._by_block:
            asks += [Ask("eth_getBlockReceipts", (hex(number),)) for number in numbers]
        return asks

    def _received(
        self, numbers: range, answers: Sequence[Answer]
    ) -> list[tuple[Block, list[dict[str, Any]]]]:
        blocks = [
            _block(settled(answer, "eth_getBlockByNumber"), number)
            for answer, number in zip(answers, numbers, strict=False)
        ]
        found = answers[len(numbers) :]
        if not found or any(isinstance(one, UnsupportedError) for one in found):
            self._by_block = False
            return self._singly(blocks)
        return [
            (block, _matching(block, settled(answer, "eth_getBlockReceipts")))
            for block, answer in zip(blocks, found, strict=True)
        ]

    def _singly(self, blocks: Sequence[Block]) -> list[tuple[Block, list[dict[str, Any]]]]:
        """For nodes without receipts by block: one question for each transaction, in batches."""
        asks = [
            Ask("eth_getTransactionReceipt", (digest,))
            for block in blocks
            for digest in block.transactions
        ]
        answers = iter(self._rpc.batch(asks) if asks else ())
        found = []
        for block in blocks:
            mine = [settled(next(answers), "eth_getTransactionReceipt") for _ in block.transactions]
            found.append((block, _matching(block, mine)))
        return found


class _Pieces:
    """The questions of a scan, a few blocks at a time: fewer where blocks are full."""

    def __init__(self, first: int, last: int, asks: Callable[[range], list[Ask]]) -> None:
        self._next, self._last = first, last
        self._asks = asks
        self._size = _FIRST_BLOCKS
        self._taken: deque[range] = deque()

    def __iter__(self) -> Iterator[list[Ask]]:
        while self._next <= self._last:
            numbers = range(self._next, min(self._next + self._size, self._last + 1))
            self._next = numbers.stop
            self._taken.append(numbers)
            yield self._asks(numbers)

    def answered(self) -> range:
        """Return the blocks of the earliest piece that was taken and not yet answered."""
        return self._taken.popleft()

    def learn(self, found: Sequence[tuple[Block, Any]]) -> None:
        """Take pieces of about 2,000 receipts, as full as the blocks of the last one were."""
        most = max((len(block.transactions) for block, _ in found), default=0)
        self._size = max(1, min(_BLOCKS, _RECEIPTS // max(most, 1)))


def _block(value: Any, number: int) -> Block:
    header = read_header(value, number)
    what = f"transaction of block {number}"
    return Block(
        number,
        header["hash"],
        block_hash(header.get("parentHash"), f"parent of block {number}"),
        tuple(
            block_hash(one, what)
            for one in listing(header.get("transactions"), f"transactions of block {number}")
        ),
    )


def _matching(block: Block, value: Any) -> list[dict[str, Any]]:
    receipts = listing(value, f"receipts of block {block.number}")
    if len(receipts) != len(block.transactions):
        raise MalformedError(
            f"block {block.number} has {len(block.transactions)} transactions, "
            f"{len(receipts)} receipts came"
        )
    for digest, receipt in zip(block.transactions, receipts, strict=True):
        found = mapping(receipt, "receipt")
        # Nearly always written as the block has it: only the rest is worth reading closely.
        if found.get("transactionHash") != digest:
            _same(digest, found.get("transactionHash"), f"receipt of {digest}")
        if found.get("blockHash") != block.hash:
            what = f"receipt of {digest}"
            if block_hash(found.get("blockHash"), what) != block.hash:
                raise WrongTargetError(f"{what}: of another block {block.number}: reorganised")
    return receipts


def _same(digest: str, found: Any, what: str) -> None:
    if block_hash(found, what) != digest:
        raise MalformedError(f"{what}: another transaction's receipt came")
