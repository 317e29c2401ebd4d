"""Transactions of our own: signed here, sent raw, and waited for.

Refuses to send what the environment's access forbids (the door does that) and to send anything
twice under another nonce, except where a shared account's nonce was taken by somebody else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_metarelease.errors import (
    DeadlineError,
    MalformedError,
    RefusedError,
    UnreachableError,
    UnsupportedError,
)
from pytest_metarelease.probes.chain.codec import checksum
from pytest_metarelease.probes.chain.quantities import block_hash, listing, mapping, quantity
from pytest_metarelease.probes.chain.rpc import Ask, Rpc, settled
from pytest_metarelease.probes.chain.signing import address_of, sign_transaction

_GWEI = 10**9
_NONCE_TAKEN = ("nonce too low", "replacement transaction underpriced", "nonce has already")
_NONCE_TRIES = 10


@dataclass(frozen=True, slots=True)
class Fees:
    """What gas may cost, in wei: ``most`` altogether, of which ``tip`` goes to the proposer.

    ``tip`` None means a chain without EIP-1559.
    """

    most: int
    tip: int | None

    def fields(self) -> dict[str, Any]:
        """Return the fee fields of a transaction."""
        if self.tip is None:
            return {"gasPrice": self.most}
        return {"type": 2, "maxFeePerGas": self.most, "maxPriorityFeePerGas": self.tip}


@dataclass(frozen=True, slots=True)
class Receipt:
    """A mined transaction, verified to be ours."""

    transaction: str
    block: int
    block_hash: str
    succeeded: bool
    contract: str | None
    logs: tuple[Mapping[str, Any], ...]
    #: What its gas cost, in wei; None where the node does not say (before EIP-1559).
    cost: int | None = None


def fees(rpc: Rpc) -> Fees:
    """Return fees that will do for the next few blocks: twice the base fee, and the usual tip."""
    answer = rpc.batch([Ask("eth_getBlockByNumber", ("latest", False))])[0]
    header = mapping(settled(answer, "eth_getBlockByNumber"), "latest block")
    if header.get("baseFeePerGas") is None:
        return Fees(quantity(rpc.call("eth_gasPrice"), "eth_gasPrice"), None)
    base = quantity(header["baseFeePerGas"], "baseFeePerGas")
    try:
        tip = quantity(rpc.call("eth_maxPriorityFeePerGas"), "eth_maxPriorityFeePerGas")
    except UnsupportedError:
        tip = _GWEI
    return Fees(2 * base + tip, tip)


class Wallet:
    """One account of ours on one chain. ``patience``: seconds that a receipt may take.

    ``paid`` says that what it sends was taken from the run's purse before.
    """

    def __init__(
        self,
        rpc: Rpc,
        chain_id: int,
        key: str,
        *,
        paid: bool = False,
        patience: float = 120.0,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.address = address_of(key)
        self._rpc = rpc
        self._chain_id = chain_id
        self._key = key
        self._paid = paid
        self._patience = patience
        self._clock = clock
        self._pause = pause

    def balance(self) -> int:
        """Return the balance now, in wei."""
        return quantity(self._rpc.call("eth_getBalance", self.address, "latest"), "balance")

    def sign(self, fields: Mapping[str, Any]) -> tuple[str, str]:
        """Return a transaction signed by this account, raw, and its hash; nothing is sent."""
        return sign_transaction(fields, self._key)

    def send(
        self, *, to: str | None, fee: Fees, gas: int, data: str = "0x", value: int = 0
    ) -> Receipt:
        """Send a transaction and wait for its receipt, whatever its status.

        Raises:
            ForbiddenError: Access is read-only, or the purse does not cover it; nothing was sent.
            RefusedError: The node does not take it.
            DeadlineError: No receipt came in time; the transaction may still be mined.
        """
        fields: dict[str, Any] = {
            "chainId": self._chain_id,
            "gas": gas,
            "value": value,
            "data": data,
            **fee.fields(),
        }
        if to is not None:
            fields["to"] = checksum(to)
        for _ in range(_NONCE_TRIES):
            nonce = self._rpc.call("eth_getTransactionCount", self.address, "pending")
            fields["nonce"] = quantity(nonce, "nonce")
            raw, digest = sign_transaction(fields, self._key)
            if self._submit(raw):
                return self._receipt(digest)
        raise RefusedError(f"{self.address}: its nonce is taken again and again by somebody else")

    def _submit(self, raw: str) -> bool:
        """Return whether the node took it; False where another transaction has this nonce."""
        try:
            ask = Ask("eth_sendRawTransaction", (raw,))
            settled(self._rpc.batch([ask], paid=self._paid)[0], "transaction")
        except (DeadlineError, UnreachableError):
            # It may have arrived; the wait for its receipt will tell.
            return True
        except RefusedError as problem:
            said = str(problem).lower()
            if "already known" in said:
                return True
            if any(words in said for words in _NONCE_TAKEN):
                return False
            raise
        return True

    def _receipt(self, digest: str) -> Receipt:
        deadline = self._clock() + self._patience
        wait = 0.01
        while True:
            found = self._rpc.call("eth_getTransactionReceipt", digest)
            if found is not None:
                return read_receipt(found, digest)
            if self._clock() + wait > deadline:
                raise DeadlineError(
                    f"{self._rpc.masked}: no receipt of {digest} within {self._patience:g} s"
                )
            self._pause(wait)
            wait = min(wait * 2, 1.0)


def read_receipt(value: Any, digest: str) -> Receipt:
    """Return what a node answered for the transaction with this hash.

    Raises:
        MalformedError: It is no receipt, or another transaction's.
    """
    what = f"receipt of {digest}"
    found = mapping(value, what)
    if block_hash(found.get("transactionHash"), what) != digest:
        raise MalformedError(f"{what}: another transaction's receipt came")
    status = quantity(found.get("status"), f"{what}: status")
    if status not in (0, 1):
        raise MalformedError(f"{what}: status {status} is neither 0 nor 1 (EIP-658)")
    return Receipt(
        transaction=digest,
        block=quantity(found.get("blockNumber"), f"{what}: block"),
        block_hash=block_hash(found.get("blockHash"), f"{what}: block hash"),
        succeeded=status == 1,
        contract=found.get("contractAddress"),
        cost=_cost(found, what),
        logs=tuple(mapping(log, f"log of {digest}") for log in listing(found.get("logs"), what)),
    )


def _cost(receipt: Mapping[str, Any], what: str) -> int | None:
    if receipt.get("effectiveGasPrice") is None:
        return None
    used = quantity(receipt.get("gasUsed"), f"{what}: gas")
    price = quantity(receipt["effectiveGasPrice"], f"{what}: price of gas")
    # Rollups take the data's price on the chain below beside it (OP Stack).
    below = receipt.get("l1Fee")
    return used * price + (0 if below is None else quantity(below, f"{what}: l1Fee"))
