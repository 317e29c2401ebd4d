"""The JSON-RPC methods of a node, on top of the EVM: what geth would answer, in geth's words.

Refuses methods it does not have with -32601; a revert is error 3 with the revert data, never a
result. One request at a time: py-evm is not safe for threads.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from pytest_metarelease.sandbox import signing
from pytest_metarelease.sandbox.abi import WORD
from pytest_metarelease.sandbox.chain import shapes
from pytest_metarelease.sandbox.chain.evm import Evm, Mined, Rejected
from pytest_metarelease.sandbox.chain.shapes import data, quantity
from pytest_metarelease.sandbox.chain.wire import (
    RpcError,
    address_of,
    bytes_of,
    call_of,
    changes_of,
    output_of,
    wants,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_metarelease.sandbox.accounts import Account

GWEI = 10**9


class Node:
    """One node: ``ask(method, params)`` returns the result or raises ``RpcError``."""

    def __init__(self, evm: Evm, unlocked: tuple[Account, ...]) -> None:
        self._evm = evm
        self._keys = {account.address.lower(): account.key for account in unlocked}
        self._turn = threading.Lock()
        self._methods: Mapping[str, Callable[..., Any]] = {
            "web3_clientVersion": lambda: "metarelease-sandbox/py-evm",
            "net_version": lambda: str(evm.chain_id),
            "eth_chainId": lambda: quantity(evm.chain_id),
            "eth_syncing": lambda: False,
            "eth_accounts": lambda: list(self._keys),
            "eth_blockNumber": lambda: quantity(evm.head.header.block_number),
            "eth_gasPrice": lambda: quantity(evm.next_base_fee() + GWEI),
            "eth_maxPriorityFeePerGas": lambda: quantity(GWEI),
            "eth_feeHistory": self._fee_history,
            "eth_getBalance": self._balance,
            "eth_getCode": self._code,
            "eth_getStorageAt": self._storage,
            "eth_getTransactionCount": self._nonce,
            "eth_call": self._call,
            "eth_estimateGas": self._estimate,
            "eth_sendRawTransaction": lambda raw: data(evm.submit(bytes_of(raw))),
            "eth_sendTransaction": self._send,
            "eth_getTransactionByHash": self._transaction,
            "eth_getTransactionReceipt": self._receipt,
            "eth_getBlockByNumber": self._block,
            "eth_getBlockByHash": self._block,
            "eth_getBlockReceipts": self._receipts,
            "eth_getLogs": self._logs,
            "evm_mine": self._mine,
            "evm_setAutomine": self._automine,
        }

    def ask(self, method: str, params: list[Any]) -> Any:
        """Answer one request.

        Raises:
            RpcError: unknown method, unusable parameters, a revert, a rejected transaction.
        """
        answer = self._methods.get(method)
        if answer is None:
            raise RpcError(-32601, f"the method {method} does not exist/is not available")
        with self._turn:
            try:
                return answer(*params)
            except Rejected as refusal:
                raise RpcError(-32000, str(refusal)) from refusal
            except (TypeError, ValueError, KeyError, AttributeError) as problem:
                raise RpcError(-32602, f"invalid params: {problem}") from problem

    # ------------------------------------------------------------------ state

    def _balance(self, address: str, at: Any = "latest") -> str:
        return quantity(self._evm.reading(self._find(at)).get_balance(address_of(address)))

    def _code(self, address: str, at: Any = "latest") -> str:
        return data(self._evm.reading(self._find(at)).get_code(address_of(address)))

    def _storage(self, address: str, slot: str, at: Any = "latest") -> str:
        state = self._evm.reading(self._find(at))
        return data(state.get_storage(address_of(address), int(slot, 16)).to_bytes(WORD, "big"))

    def _nonce(self, address: str, at: Any = "latest") -> str:
        if at == "pending":
            return quantity(self._evm.next_nonce(address_of(address)))
        return quantity(self._evm.reading(self._find(at)).get_nonce(address_of(address)))

    def _call(self, request: dict[str, Any], at: Any = "latest", overrides: Any = None) -> str:
        changes = changes_of(overrides or {})
        return data(output_of(self._evm.call(call_of(request), self._find(at), changes)))

    def _estimate(self, request: dict[str, Any], at: Any = "latest") -> str:
        done = self._evm.estimate(call_of(request), self._find(at))
        output_of(done)
        return quantity(done.gas_used)

    # ------------------------------------------------------------------ transactions

    def _send(self, request: dict[str, Any]) -> str:
        key = self._keys.get(request["from"].lower())
        if key is None:
            raise Rejected("unknown account")
        call = call_of(request)
        price = request.get("gasPrice") or request.get("maxFeePerGas")
        nonce = request.get("nonce")
        transaction = signing.Transaction(
            nonce=self._evm.next_nonce(call.sender) if nonce is None else int(nonce, 16),
            gas_price=int(price, 16) if price else self._evm.next_base_fee() + GWEI,
            gas=call.gas or int(self._estimate(request), 16),
            to=data(call.to) if call.to else None,
            value=call.value,
            data=call.data,
        )
        raw = transaction.signed(key, self._evm.chain_id)
        return data(self._evm.submit(raw, known_sender=call.sender))

    def _transaction(self, digest: str) -> Any:
        place = self._evm.places.get(bytes_of(digest))
        if place is not None:
            return shapes.transaction(self._evm.blocks[place[0]], place[1])
        for waiting in self._evm.waiting:
            if data(waiting.hash) == digest.lower():
                return shapes.pending(waiting)
        return None

    def _receipt(self, digest: str) -> Any:
        place = self._evm.places.get(bytes_of(digest))
        return None if place is None else shapes.receipt(self._evm.blocks[place[0]], place[1])

    # ------------------------------------------------------------------ blocks

    def _block(self, which: Any, full: bool = False) -> Any:  # noqa: FBT001, FBT002 - the wire's order
        mined = self._look(which)
        return None if mined is None else shapes.block(mined, full=full)

    def _receipts(self, which: Any) -> Any:
        mined = self._look(which)
        if mined is None:
            return None
        return [shapes.receipt(mined, index) for index in range(len(mined.transactions))]

    def _logs(self, wanted: dict[str, Any]) -> list[Any]:
        if "blockHash" in wanted:
            blocks = [self._find(wanted["blockHash"])]
        else:
            first = self._find(wanted.get("fromBlock") or "latest").header.block_number
            last = self._find(wanted.get("toBlock") or "latest").header.block_number
            blocks = self._evm.blocks[first : last + 1]
        return [
            log
            for mined in blocks
            for index in range(len(mined.transactions))
            for log in shapes.receipt(mined, index)["logs"]
            if wants(wanted, log)
        ]

    def _fee_history(self, count: Any, newest: Any, _percentiles: Any = None) -> Any:
        last = self._find(newest).header.block_number
        size = int(count, 16) if isinstance(count, str) else count
        headers = [mined.header for mined in self._evm.blocks[max(0, last + 1 - size) : last + 1]]
        return {
            "oldestBlock": quantity(headers[0].block_number),
            "baseFeePerGas": [quantity(header.base_fee_per_gas) for header in headers]
            + [quantity(self._evm.next_base_fee())],
            "gasUsedRatio": [header.gas_used / header.gas_limit for header in headers],
            "reward": [[quantity(GWEI) for _ in _percentiles or []] for _ in headers],
        }

    def _mine(self, at: Any = None) -> str:
        moment = at.get("timestamp") if isinstance(at, dict) else at
        self._evm.mine(int(moment, 16) if isinstance(moment, str) else moment)
        return "0x0"

    def _automine(self, on: bool) -> bool:  # noqa: FBT001 - the wire's order
        self._evm.automine = bool(on)
        if on and self._evm.waiting:
            self._evm.mine()
        return True

    def _find(self, which: Any) -> Mined:
        mined = self._look(which)
        if mined is None:
            raise RpcError(-32000, "header not found")
        return mined

    def _look(self, which: Any) -> Mined | None:
        """A block by tag, number, hash, or the object form of EIP-1898."""
        if isinstance(which, dict):
            which = which["blockHash"] if "blockHash" in which else which["blockNumber"]
        if which in ("latest", "pending", "safe", "finalized"):
            return self._evm.head
        if which == "earliest":
            return self._evm.blocks[0]
        if len(which) == 2 + 2 * WORD:
            number = self._evm.numbers.get(bytes_of(which))
        else:
            number = int(which, 16)
        known = number is not None and 0 <= number < len(self._evm.blocks)
        return self._evm.blocks[number] if known and number is not None else None
