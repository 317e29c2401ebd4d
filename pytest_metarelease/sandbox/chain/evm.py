"""An Ethereum chain in memory: blocks, transactions and calls, executed by py-evm.

Refuses nothing that Ethereum allows except blobs; it has no peers, no forks and no reorganisations,
and keeps every block and every historical state until its process ends.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from eth.chains.base import Chain
from eth.constants import (
    BLANK_ROOT_HASH,
    POST_MERGE_DIFFICULTY,
    POST_MERGE_MIX_HASH,
    POST_MERGE_NONCE,
    ZERO_ADDRESS,
)
from eth.db.atomic import AtomicDB
from eth.vm.forks.cancun import CancunVM
from eth_utils.exceptions import ValidationError

from pytest_metarelease.sandbox.abi import keccak
from pytest_metarelease.sandbox.chain.calls import Call, Change, Executed, estimate_gas, run_call

GAS_LIMIT = 30_000_000
CALL_GAS = 30_000_000


class Rejected(Exception):  # noqa: N818 - a verdict on a transaction, not a fault of ours
    """The node does not take this transaction; the text is what geth would say."""


@dataclass(frozen=True, slots=True)
class Mined:
    """A sealed block with everything a node is asked about it; ``outcomes`` one per transaction."""

    header: Any
    block: Any
    transactions: tuple[Any, ...]
    senders: tuple[bytes, ...]
    receipts: tuple[Any, ...]


@dataclass(slots=True)
class _Pool:
    waiting: list[Any] = field(default_factory=list)
    nonces: dict[bytes, int] = field(default_factory=dict)


class Evm:
    """The chain. Not safe for threads: whoever shares it takes turns."""

    def __init__(self, chain_id: int, balances: dict[bytes, int], genesis_time: int) -> None:
        rules = {"chain_id": chain_id, "vm_configuration": ((0, CancunVM),)}
        kind: Any = type("SandboxChain", (Chain,), rules)
        self.chain_id = chain_id
        self.automine = True
        self._chain = kind.from_genesis(AtomicDB(), _genesis(genesis_time), _alloc(balances))
        genesis = self._chain.get_canonical_block_by_number(0)
        self.blocks: list[Mined] = [Mined(genesis.header, genesis, (), (), ())]
        self.numbers: dict[bytes, int] = {genesis.hash: 0}
        self.places: dict[bytes, tuple[int, int]] = {}
        self._pool = _Pool()
        self._kept: tuple[Mined, Any] | None = None

    @property
    def head(self) -> Mined:
        """The newest block."""
        return self.blocks[-1]

    @property
    def waiting(self) -> tuple[Any, ...]:
        """Accepted transactions that no block holds yet, in order of arrival."""
        return tuple(self._pool.waiting)

    def state(self, block: Mined) -> Any:
        """The state after ``block``; changes made to it are lost."""
        return self._chain.get_vm(block.header).state

    def reading(self, block: Mined) -> Any:
        """The state after ``block``, to be read only: the last one is kept, since it is costly."""
        if self._kept is None or self._kept[0] is not block:
            self._kept = block, self.state(block)
        return self._kept[1]

    def next_base_fee(self) -> int:
        """Wei per gas that the next block will burn (EIP-1559)."""
        return int(self._next_header(self.head.header.timestamp + 1).base_fee_per_gas)

    # ------------------------------------------------------------------ transactions

    def submit(self, raw: bytes, known_sender: bytes | None = None) -> bytes:
        """Accept a raw transaction and return its hash; mined at once unless automine is off.

        Raises:
            Rejected: malformed, wrong chain, wrong nonce, too little money or gas.
        """
        transaction = self._decode(raw)
        self._prime(transaction, known_sender)
        self._check(transaction)
        self._pool.waiting.append(transaction)
        self._pool.nonces[transaction.sender] = transaction.nonce + 1
        if self.automine:
            self.mine()
        return keccak(raw)

    def next_nonce(self, address: bytes) -> int:
        """The nonce that the next transaction of ``address`` must carry, waiting ones counted."""
        if address in self._pool.nonces:
            return self._pool.nonces[address]
        return int(self.state(self.head).get_nonce(address))

    def _decode(self, raw: bytes) -> Any:
        builder = CancunVM.get_transaction_builder()
        try:
            transaction = builder.decode(raw)
        except Exception as problem:  # rlp and py-evm raise a dozen unrelated classes here
            raise Rejected(f"invalid transaction: {type(problem).__name__}") from problem
        if getattr(transaction, "type_id", None) == 3:
            raise Rejected("transaction type not supported")
        return transaction

    def _prime(self, transaction: Any, known_sender: bytes | None) -> None:
        """Recover the sender once; py-evm would do it three times, in pure Python each."""
        if transaction.chain_id not in (None, self.chain_id):
            raise Rejected("invalid chain id for signer")
        try:
            sender = known_sender or transaction.get_sender()
        except Exception as problem:  # whatever is wrong with the numbers: no sender
            raise Rejected("invalid sender") from problem
        # A key that can be recovered from a signature is one for which it verifies.
        transaction.__dict__.update(sender=sender, check_signature_validity=_already_checked)

    def _check(self, transaction: Any) -> None:
        expected = self.next_nonce(transaction.sender)
        if transaction.nonce < expected:
            raise Rejected(f"nonce too low: next nonce {expected}, tx nonce {transaction.nonce}")
        if transaction.nonce > expected:
            raise Rejected(f"nonce too high: next nonce {expected}, tx nonce {transaction.nonce}")
        if transaction.gas < transaction.intrinsic_gas:
            raise Rejected("intrinsic gas too low")
        if transaction.gas > GAS_LIMIT:
            raise Rejected("exceeds block gas limit")
        if transaction.max_fee_per_gas < self.next_base_fee():
            raise Rejected("max fee per gas less than block base fee")
        cost = transaction.value + transaction.gas * transaction.max_fee_per_gas
        if self.state(self.head).get_balance(transaction.sender) < cost:
            raise Rejected("insufficient funds for gas * price + value")

    # ------------------------------------------------------------------ blocks

    def mine(self, timestamp: int | None = None) -> Mined:
        """Seal a block of all waiting transactions; one that no longer fits waits for the next."""
        parent = self.head.header.timestamp
        header = self._next_header(max(parent + 1, timestamp or int(time.time())))
        vm = self._chain.get_vm(header)
        included, receipts, later = [], [], []
        for transaction in self._pool.waiting:
            if header.gas_used + transaction.gas > header.gas_limit:
                later.append(transaction)
                continue
            try:
                receipt, _ = vm.apply_transaction(header, transaction)
            except ValidationError:
                continue  # its sender spent the money in an earlier transaction of this block
            header = vm.add_receipt_to_header(header, receipt)
            included.append(transaction)
            receipts.append(receipt)
        self._pool = _Pool(later)
        return self._seal(vm, header, tuple(included), tuple(receipts))

    def _seal(self, vm: Any, header: Any, transactions: tuple[Any, ...], receipts: Any) -> Mined:
        filled = vm.set_block_transactions_and_withdrawals(
            vm.get_block(), header, transactions, receipts
        )
        block = vm.mine_block(filled).block
        self._chain.persist_block(block)
        senders = tuple(transaction.sender for transaction in transactions)
        mined = Mined(block.header, block, transactions, senders, receipts)
        self.blocks.append(mined)
        self.numbers[block.hash] = block.number
        for index, transaction in enumerate(transactions):
            self.places[transaction.hash] = (block.number, index)
        return mined

    def _next_header(self, timestamp: int) -> Any:
        parent = self.head.header
        return self._chain.create_header_from_parent(
            parent, timestamp=timestamp, gas_limit=parent.gas_limit
        )

    # ------------------------------------------------------------------ calls

    def call(self, call: Call, block: Mined, changes: tuple[Change, ...] = ()) -> Executed:
        """Execute ``call`` on the state after ``block``, changed first; forget what changed."""
        state = self.state(block)
        for change in changes:
            change.apply(state)
        return run_call(state, call, CALL_GAS)

    def estimate(self, call: Call, block: Mined) -> Executed:
        """Execute ``call`` as a transaction; ``gas_used`` is a limit with which it succeeds."""
        with self._chain.get_vm(block.header).in_costless_state() as state:
            return estimate_gas(state, call, GAS_LIMIT)


def _already_checked() -> None:
    """Stands where py-evm would check a signature that was checked on arrival."""


def _genesis(timestamp: int) -> dict[str, Any]:
    return {
        "coinbase": ZERO_ADDRESS,
        "difficulty": POST_MERGE_DIFFICULTY,
        "extra_data": b"",
        "gas_limit": GAS_LIMIT,
        "mix_hash": POST_MERGE_MIX_HASH,
        "nonce": POST_MERGE_NONCE,
        "receipt_root": BLANK_ROOT_HASH,
        "timestamp": timestamp,
        "transaction_root": BLANK_ROOT_HASH,
    }


def _alloc(balances: dict[bytes, int]) -> dict[bytes, dict[str, Any]]:
    return {
        address: {"balance": balance, "nonce": 0, "code": b"", "storage": {}}
        for address, balance in balances.items()
    }
