"""The ``w3`` that QA knows, behind the same rules as every other read. Imports web3, alone.

Refuses what the chain probes refuse: other hosts, methods that may not be sent, answers that do
not belong to the question. Nothing of it is recorded as evidence by itself.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from web3 import Web3
from web3.providers.base import JSONBaseProvider

from pytest_metarelease.probes.chain.revert import Revert
from pytest_metarelease.probes.chain.rpc import Ask, Rpc, connect, settled

if TYPE_CHECKING:
    from web3.types import RPCEndpoint, RPCResponse

    from pytest_metarelease.manifest.model import Chain
    from pytest_metarelease.manifest.scalars import Access


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
        return self._response(method, self._rpc.batch([self._ask(method, params)])[0])

    def make_batch_request(
        self, requests: list[tuple[RPCEndpoint, Any]]
    ) -> list[RPCResponse] | RPCResponse:
        """Send several requests in one."""
        answers = self._rpc.batch([self._ask(*one) for one in requests])
        return [
            self._response(method, answer)
            for (method, _), answer in zip(requests, answers, strict=True)
        ]

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

    def _response(self, method: RPCEndpoint, answer: Any) -> RPCResponse:
        number = next(self.request_counter)
        if isinstance(answer, Revert):
            message = f"execution reverted: {answer.reason}".removesuffix(": ")
            error: Any = {"code": 3, "message": message, "data": answer.data}
            return {"jsonrpc": "2.0", "id": number, "error": error}
        return {"jsonrpc": "2.0", "id": number, "result": settled(answer, str(method))}


def make_w3(chain: Chain, access: Access) -> Web3:
    """Return a ``Web3`` for the declared chain.

    Raises:
        UsageError: The rpc is no HTTP address.
    """
    return Web3(DoorProvider(connect(chain, access)))


def _parameters(encoded: bytes) -> list[Any]:
    found = json.loads(encoded)["params"]
    return list(found)
