"""What a constructor would put on the chain: the runtime code with its immutables filled in.

Nothing is deployed: ``eth_call`` runs the creation code and returns what it would store.
"""

from __future__ import annotations

from typing import Any

from pytest_metarelease.errors import ProbeError
from pytest_metarelease.probes.chain.overriding import check_witness, witness
from pytest_metarelease.probes.chain.quantities import payload
from pytest_metarelease.probes.chain.revert import Revert
from pytest_metarelease.probes.chain.rpc import Ask, Rpc, settled
from pytest_metarelease.probes.chain.snapshot import Snapshot, read_pinned

_SOMEBODY = "0x00000000000000000000000000000000c0de0001"
_SOMEBODY_ELSE = "0x00000000000000000000000000000000c0de0002"


class Simulation:
    """The runs of one constructor at one block."""

    def __init__(self, rpc: Rpc, snapshot: Snapshot, creation: bytes) -> None:
        self._rpc = rpc
        self._snapshot = snapshot
        self._creation = "0x" + creation.hex()

    def anywhere(self) -> bytes:
        """Return the code of a deployment by anybody, at the address that gives.

        Raises:
            RevertedError: The constructor reverts.
            ProbeError: The node cannot run it.
        """
        ask = Ask("eth_call", (self._request(_SOMEBODY), self._snapshot.tag))
        return _code(read_pinned(self._rpc, self._snapshot, [ask])[0])

    def elsewhere(self) -> bytes | None:
        """Return the code of a deployment by somebody else, in the block before; None if unknown.

        What differs from ``anywhere`` depends on who deploys, where and when, and so on nothing
        that the manifest could declare.
        """
        earlier = hex(max(self._snapshot.number - 1, 0))
        for tag in (earlier, self._snapshot.tag):
            answer = self._try((self._request(_SOMEBODY_ELSE), tag))
            if answer:
                return answer
        return None

    def at(self, address: str) -> bytes | None:
        """Return the code of a deployment at ``address`` itself; None where the node cannot say.

        Uses state overrides, an extension of geth that most nodes share: the creation code stands
        at the address, over empty storage, so that ``address(this)`` is right. A node that ignores
        them would run the deployed contract, whose word counts for nothing here.
        """
        tag = self._snapshot.tag
        request = {"from": _SOMEBODY, "to": address, "data": "0x"}
        override = {address: {"code": self._creation, "state": {}}}
        try:
            sure, answer = self._rpc.batch(
                [witness(tag), Ask("eth_call", (request, tag, override))]
            )
            check_witness(sure, self._rpc.masked)
        except ProbeError:
            return None
        return _usable(answer)

    def _request(self, sender: str) -> dict[str, str]:
        return {"from": sender, "data": self._creation}

    def _try(self, params: tuple[Any, ...]) -> bytes | None:
        try:
            answer = self._rpc.batch([Ask("eth_call", params)])[0]
        except ProbeError:
            return None
        return _usable(answer)


def _usable(answer: Any) -> bytes | None:
    if isinstance(answer, Revert | ProbeError):
        return None
    return _code(answer) or None


def _code(answer: Any) -> bytes:
    return payload(settled(answer, "the constructor"), "simulated deployment")
