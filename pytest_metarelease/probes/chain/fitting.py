"""Whether a result answers its question, for the methods of which web3 would take anything.

Refuses nothing but what contradicts the question; what the node has not is None and stays None
where the method's specification allows that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import MalformedError
from pytest_metarelease.probes.chain.quantities import block_hash, listing, mapping, quantity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_QUANTITIES = frozenset(
    {
        "eth_blockNumber", "eth_chainId", "eth_estimateGas", "eth_gasPrice", "eth_getBalance",
        "eth_getTransactionCount", "eth_maxPriorityFeePerGas",
    }
)  # fmt: skip
_BYTES = frozenset({"eth_call", "eth_getCode", "eth_getStorageAt", "eth_sendRawTransaction"})


def check_fit(method: str, params: Sequence[Any], result: Any) -> None:
    """Do nothing if ``result`` can be the answer to ``method`` with ``params``.

    Raises:
        MalformedError: It cannot.
    """
    if method in _QUANTITIES:
        quantity(result, method)
    elif method in _BYTES:
        if not isinstance(result, str) or not result.startswith("0x"):
            raise MalformedError(f"{method}: no bytes but {result!r:.60}")
    elif method == "eth_getLogs":
        listing(result, method)
    elif method in _CHECKS and result is not None:
        _CHECKS[method](params, mapping(result, method))


def check_receipts(receipts: Any, transactions: Any) -> None:
    """Do nothing if there is one receipt for each of ``transactions``, hashes, in their order.

    Raises:
        MalformedError: One is missing, or belongs elsewhere.
    """
    what = "eth_getBlockReceipts"
    hashes = [
        block_hash(mapping(one, what).get("transactionHash"), what)
        for one in listing(receipts, what)
    ]
    wanted = [block_hash(one, what) for one in listing(transactions, what)]
    if hashes != wanted:
        raise MalformedError(
            f"{what}: {len(hashes)} receipts do not fit the block's {len(wanted)} transactions"
        )


def _number(params: Sequence[Any], block: Mapping[str, Any]) -> None:
    found = quantity(block.get("number"), "block number")
    asked = params[0] if params else None
    if isinstance(asked, str) and asked.startswith("0x") and int(asked, 16) != found:
        raise MalformedError(f"block {int(asked, 16)} was asked for, {found} came")
    block_hash(block.get("hash"), "block hash")


def _same(field: str) -> Callable[[Sequence[Any], Mapping[str, Any]], None]:
    def check(params: Sequence[Any], found: Mapping[str, Any]) -> None:
        came = block_hash(found.get(field), field)
        if params and str(params[0]).lower() != came:
            raise MalformedError(f"{field}: {params[0]!r:.70} was asked for, {came} came")

    return check


_CHECKS: Mapping[str, Callable[[Sequence[Any], Mapping[str, Any]], None]] = {
    "eth_getBlockByNumber": _number,
    "eth_getBlockByHash": _same("hash"),
    "eth_getTransactionByHash": _same("hash"),
    "eth_getTransactionReceipt": _same("transactionHash"),
}
