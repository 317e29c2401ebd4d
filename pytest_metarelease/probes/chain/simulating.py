"""A flow on a node that only reads: all acts in one ``eth_simulateV1``, nothing sent.

Refuses nodes without that method, and any answer that is not one result for each call.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import MalformedError, RefusedError
from pytest_metarelease.probes.chain.casting import DEPLOYER, Act, Script
from pytest_metarelease.probes.chain.codec import explain
from pytest_metarelease.probes.chain.overriding import READER, SAYS_BALANCE, balance_data
from pytest_metarelease.probes.chain.performing import Performed, decoded_view, payments
from pytest_metarelease.probes.chain.quantities import listing, mapping, payload, quantity
from pytest_metarelease.probes.chain.revert import Revert, make_revert, read_revert

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_metarelease.probes.chain.abi import Interface
    from pytest_metarelease.probes.chain.rpc import Rpc
    from pytest_metarelease.probes.chain.snapshot import Snapshot

_BALANCE = hex(10**24)
_SOMEBODY = "0x00000000000000000000000000000000c0de0003"

# Some nodes (anvil 1.7) simulate no transaction that creates a contract. This code, put in the
# place of the deployer, creates one from its call data, so that creator, nonce and address are
# those of a real deployment; it hands on the revert of a constructor.
_CREATE = "0x36600060003736600034f0801560185760005260206000f35b3d600060003e3d6000fd"


def simulate(
    rpc: Rpc, snapshot: Snapshot, script: Script
) -> tuple[list[Performed], list[Performed]]:
    """Return what each deployment and act would do, one after the other.

    After a deployment that reverts there is nothing more.

    Raises:
        UnsupportedError: The node has no ``eth_simulateV1``.
        MalformedError: Its answer does not fit the question.
    """
    blocks = _blocks(script, snapshot.timestamp)
    tag = snapshot.hash if snapshot.by_hash else hex(snapshot.number)
    answer = rpc.call("eth_simulateV1", {"blockStateCalls": blocks, "validation": False}, tag)
    found = [
        listing(mapping(one, "simulated block").get("calls"), "simulated calls")
        for one in listing(answer, "eth_simulateV1")
    ]
    if [len(one) for one in found] != [len(one["calls"]) for one in blocks]:
        raise MalformedError(f"{rpc.masked}: eth_simulateV1 did not answer each call")
    deployed = []
    for one, result in zip(script.deployments, found[0], strict=True):
        deployed.append(replace(_performed(result, one.interface), block=snapshot.number))
        if deployed[-1].reverted is not None:
            return deployed, []
    results = chain.from_iterable(found[1:])
    acts = []
    for act in script.acts:
        interface = act.target.interface
        before = [_balance(next(results)) for _ in act.pays]
        done = _tried(act, next(results), interface)
        views = {
            view.key: decoded_view(view, _performed_output(next(results), interface))
            for view in act.views
        }
        after = [_balance(next(results)) for _ in act.pays]
        paid = payments(act, before, after, spent=act.value, by=act.sender)
        acts.append(replace(done, views=views, block=snapshot.number, paid=paid))
    return deployed, acts


def _blocks(script: Script, now: int) -> Sequence[dict[str, Any]]:
    """Return the blocks to simulate: deployments, then acts; time passes between blocks alone."""
    deployer = script.addresses[DEPLOYER]
    blocks: list[dict[str, Any]] = [
        {
            "stateOverrides": {deployer: {"code": _CREATE, "nonce": "0x0"}},
            "calls": [
                {"from": _SOMEBODY, "to": deployer, "input": one.creation}
                for one in script.deployments
            ],
        },
        {
            "stateOverrides": {
                **{address: {"balance": _BALANCE} for address in script.addresses.values()},
                deployer: {"code": "0x", "balance": _BALANCE},
                READER: {"code": SAYS_BALANCE},
            },
            "calls": [],
        },
    ]
    if script.waits:
        # Else the node chooses, and by how much one block is later than the other is its own.
        for block in blocks:
            now += 1
            block["blockOverrides"] = {"time": hex(now)}
    for act in script.acts:
        if act.after:
            now += int(act.after)
            blocks.append({"blockOverrides": {"time": hex(now)}, "calls": []})
        calls = blocks[-1]["calls"]
        asked = [
            {"from": _SOMEBODY, "to": READER, "input": balance_data(one.address)}
            for one in act.pays
        ]
        calls += asked
        calls.append({"from": act.sender, "to": act.to, "input": act.data, "value": hex(act.value)})
        calls += [{"from": _SOMEBODY, "to": one.to, "input": one.data} for one in act.views]
        calls += asked
    return blocks


def _balance(value: Any) -> int:
    result = mapping(value, "simulated call")
    if quantity(result.get("status"), "simulated status") != 1:
        raise RefusedError("the balance of an account could not be read in the simulation")
    return int.from_bytes(payload(result.get("returnData", "0x"), "simulated balance"), "big")


def _tried(act: Act, value: Any, interface: Interface) -> Performed:
    """Return what an act did; what is only tried may stay unknown, since nothing rests on it."""
    try:
        return _performed(value, interface)
    except RefusedError as problem:
        if act.sent:
            raise
        return Performed(None, unknown=problem)


def _performed(value: Any, interface: Interface) -> Performed:
    result = mapping(value, "simulated call")
    output = _performed_output(value, interface)
    if isinstance(output, Revert):
        return Performed(output)
    logs = listing(result.get("logs", []), "simulated logs")
    return Performed(None, tuple(mapping(log, "simulated log") for log in logs))


def _performed_output(value: Any, interface: Interface) -> bytes | Revert:
    result = mapping(value, "simulated call")
    output = payload(result.get("returnData", "0x"), "simulated output")
    if quantity(result.get("status"), "simulated status") == 1:
        return output
    error: Mapping[str, Any] = mapping(result.get("error"), "simulated error")
    message = str(error.get("message", ""))
    # Only a revert leaves data behind; anvil 1.7 has no other way to say that it was one.
    revert = make_revert("0x" + output.hex(), message) if output else read_revert(error)
    if revert is None:
        raise RefusedError(f"simulated call failed, but not by a revert: {error!r:.200}")
    return explain(revert, interface)
