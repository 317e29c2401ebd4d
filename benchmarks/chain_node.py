"""A real node (anvil) with a past: blocks of transactions to one contract, every tenth of them bad.

Refuses to make up blocks: each was mined, so hashes, parents, receipts and logs are the node's.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_metarelease.sandbox.abi import call, encode
from pytest_metarelease.sandbox.accounts import COUNTERPARTY, DEPLOYER, DEPOSITOR, SPARE
from pytest_metarelease.sandbox.anvil import find_anvil, start_anvil
from pytest_metarelease.sandbox.artifact import creation_code
from pytest_metarelease.sandbox.plan import CHAIN_ID, ZERO_ADDRESS
from pytest_metarelease.sandbox.processes import Parts
from pytest_metarelease.sandbox.rpc import Rpc
from pytest_metarelease.sandbox.signing import contract_address

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
PER_BLOCK = 5
BAD_EVERY = 10
TYPES = ("address", "address", "uint256", "address", "address", "bytes32", "address")


@dataclass(frozen=True, slots=True)
class Past:
    """Blocks ``first`` to ``last`` hold five transactions each to ``contract``."""

    url: str
    contract: str
    first: int
    last: int

    def bad(self, blocks: int) -> int:
        """How many transactions of the last ``blocks`` blocks failed; blocks must be even."""
        return blocks * PER_BLOCK // BAD_EVERY


@contextlib.contextmanager
def node() -> Iterator[str]:
    """Run anvil until the end of the block; yield its URL."""
    tool = ROOT / ".tools" / "node_modules" / ".bin" / "anvil"
    named = {"RELEASE_ANVIL": str(tool)} if tool.exists() else {}
    program = find_anvil({**named, **os.environ})
    if program is None:
        sys.exit("anvil is needed: scripts/npm-tools installs it, or set RELEASE_ANVIL")
    with tempfile.TemporaryDirectory(prefix="metarelease-bench-") as folder:
        parts = Parts(Path(folder))
        try:
            yield start_anvil(parts, program, CHAIN_ID, genesis_age=0)
        finally:
            parts.end()


def deploy_escrows(rpc: Rpc, count: int, start: int = 0) -> list[str]:
    """Deploy so many escrows by the deployer, whose next nonce is ``start``; their addresses."""
    terms = (
        DEPOSITOR.address, ZERO_ADDRESS, 10**17, COUNTERPARTY.address, SPARE[0].address,
        "0x" + "01" * 32, DEPOSITOR.address,
    )  # fmt: skip
    code = creation_code("Escrow", encode(TYPES, terms))
    for number in range(count):
        rpc.ask("eth_sendTransaction", [_transaction(DEPLOYER.address, start + number, code)])
        rpc.ask("evm_mine")
    return [contract_address(DEPLOYER.address, start + number) for number in range(count)]


def fill(url: str, blocks: int) -> Past:
    """Deploy an escrow and mine so many blocks of five transactions to it."""
    rpc = Rpc(url)
    rpc.ask("evm_setAutomine", [False])
    contract = deploy_escrows(rpc, 1)[0]
    note = call("submitEvidence(string)", "ipfs://benchmark")
    nonces = {DEPOSITOR.address: 0, SPARE[0].address: 0}
    for block in range(blocks):
        sent = []
        for place in range(block * PER_BLOCK, (block + 1) * PER_BLOCK):
            # Who is no party is refused.
            bad = place % BAD_EVERY == BAD_EVERY - 1
            sender = SPARE[0].address if bad else DEPOSITOR.address
            sent.append(
                ("eth_sendTransaction", (_transaction(sender, nonces[sender], note, contract),))
            )
            nonces[sender] += 1
        rpc.batch(sent)
        rpc.ask("evm_mine")
    last = int(rpc.ask("eth_blockNumber"), 16)
    rpc.close()
    return Past(url, contract, last - blocks + 1, last)


def _transaction(sender: str, nonce: int, data: str, to: str | None = None) -> dict[str, str]:
    made = {
        "from": sender,
        "data": data,
        "gas": hex(100_000 if to else 3_500_000),
        "gasPrice": hex(2 * 10**9),
        "nonce": hex(nonce),
    }
    return made if to is None else {**made, "to": to}
