"""A flow on a node that only reads, by ``eth_call`` with state overrides: nothing is sent.

The deployer's account holds a small program that creates the contract and makes the calls; what is
only tried is undone before the next. Refuses nodes that do not know overrides, which it asks, and
never takes a call that ran out of gas for a refusal. Events cannot be seen this way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import MalformedError, ProbeError, RefusedError, UnsupportedError
from pytest_metarelease.probes.chain.assembling import (
    Calling,
    Creating,
    Ending,
    director,
    endings,
    forwarder,
    handed_on,
    program,
)
from pytest_metarelease.probes.chain.casting import DEPLOYER, Act, Script
from pytest_metarelease.probes.chain.codec import explain
from pytest_metarelease.probes.chain.executing import STEP_GAS
from pytest_metarelease.probes.chain.overriding import (
    READER,
    SAYS_BALANCE,
    balance_data,
    check_witness,
    witness,
)
from pytest_metarelease.probes.chain.performing import Performed, decoded_view, payments
from pytest_metarelease.probes.chain.quantities import payload
from pytest_metarelease.probes.chain.revert import Revert, make_revert
from pytest_metarelease.probes.chain.rpc import Ask, Rpc, settled
from pytest_metarelease.probes.chain.snapshot import Snapshot, read_pinned

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_metarelease.probes.chain.abi import Interface

_SOMEBODY = "0x00000000000000000000000000000000c0de0005"
_TRIAL = 0xC0DE00000000
_BALANCE = hex(10**24)
_AT_ONCE = 40
"""So many trials in one call, which a node may give as much gas as a block has."""

# With so much left at the end, every call before had all that it was to have (EIP-150).
_LEFT_AT_LEAST = 3 * STEP_GAS

# An account that gives nothing back of the gas that it got has run out of it.
_NEARLY_ALL = 15, 16


@dataclass(frozen=True, slots=True)
class _Trial:
    """Acts that are tried at one point of the script; each has an account that undoes it."""

    act: Act
    address: str


def rehearse(
    rpc: Rpc, snapshot: Snapshot, script: Script
) -> tuple[list[Performed], list[Performed]]:
    """Return what each deployment and act would do; raises before anything where it cannot.

    After a deployment that reverts there is nothing more.

    Raises:
        UnsupportedError: The node does not know overrides, or time passes in the flow.
        MalformedError: The answer is none of our program's.
        ProbeError: No usable answer.
    """
    if script.waits:
        raise UnsupportedError(
            f"{rpc.masked}: eth_call has one time for all steps, and time passes in this flow: "
            "use a node that has eth_simulateV1 (geth, anvil, reth)"
        )
    deployed: list[Performed] = []
    found: dict[int, Performed] = {}
    for chosen in _portions(script.acts):
        part = [(at, act) for at, act in enumerate(script.acts) if act.sent or at in chosen]
        deployed, acts = _perform(rpc, snapshot, script, [act for _, act in part])
        if deployed[-1].reverted is not None:
            return deployed, []
        found |= {at: done for (at, _), done in zip(part, acts, strict=True)}
    return deployed, [found[at] for at in range(len(script.acts))]


def _portions(acts: Sequence[Act]) -> Iterator[frozenset[int]]:
    """Yield which of the tried acts share one call; at least one portion, also of none."""
    tried = [at for at, act in enumerate(acts) if not act.sent]
    for start in range(0, max(len(tried), 1), _AT_ONCE):
        yield frozenset(tried[start : start + _AT_ONCE])


def _perform(
    rpc: Rpc, snapshot: Snapshot, script: Script, acts: Sequence[Act]
) -> tuple[list[Performed], list[Performed]]:
    overrides = {READER: {"code": SAYS_BALANCE}} | {
        address: {"code": _hex(forwarder()), "balance": _BALANCE}
        for address in {act.sender for act in acts} - {script.addresses[DEPLOYER]}
    }
    steps: list[Calling | Creating] = [
        Creating(bytes.fromhex(one.creation[2:])) for one in script.deployments
    ]
    counts = []
    for number, act in enumerate(acts):
        calls = _calls(act)
        counts.append(len(calls))
        if act.sent:
            steps += calls
            continue
        trial = f"0x{_TRIAL + number:040x}"
        first = len(act.pays)
        undone = program([*calls[:first], _as_role(act), *calls[first + 1 :]], undone=True)
        overrides[trial] = {"code": _hex(undone), "balance": _BALANCE}
        steps.append(Calling(trial, b"", 0, 2 * STEP_GAS))
    main = director(_SOMEBODY, steps)
    overrides[script.addresses[DEPLOYER]] = {"code": _hex(main), "balance": _BALANCE}
    output = _ask(rpc, snapshot, script.addresses[DEPLOYER], overrides)
    expected = 1 + len(script.deployments)
    expected += sum(n if act.sent else 1 for act, n in zip(acts, counts, strict=True))
    ended = endings(output, expected)
    if ended is None:
        raise MalformedError(f"{rpc.masked}: the simulated flow answered {len(output)} bytes")
    if ended[-1].word < _LEFT_AT_LEAST:
        raise RefusedError(
            f"{rpc.masked}: {ended[-1].word} gas were left of what the node gives one eth_call: "
            "too little to tell a refusal from a call that ran out of it"
        )
    pairs = list(zip(acts, counts, strict=True))
    return _read(rpc, snapshot, script, pairs, ended[:-1])


def _calls(act: Act) -> list[Calling]:
    data = bytes.fromhex(act.data[2:])
    own = Calling(act.to, data, act.value, STEP_GAS) if act.role == DEPLOYER else _as_role(act)
    views = act.views if not act.refusals else ()
    asked = [
        Calling(READER, bytes.fromhex(balance_data(one.address)[2:]), 0, STEP_GAS)
        for one in act.pays
    ]
    seen = [Calling(one.to, bytes.fromhex(one.data[2:]), 0, STEP_GAS) for one in views]
    return [*asked, own, *seen, *asked]


def _as_role(act: Act) -> Calling:
    """Return the call through the account of its role, which hands it on."""
    data = handed_on(bytes.fromhex(act.data[2:]), act.to)
    return Calling(act.sender, data, act.value, STEP_GAS)


def _ask(rpc: Rpc, snapshot: Snapshot, to: str, overrides: dict[str, Any]) -> bytes:
    request = {"from": _SOMEBODY, "to": to, "data": "0x"}
    asks = [
        witness(snapshot.tag),
        Ask("eth_call", (request, snapshot.tag, overrides)),
    ]
    sure, answer = read_pinned(rpc, snapshot, asks)
    check_witness(sure, rpc.masked)
    return payload(settled(answer, "the simulated flow"), "the simulated flow")


def _read(
    rpc: Rpc,
    snapshot: Snapshot,
    script: Script,
    acts: Sequence[tuple[Act, int]],
    ended: Sequence[Ending],
) -> tuple[list[Performed], list[Performed]]:
    deployed: list[Performed] = []
    rest = ended[len(script.deployments) :]
    for created, one in zip(ended, script.deployments, strict=False):
        if created.word == 0:
            revert = _revert(created, one.interface, "the deployment", None)
            return [*deployed, Performed(revert)], []
        if created.word != int(one.address, 16):
            raise MalformedError(
                f"{rpc.masked}: {one.name} stands at 0x{created.word:040x}, not at {one.address}"
            )
        deployed.append(Performed(None, block=snapshot.number))
    own = script.addresses[DEPLOYER]
    found, at = [], 0
    for act, count in acts:
        if act.sent:
            mine: Sequence[Ending] = rest[at : at + count]
            at += count
            found.append(_performed(act, mine, snapshot.number, own))
            continue
        inner = endings(rest[at].output, count)
        at += 1
        try:
            if inner is None:
                raise RefusedError(f"{rpc.masked}: {act.title}: the simulation ran out of gas")
            found.append(_performed(act, inner, snapshot.number, own))
        except ProbeError as problem:
            # What is tried beside it has its own answer.
            found.append(Performed(None, unknown=problem))
    return deployed, found


def _performed(act: Act, ended: Sequence[Ending], block: int, director: str) -> Performed:
    paying = len(act.pays)
    before, (first, *views), after = (
        ended[:paying],
        ended[paying : len(ended) - paying],
        ended[len(ended) - paying :],
    )
    interface = act.target.interface
    if first.word == 0:
        return Performed(_revert(first, interface, act.title, STEP_GAS), block=block)
    values = {
        view.key: decoded_view(
            view, one.output if one.word else _revert(one, interface, view.key, STEP_GAS)
        )
        for view, one in zip(act.views, views, strict=False)
    }
    # Whoever calls, the value comes from the deployer's account, which directs.
    held = ([_balance(one) for one in part] for part in (before, after))
    paid = payments(act, *held, spent=act.value, by=director)
    return Performed(None, (), values, block, paid=paid)


def _balance(ended: Ending) -> int:
    if ended.word == 0:
        raise RefusedError("the balance of an account could not be read in the simulation")
    return int.from_bytes(ended.output, "big")


def _revert(ended: Ending, interface: Interface, what: str, most: int | None) -> Revert:
    """Return the revert that an ending tells.

    Raises:
        RefusedError: It used all its gas: whatever stopped it was no refusal.
    """
    spent = most is not None and ended.gas * _NEARLY_ALL[1] >= most * _NEARLY_ALL[0]
    if spent and not ended.output:
        raise RefusedError(f"{what} used all of its {most} gas: out of gas, which is no refusal")
    return explain(make_revert("0x" + ended.output.hex()), interface)


def _hex(code: bytes) -> str:
    return "0x" + code.hex()
