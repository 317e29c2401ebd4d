"""The ``w3`` that QA knows, behind the same rules as every other read. Imports web3, alone.

Refuses what the chain probes refuse: other hosts, methods that may not be sent, answers that do
not belong to the question. Nothing of it is recorded as evidence by itself.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from web3 import Web3
from web3.providers.base import JSONBaseProvider

from pytest_metarelease.probes.chain.fitting import check_fit, check_receipts
from pytest_metarelease.probes.chain.quantities import mapping
from pytest_metarelease.probes.chain.revert import Revert
from pytest_metarelease.probes.chain.rpc import Ask, Rpc, connect, settled

if TYPE_CHECKING:
    from web3.types import RPCEndpoint, RPCResponse

    from pytest_metarelease.manifest.model import Chain
    from pytest_metarelease.manifest.scalars import Access
    from pytest_metarelease.probes.chain.purse import Purse


class DoorProvider(JSONBaseProvider):
    """A web3 provider whose requests go through ``Rpc``; ``ProbeError`` passes through web3."""

    # CCIP read (EIP-3668) would fetch from hosts that a contract names.
    global_ccip_read_enabled = False

    def __init__(self, rpc: Rpc) -> None:
        super().__init__()
        self._rpc = rpc

    def __repr__(self) -> str:
        return f"DoorProvider({self._rpc.masked})"

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Send one request; a revert becomes the error that web3 turns into its own exception."""
        ask = self._ask(method, params)
        return self._response(ask, self._rpc.batch([ask])[0])

    def make_batch_request(
        self, requests: list[tuple[RPCEndpoint, Any]]
    ) -> list[RPCResponse] | RPCResponse:
        """Send several requests in one."""
        asks = [self._ask(*one) for one in requests]
        answers = self._rpc.batch(asks)
        return [self._response(*both) for both in zip(asks, answers, strict=True)]

    def is_connected(self, show_traceback: bool = False) -> bool:  # noqa: ARG002, FBT001, FBT002
        """Return whether the node answers; the error of one that does not is raised, not hidden."""
        self._rpc.call("eth_chainId")
        return True

    def close(self) -> None:
        """Close all connections."""
        self._rpc.close()

    def _ask(self, method: RPCEndpoint, params: Any) -> Ask:
        # web3 hands over bytes and its own mappings; its encoder knows them.
        encoded = self.encode_rpc_request(method, params)
        return Ask(str(method), tuple(_parameters(encoded)))

    def _response(self, ask: Ask, answer: Any) -> RPCResponse:
        number = next(self.request_counter)
        if isinstance(answer, Revert):
            message = f"execution reverted: {answer.reason}".removesuffix(": ")
            error: Any = {"code": 3, "message": message, "data": answer.data}
            return {"jsonrpc": "2.0", "id": number, "error": error}
        result = settled(answer, ask.method)
        check_fit(ask.method, ask.params, result)
        if ask.method == "eth_getBlockReceipts" and result is not None:
            check_receipts(result, self._transactions(ask, result))
        return {"jsonrpc": "2.0", "id": number, "result": result}

    def _transactions(self, ask: Ask, receipts: Any) -> Any:
        """Return the hashes of the block's transactions; web3 takes fewer receipts for all."""
        asked = ask.params[0] if ask.params else "latest"
        if isinstance(asked, str) and not asked.startswith("0x") and receipts:
            # By now the latest block may be another: the one that the receipts name.
            asked = mapping(receipts[0], ask.method).get("blockHash")
        by_hash = isinstance(asked, str) and len(asked) == len("0x") + 64
        method = "eth_getBlockByHash" if by_hash else "eth_getBlockByNumber"
        params = (asked, False)
        return mapping(self._rpc.call(method, *params), method).get("transactions")


def make_w3(chain: Chain, access: Access, purse: Purse | None = None) -> Web3:
    """Return a ``Web3`` for the declared chain; what it sends is paid from ``purse``.

    Raises:
        UsageError: The rpc is no HTTP address.
    """
    return Web3(DoorProvider(connect(chain, access, purse=purse)))


def _parameters(encoded: bytes) -> list[Any]:
    found = json.loads(encoded)["params"]
    return list(found)
