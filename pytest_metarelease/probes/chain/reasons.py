"""Why transactions failed: each is simulated again on the state of the block before its own.

A receipt does not say why. What is said here explains and judges nothing: earlier transactions of
the same block may have mattered, and a node may no longer have that state.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import ProbeError
from pytest_metarelease.probes.chain.codec import explain
from pytest_metarelease.probes.chain.quantities import mapping
from pytest_metarelease.probes.chain.revert import Revert
from pytest_metarelease.probes.chain.rpc import Ask, settled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_metarelease.probes.chain.abi import Interface
    from pytest_metarelease.probes.chain.failures import Sent
    from pytest_metarelease.probes.chain.rpc import Answer, Rpc

MOST = 100
"""So many failed transactions, the newest ones, are looked at."""

_FIELDS = ("from", "to", "value", "gas")


def reasons(rpc: Rpc, failed: Sequence[Sent], interface: Interface | None = None) -> str:
    """Return the reasons with how often each was found, the most frequent first; never raises."""
    newest = list(failed[-MOST:])
    try:
        told = _told(rpc, newest, interface)
    except ProbeError as problem:
        return f"reasons unknown: {problem}"
    counted = Counter(told).most_common()
    beyond = f"; {len(failed) - MOST} earlier ones not looked at" if len(failed) > MOST else ""
    return ", ".join(f"{count} x {reason}" for reason, count in counted) + beyond


def _told(rpc: Rpc, failed: Sequence[Sent], interface: Interface | None) -> list[str]:
    found = rpc.batch([Ask("eth_getTransactionByHash", (one.hash,)) for one in failed])
    asks = [
        Ask("eth_call", (_request(settled(answer, "transaction")), hex(one.block - 1)))
        for one, answer in zip(failed, found, strict=True)
    ]
    return [_reason(answer, interface) for answer in rpc.batch(asks)]


def _request(transaction: Any) -> dict[str, Any]:
    found = mapping(transaction, "transaction")
    call = {key: found[key] for key in _FIELDS if found.get(key) is not None}
    return {**call, "data": found.get("input", "0x")}


def _reason(answer: Answer, interface: Interface | None) -> str:
    if isinstance(answer, Revert):
        named = explain(answer, interface) if interface is not None else answer
        return repr(named.reason) if named.reason else f"revert {named.data}"
    if isinstance(answer, ProbeError):
        return "unknown (the node could not repeat it)"
    return "unknown (it succeeds when repeated)"
