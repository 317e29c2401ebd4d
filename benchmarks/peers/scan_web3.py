"""The obvious loops of web3.py: arguments URL, contract, first and last block, and the way.

``naive`` asks for each block and each receipt, ``receipts`` for the receipts of a block at once,
``batch`` for those of 50 blocks in one batch. None of them verifies anything.
"""

from __future__ import annotations

import sys
from typing import Any

from web3 import HTTPProvider, Web3

from benchmarks.peers.timing import tell

url, contract, first, last = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
way = sys.argv[5]
w3 = Web3(HTTPProvider(url, request_kwargs={"timeout": 60}))
blocks = range(first, last + 1)


def naive() -> Any:
    """Yield receipts, each asked for by itself."""
    for number in blocks:
        digests: Any = w3.eth.get_block(number)["transactions"]
        for digest in digests:
            yield w3.eth.get_transaction_receipt(digest)


def receipts() -> Any:
    """Yield receipts, a block at a time."""
    for number in blocks:
        yield from w3.eth.get_block_receipts(number)


def batch() -> Any:
    """Yield receipts, 50 blocks at a time."""
    for start in range(0, len(blocks), 50):
        with w3.batch_requests() as together:
            for number in blocks[start : start + 50]:
                together.add(w3.eth.get_block_receipts(number))
            for found in together.execute():
                yield from found


def scan() -> dict[str, Any]:
    """Count what was sent to the contract."""
    ways = {"naive": naive, "receipts": receipts, "batch": batch}
    mine = [one["status"] for one in ways[way]() if one["to"] == contract]
    return {"failed": mine.count(0), "total": len(mine)}


w3.eth.block_number  # noqa: B018 - connects
tell(len(blocks), scan)
