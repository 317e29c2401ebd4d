"""Whether a signature still counts after a fork of the chain, when the chain id is another one.

A contract may publish a domain that follows the chain and verify with a separator that it kept.
Simulated with state overrides: the contracts of a flow get code in which the instruction for the
chain id says something else. Refuses to blame a call that ends for whatever reason. Sends nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import ProbeError
from pytest_metarelease.probes.chain.following import with_other_chain_id
from pytest_metarelease.probes.chain.overriding import check_witness, witness
from pytest_metarelease.probes.chain.quantities import payload
from pytest_metarelease.probes.chain.revert import Revert
from pytest_metarelease.probes.chain.rpc import Ask, settled

if TYPE_CHECKING:
    from pytest_metarelease.probes.chain.casting import Act, Script
    from pytest_metarelease.probes.chain.rpc import Rpc


def counts_after_fork(rpc: Rpc, tag: Any, script: Script, act: Act) -> bool | None:
    """Return whether the act, which is signed for this chain, succeeds where the id is another.

    None where that cannot be told: nothing asks for the chain id, or the node knows no overrides.

    Raises:
        ProbeError: The exchange as a whole failed, or there is no code to be read.
    """
    places = [one.address for one in script.deployments]
    answers = rpc.batch([Ask("eth_getCode", (one, tag)) for one in places])
    codes = [payload(settled(one, "eth_getCode"), "code") for one in answers]
    changed = {
        place: {"code": "0x" + other.hex()}
        for place, code in zip(places, codes, strict=True)
        if (other := with_other_chain_id(code)) != code
    }
    if not changed:
        return None
    request = {"from": act.sender, "to": act.to, "data": act.data, "value": hex(act.value)}
    sure, answer = rpc.batch([witness(tag), Ask("eth_call", (request, tag, changed))])
    try:
        check_witness(sure, rpc.masked)
    except ProbeError:
        return None
    if isinstance(answer, Revert):
        return False
    return None if isinstance(answer, ProbeError) else True
