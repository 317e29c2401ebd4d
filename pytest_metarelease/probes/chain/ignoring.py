"""Whether a call takes a token's transfer that failed for one that was made (SWC-104).

ERC-20 lets a transfer that fails say false instead of reverting. Simulated with state overrides
on the flow's own tokens. Refuses to blame a call that goes on without the transfer in any case: it
must be one that ends where the transfer reverts. Sends nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import ProbeError
from pytest_metarelease.probes.chain.overriding import check_witness, witness
from pytest_metarelease.probes.chain.revert import Revert
from pytest_metarelease.probes.chain.rpc import Ask
from pytest_metarelease.probes.chain.storage import slot_number

if TYPE_CHECKING:
    from pytest_metarelease.probes.chain.casting import Act, Script
    from pytest_metarelease.probes.chain.companions import Deployment
    from pytest_metarelease.probes.chain.rpc import Rpc

# Of `_failing`, the first member of TrialToken.
_SLOT = slot_number("0")
_SAYS_FALSE, _REVERTS = 1, 2


def tokens_in(script: Script, act: Act) -> tuple[Deployment, ...]:
    """Return the tokens whose transfers can say false to the contract that the act calls."""
    if act.target.token is not None:
        return ()
    return tuple(
        one
        for one in script.deployments
        if one.token is not None and one.token.returns == "bool" and one.token.trusted is None
    )


def ignored(rpc: Rpc, tag: Any, script: Script, act: Act) -> str | None:
    """Return the token of which the act ignores what its transfer says, "" where there is none.

    None where that cannot be told: the node knows no overrides, or does not answer.

    Raises:
        ProbeError: The exchange as a whole failed.
    """
    tokens = tokens_in(script, act)
    asks = [_ask(act, tag, one, how) for one in tokens for how in (_SAYS_FALSE, _REVERTS)]
    sure, *answers = rpc.batch([witness(tag), *asks])
    try:
        check_witness(sure, rpc.masked)
    except ProbeError:
        return None
    if any(isinstance(one, ProbeError) for one in answers):
        return None
    for token, said, reverted in zip(tokens, answers[::2], answers[1::2], strict=True):
        if isinstance(reverted, Revert) and not isinstance(said, Revert):
            return token.name
    return ""


def _ask(act: Act, tag: Any, token: Deployment, how: int) -> Ask:
    request = {"from": act.sender, "to": act.to, "data": act.data, "value": hex(act.value)}
    override = {token.address: {"stateDiff": {_SLOT: f"0x{how:064x}"}}}
    return Ask("eth_call", (request, tag, override))
