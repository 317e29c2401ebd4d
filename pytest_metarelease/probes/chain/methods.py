"""Which JSON-RPC methods may leave the process.

An allow list, because nodes invent methods that write faster than anybody could forbid them.
"""

from __future__ import annotations

from pytest_metarelease.errors import ForbiddenError
from pytest_metarelease.manifest.scalars import Access

READS = frozenset(
    {
        "debug_traceTransaction",
        "eth_blockNumber",
        "eth_call",
        "eth_chainId",
        "eth_createAccessList",
        "eth_estimateGas",
        "eth_feeHistory",
        "eth_gasPrice",
        "eth_getBalance",
        "eth_getBlockByHash",
        "eth_getBlockByNumber",
        "eth_getBlockReceipts",
        "eth_getBlockTransactionCountByHash",
        "eth_getBlockTransactionCountByNumber",
        "eth_getCode",
        "eth_getLogs",
        "eth_getProof",
        "eth_getStorageAt",
        "eth_getTransactionByBlockHashAndIndex",
        "eth_getTransactionByBlockNumberAndIndex",
        "eth_getTransactionByHash",
        "eth_getTransactionCount",
        "eth_getTransactionReceipt",
        "eth_maxPriorityFeePerGas",
        "eth_simulateV1",
        "eth_syncing",
        "net_version",
        "web3_clientVersion",
    }
)
"""Methods that only read; ``eth_simulateV1`` and ``eth_call`` forget what they changed."""

SENDS = frozenset({"eth_sendRawTransaction"})
"""Methods that write. The node's own accounts and its controls are nobody's to use from here."""


def permit(method: str, access: Access) -> None:
    """Return where ``method`` may be sent.

    Raises:
        ForbiddenError: It may not; nothing was sent.
    """
    if method in READS or (method in SENDS and access is Access.TRANSACT):
        return
    if method in SENDS:
        raise ForbiddenError(
            f"{method} was not sent: this environment is declared `access: read-only`"
        )
    raise ForbiddenError(
        f"{method} was not sent: it is not among the methods that probes may use; "
        "transactions are signed here and go out by eth_sendRawTransaction where access is transact"
    )
