"""Blocks, transactions, receipts and logs as Ethereum's JSON-RPC writes them.

Refuses to leave out a field that a verifier recomputes from: what is here is enough to rebuild
block hash, transaction root, receipt root and logs bloom (Ethereum execution API specification).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import rlp  # type: ignore[import-untyped]

from pytest_metarelease.sandbox.abi import WORD
from pytest_metarelease.sandbox.signing import contract_address

if TYPE_CHECKING:
    from pytest_metarelease.sandbox.chain.evm import Mined

Json = dict[str, Any]


def quantity(value: int) -> str:
    """A number without leading zeros: 0x0, 0x7a69."""
    return hex(value)


def data(value: bytes) -> str:
    """Bytes, two digits each: 0x, 0x00ff."""
    return "0x" + value.hex()


def block(mined: Mined, *, full: bool) -> Json:
    """A block with its transactions, or with their hashes only."""
    header = mined.header
    indexes = range(len(mined.transactions))
    return {
        "number": quantity(header.block_number),
        "hash": data(header.hash),
        "parentHash": data(header.parent_hash),
        "nonce": data(header.nonce),
        "sha3Uncles": data(header.uncles_hash),
        "logsBloom": data(header.bloom.to_bytes(256, "big")),
        "transactionsRoot": data(header.transaction_root),
        "stateRoot": data(header.state_root),
        "receiptsRoot": data(header.receipt_root),
        "miner": data(header.coinbase),
        "difficulty": quantity(header.difficulty),
        "totalDifficulty": "0x0",
        "extraData": data(header.extra_data),
        "mixHash": data(header.mix_hash),
        "size": quantity(len(rlp.encode(mined.block))),
        "gasLimit": quantity(header.gas_limit),
        "gasUsed": quantity(header.gas_used),
        "timestamp": quantity(header.timestamp),
        "baseFeePerGas": quantity(header.base_fee_per_gas),
        "withdrawals": [],
        "withdrawalsRoot": data(header.withdrawals_root),
        "blobGasUsed": quantity(header.blob_gas_used),
        "excessBlobGas": quantity(header.excess_blob_gas),
        "parentBeaconBlockRoot": data(header.parent_beacon_block_root),
        "uncles": [],
        "transactions": [
            transaction(mined, index) if full else data(mined.transactions[index].hash)
            for index in indexes
        ],
    }


def transaction(mined: Mined, index: int) -> Json:
    """A mined transaction."""
    sent = mined.transactions[index]
    return {
        **pending(sent),
        "blockHash": data(mined.header.hash),
        "blockNumber": quantity(mined.header.block_number),
        "transactionIndex": quantity(index),
        "gasPrice": quantity(effective_gas_price(mined, index)),
    }


def pending(sent: Any) -> Json:
    """A transaction that no block holds yet."""
    kind = _kind(sent)
    shape: Json = {
        "blockHash": None,
        "blockNumber": None,
        "transactionIndex": None,
        "hash": data(sent.hash),
        "type": quantity(kind),
        "from": data(sent.sender),
        "to": data(sent.to) if sent.to else None,
        "nonce": quantity(sent.nonce),
        "gas": quantity(sent.gas),
        "gasPrice": quantity(sent.max_fee_per_gas),
        "value": quantity(sent.value),
        "input": data(sent.data),
        "r": quantity(sent.r),
        "s": quantity(sent.s),
        "v": quantity(sent.y_parity if kind else sent.v),
    }
    if sent.chain_id is not None:
        shape["chainId"] = quantity(sent.chain_id)
    if kind:
        shape["yParity"] = shape["v"]
        shape["accessList"] = [
            {
                "address": data(address),
                "storageKeys": [data(key.to_bytes(WORD, "big")) for key in keys],
            }
            for address, keys in sent.access_list
        ]
    if kind > 1:
        shape["maxFeePerGas"] = quantity(sent.max_fee_per_gas)
        shape["maxPriorityFeePerGas"] = quantity(sent.max_priority_fee_per_gas)
    return shape


def receipt(mined: Mined, index: int) -> Json:
    """What became of a transaction; status 0x1 done, 0x0 reverted (EIP-658)."""
    sent, got = mined.transactions[index], mined.receipts[index]
    before = mined.receipts[index - 1].gas_used if index else 0
    sender = data(mined.senders[index])
    first_log = sum(len(earlier.logs) for earlier in mined.receipts[:index])
    return {
        "transactionHash": data(sent.hash),
        "transactionIndex": quantity(index),
        "blockHash": data(mined.header.hash),
        "blockNumber": quantity(mined.header.block_number),
        "from": sender,
        "to": data(sent.to) if sent.to else None,
        "cumulativeGasUsed": quantity(got.gas_used),
        "gasUsed": quantity(got.gas_used - before),
        "effectiveGasPrice": quantity(effective_gas_price(mined, index)),
        "contractAddress": None if sent.to else contract_address(sender, sent.nonce).lower(),
        "logs": [
            _log(mined, index, first_log + offset, entry) for offset, entry in enumerate(got.logs)
        ],
        "logsBloom": data(got.bloom.to_bytes(256, "big")),
        "status": "0x1" if got.state_root == b"\x01" else "0x0",
        "type": quantity(_kind(sent)),
    }


def effective_gas_price(mined: Mined, index: int) -> int:
    """Wei per gas that was paid: base fee plus tip, never above the sender's limit."""
    sent = mined.transactions[index]
    base: int = mined.header.base_fee_per_gas
    return int(min(sent.max_fee_per_gas, base + sent.max_priority_fee_per_gas))


def _log(mined: Mined, transaction_index: int, log_index: int, entry: Any) -> Json:
    return {
        "address": data(entry.address),
        "topics": [data(topic.to_bytes(WORD, "big")) for topic in entry.topics],
        "data": data(entry.data),
        "blockNumber": quantity(mined.header.block_number),
        "blockHash": data(mined.header.hash),
        "blockTimestamp": quantity(mined.header.timestamp),
        "transactionHash": data(mined.transactions[transaction_index].hash),
        "transactionIndex": quantity(transaction_index),
        "logIndex": quantity(log_index),
        "removed": False,
    }


def _kind(sent: Any) -> int:
    return int(getattr(sent, "type_id", None) or 0)
