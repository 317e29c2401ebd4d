"""The emergency pause, tried without sending anything: pause, then call what it must stop.

Both happen in one ``eth_call``: by state overrides, a few instructions stand at the pauser's
address and make two calls one after the other. Refuses nodes that do not know overrides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import MalformedError, UsageError
from pytest_metarelease.probes.chain.access import arguments, function_of
from pytest_metarelease.probes.chain.callers import Caller, callers
from pytest_metarelease.probes.chain.codec import call_data, checksum, explain
from pytest_metarelease.probes.chain.measuring import Tally
from pytest_metarelease.probes.chain.overriding import MONEY, check_witness, witness
from pytest_metarelease.probes.chain.pause_cover import judge_cover
from pytest_metarelease.probes.chain.quantities import payload
from pytest_metarelease.probes.chain.revert import Revert, make_revert
from pytest_metarelease.probes.chain.rpc import Ask, settled
from pytest_metarelease.probes.chain.snapshot import read_pinned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_metarelease.manifest.model import CallerPolicy, Pausing
    from pytest_metarelease.probes.chain.contracts import ContractProbe

_ZERO = "6000"  # PUSH1 0, since not every chain has PUSH0


def judge_pausing(contract: ContractProbe) -> None:
    """Judge that the pause works, says so, stops what it must, and can be ended.

    Raises:
        UsageError: A function or caller is not there.
        UnmetError: It cannot be paused, or something goes on all the same.
        UnsupportedError: The node does not know state overrides.
        ProbeError: No usable answer.
    """
    pausing = contract.declared.pausing
    if pausing is None:
        raise UsageError(f"{contract.name} declares no pausing")
    pauser = callers(contract, pausing.by)[0]
    tally = Tally()
    judge_cover(contract, pausing, tally)
    paused = _already(contract, pausing)
    for key, reverts in pausing.blocks.items():
        with tally:
            _is_stopped(contract, pausing, pauser, key, reverts, paused=paused)
    with tally:
        _says_so(contract, pausing, pauser, paused=paused)
    if pausing.unpause is not None:
        with tally:
            _can_be_ended(contract, pausing, pauser, paused=paused)
    tally.settle()


def _already(contract: ContractProbe, pausing: Pausing) -> bool:
    """Return whether it is paused now, so that there is nothing to call first."""
    value = contract.read(pausing.paused).value
    if not isinstance(value, bool):
        raise UsageError(f"{contract.name}: {pausing.paused} returns no bool")
    return value


def _is_stopped(
    contract: ContractProbe,
    pausing: Pausing,
    pauser: Caller,
    key: str,
    reverts: str,
    *,
    paused: bool,
) -> None:
    entry = contract.interface.function(key)
    policy = next(
        (
            one
            for name, one in sorted(contract.declared.access.items(), key=_is_labelled)
            if function_of(name) not in ("receive", "fallback")
            and contract.interface.function(function_of(name)).selector == entry.selector
        ),
        None,
    )
    caller = _caller(contract, policy, pauser)
    data = call_data(entry, arguments(entry, policy))
    value = int(policy.value) if policy is not None else 0
    asked = f"{contract.name}: {pausing.pause}() by {pauser.title}, then {entry.name}()"
    expected = f"{asked} by {caller.title} reverts: {reverts}"
    first = None if paused else call_data(contract.interface.function(pausing.pause), ())
    (done, revert), seen = contract.asking.ask(
        asked,
        lambda: _both(contract, pauser, first, caller, data, value),
        show=lambda pair: "it succeeds" if pair[1] is None else f"reverted: {pair[1].reason}",
        block=contract.snapshot.number,
    )
    if not done:
        raise contract.asking.unmet(
            seen, expected, f"{pausing.pause}() itself reverts", f"find out who may {pausing.pause}"
        )
    if revert is None or not revert.is_declared_as(reverts):
        actual = "it succeeds" if revert is None else f"reverts: {revert.reason or revert.data}"
        raise contract.asking.unmet(
            seen, expected, actual, f"{entry.name} goes on while paused; do not rely on the pause"
        )
    contract.asking.met(seen, expected, f"reverts: {revert.reason or revert.data}")


def _is_labelled(line: tuple[str, object]) -> bool:
    """Whether a line of ``access`` is about a special case of its function; those come last."""
    return "#" in line[0]


def _says_so(contract: ContractProbe, pausing: Pausing, pauser: Caller, *, paused: bool) -> None:
    view = contract.interface.function(pausing.paused)
    first = None if paused else call_data(contract.interface.function(pausing.pause), ())
    asked = f"{contract.name}: {pausing.pause}() by {pauser.title}, then {view.name}()"
    (done, answer), seen = contract.asking.ask(
        asked,
        lambda: _run(contract, pauser, first, (contract.address, call_data(view, ()), 0), {}),
        show=lambda pair: str(pair[1])[:100],
        block=contract.snapshot.number,
    )
    good = done and isinstance(answer, bytes) and int.from_bytes(answer, "big") == 1
    if not good:
        raise contract.asking.unmet(seen, f"{asked} is true", f"{answer!r:.100}")
    contract.asking.met(seen, f"{asked} is true", "true")


def _can_be_ended(
    contract: ContractProbe, pausing: Pausing, pauser: Caller, *, paused: bool
) -> None:
    entry = contract.interface.function(pausing.unpause or "")
    by = pausing.unpause_by
    ender = pauser if by is None else callers(contract, by)[0]
    first = None if paused else call_data(contract.interface.function(pausing.pause), ())
    own = "" if by is None else f" by {ender.title}"
    asked = f"{contract.name}: {pausing.pause}() by {pauser.title}, then {entry.name}(){own}"
    (done, revert), seen = contract.asking.ask(
        asked,
        lambda: _both(contract, pauser, first, ender, call_data(entry, ()), 0),
        show=lambda pair: "ok" if pair[1] is None else f"reverted: {pair[1].reason}",
        block=contract.snapshot.number,
    )
    if not done or revert is not None:
        why = f"{pausing.pause}() itself reverts" if not done or revert is None else revert.reason
        raise contract.asking.unmet(
            seen,
            f"{asked} succeeds",
            f"reverts: {why}",
            "name who ends the pause as pausing.unpause_by, where that is somebody else",
        )
    contract.asking.met(seen, f"{asked} succeeds", "it succeeds")


def _caller(contract: ContractProbe, policy: CallerPolicy | None, pauser: Caller) -> Caller:
    """Return who is to try what the pause must stop: somebody who otherwise may."""
    if policy is not None and policy.only:
        return callers(contract, policy.only[0])[0]
    return pauser


def _both(
    contract: ContractProbe,
    pauser: Caller,
    first: str | None,
    caller: Caller,
    data: str,
    value: int,
) -> tuple[bool, Revert | None]:
    """Return whether the pause went through, and what then became of the other call."""
    if caller.address.lower() == pauser.address.lower():
        step, overrides = (contract.address, data, value), {}
    else:
        forward = "0x" + _forwarder(contract.address).hex()
        step = (caller.address, data, value)
        overrides = {caller.address: {"code": forward}}
    done, answer = _run(contract, pauser, first, step, overrides)
    return done, answer if isinstance(answer, Revert) else None


def _run(
    contract: ContractProbe,
    pauser: Caller,
    first: str | None,
    step: tuple[str, str, int],
    overrides: dict[str, Any],
) -> tuple[bool, bytes | Revert]:
    """Simulate both calls from the pauser; return whether the first went through, and the second's.

    Raises:
        UnsupportedError: The node does not know overrides.
    """
    calls = [(contract.address, first, 0)] if first is not None else []
    code = _program([*calls, step])
    changed = {
        **overrides,
        pauser.address: {"code": "0x" + code.hex(), "balance": hex(MONEY + step[2])},
    }
    tag = contract.snapshot.tag
    request = {"to": pauser.address, "data": "0x"}
    sure, answer = read_pinned(
        contract.rpc,
        contract.snapshot,
        [witness(tag), Ask("eth_call", (request, tag, changed))],
    )
    check_witness(sure, contract.rpc.masked)
    raw = payload(settled(answer, "the simulated pause"), "the simulated pause")
    if len(raw) < 64:
        raise MalformedError(f"the simulated pause answered {len(raw)} bytes")
    done, succeeded = (int.from_bytes(raw[at : at + 32], "big") == 1 for at in (0, 32))
    output = raw[64:]
    if succeeded:
        return done, output
    return done, explain(make_revert("0x" + output.hex()), contract.interface)


def _program(calls: Sequence[tuple[str, str, int]]) -> bytes:
    """Return code that makes one or two calls and returns both successes and the last's output.

    Layout of the answer: success of the first, success of the last, then the last's output. With
    one call only, the first counts as done.
    """
    parts = [_call(*one) for one in calls]
    head_size = sum(len(part) for part, _ in parts) + len(_tail(len(calls)))
    code, data = b"", b""
    for part, inner in parts:
        at = head_size + len(data)
        code += part[:_OFFSET_AT] + at.to_bytes(2, "big") + part[_OFFSET_AT + 2 :]
        data += inner
    return code + _tail(len(calls)) + data


_OFFSET_AT = 4


def _call(to: str, data: str, value: int) -> tuple[bytes, bytes]:
    """Return the code of one call, with a gap for where its data stands, and that data."""
    inner = bytes.fromhex(data[2:])
    size = len(inner).to_bytes(2, "big").hex()
    # CODECOPY(0, gap, size); CALL(gas, to, value, 0, size, 0, 0)
    text = (
        f"61{size}61ffff{_ZERO}39"
        f"{_ZERO}{_ZERO}61{size}{_ZERO}7f{value:064x}73{checksum(to)[2:]}5af1"
    )
    return bytes.fromhex(text), inner


def _tail(calls: int) -> bytes:
    # The last success to memory 32, the first (or 1) to memory 0, then the last's output.
    first = f"{_ZERO}52" if calls == 2 else f"6001{_ZERO}52"
    return bytes.fromhex(f"602052{first}3d{_ZERO}60403e3d604001{_ZERO}f3")


def _forwarder(to: str) -> bytes:
    """Return code that hands its call data and value on to ``to``, and the answer back."""
    # CALLDATACOPY(0, 0, CALLDATASIZE); CALL(gas, to, CALLVALUE, 0, CALLDATASIZE, 0, 0);
    # RETURNDATACOPY(0, 0, RETURNDATASIZE); on success behind the revert.
    begin = f"36{_ZERO}{_ZERO}37{_ZERO}{_ZERO}36{_ZERO}3473{to[2:]}5af13d{_ZERO}{_ZERO}3e"
    revert, succeed = f"3d{_ZERO}fd", f"5b3d{_ZERO}f3"
    target = len(begin) // 2 + 3 + len(revert) // 2
    return bytes.fromhex(f"{begin}60{target:02x}57{revert}{succeed}")
