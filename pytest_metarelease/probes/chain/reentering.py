"""Whether whoever is paid by a call can make that call again before it ends, and be paid twice.

Simulated in one ``eth_call`` with state overrides: the people of a flow get code that calls again
when they are called, by themselves or through the sender, who may be in league with them. Refuses
to blame a call that may be repeated in any case, such as a withdrawal in parts: it must be one that
is refused when it is made again afterwards (SWC-107). Sends nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import ProbeError
from pytest_metarelease.probes.chain.assembling import (
    Calling,
    endings,
    forwarder,
    handed_on,
    program,
)
from pytest_metarelease.probes.chain.overriding import MONEY, check_witness, witness
from pytest_metarelease.probes.chain.quantities import payload
from pytest_metarelease.probes.chain.rpc import Ask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_metarelease.probes.chain.casting import Act, Script
    from pytest_metarelease.probes.chain.rpc import Answer, Rpc

_DIRECTOR = "0x00000000000000000000000000000000c0de0005"
_SOMEBODY = "0x00000000000000000000000000000000c0de0003"
# What is left after less gas than this is no call again; a transfer of old gives 2,300.
_ENOUGH = 60_000
_PLENTY = 10**24
# Where in the code it stops, and where it speaks for its account.
_STOPS_AT, _SPEAKS_AT = 160, 176


def reentered(rpc: Rpc, tag: Any, script: Script, act: Act) -> str | None:
    """Return the role that is paid twice where it calls again, "" where none is.

    None where that cannot be told: the node knows no overrides, or the call does not succeed from a
    contract.

    Raises:
        ProbeError: The exchange as a whole failed.
    """
    trial = _Trial(tag, script, act)
    sure, *all_at_once = rpc.batch(
        [witness(tag), trial.again(*trial.people), trial.through_sender(*trial.others)]
    )
    try:
        check_witness(sure, rpc.masked)
    except ProbeError:
        return None
    if all(_ended(one, 1) == (True,) for one in all_at_once):
        return ""
    roles = (*trial.people, *trial.others)
    asks = [
        ask
        for role in trial.people
        for ask in (trial.again(role), trial.twice(script.addresses[role]))
    ]
    for role in trial.others:
        asks += [trial.through_sender(role), trial.twice(act.sender)]
    answers = rpc.batch(asks) if asks else []
    known = False
    for role, first, second in zip(roles, answers[::2], answers[1::2], strict=True):
        one_by_one = _ended(second, 2)
        known = known or one_by_one[:1] == (True,)
        if one_by_one == (True, False) and _ended(first, 1) == (False,):
            return role
    return "" if known else None


def _ended(answer: Answer, count: int) -> tuple[bool, ...]:
    """Return whether each call succeeded; nothing where that was not answered."""
    if not isinstance(answer, str):
        return ()
    try:
        found = endings(payload(answer, "calls again"), count)
    except ProbeError:
        return ()
    return tuple(bool(one.word) for one in found or ())


class _Trial:
    def __init__(self, tag: Any, script: Script, act: Act) -> None:
        self._tag = tag
        self._script = script
        self._act = act
        # Code at a signer's account would make contracts ask it (ERC-1271) for its signature.
        signer = None if act.step.sign is None else act.step.sign.signer
        self.people = tuple(one for one in script.addresses if one != signer)
        self.others = tuple(one for one in self.people if one != act.step.sender)

    def again(self, *roles: str) -> Ask:
        """Return the call, with these people calling again when they are called."""
        code = _calling_again(self._act, self._act.to, bytes.fromhex(self._act.data[2:]))
        return self._ask([self._act.sender], {self._script.addresses[one]: code for one in roles})

    def through_sender(self, *roles: str) -> Ask:
        """Return the call, with these people making its sender call again: both are one's own."""
        data = handed_on(bytes.fromhex(self._act.data[2:]), self._act.to)
        code = _calling_again(self._act, self._act.sender, data)
        return self._ask([self._act.sender], {self._script.addresses[one]: code for one in roles})

    def twice(self, address: str) -> Ask:
        """Return the call, and behind it the same one by this account."""
        return self._ask([self._act.sender, address], {})

    def _ask(self, callers: Sequence[str], codes: dict[str, bytes]) -> Ask:
        target = self._act.to
        data = handed_on(bytes.fromhex(self._act.data[2:]), target)
        plain = dict.fromkeys(callers, forwarder())
        steps = [Calling(one, data, self._act.value) for one in callers]
        overrides = {
            target: {"balance": hex(_PLENTY)},
            _DIRECTOR: {"code": "0x" + program(steps).hex(), "balance": hex(_PLENTY)},
            **{
                address: {"code": "0x" + code.hex(), "balance": hex(MONEY + self._act.value)}
                for address, code in {**plain, **codes}.items()
            },
        }
        return Ask("eth_call", ({"from": _SOMEBODY, "to": _DIRECTOR}, self._tag, overrides))


def _calling_again(act: Act, to: str, data: bytes) -> bytes:
    """Return code that makes the call for the director, and calls ``to`` when anybody else pays it.

    It reverts where it was paid by the second call; else it takes what it is given. It does so
    once.
    """
    speaking = forwarder(begin=_SPEAKS_AT)
    size, at = f"62{len(data):06x}", f"62{_SPEAKS_AT + len(speaking):06x}"
    stop, refuse = f"61{_STOPS_AT:04x}57", f"61{_STOPS_AT + 2:04x}57"
    code = f"3373{_DIRECTOR[2:]}1461{_SPEAKS_AT - 1:04x}57"  # the director calls
    code += f"61{_ENOUGH:04x}5a10{stop}"  # GAS < enough
    code += f"600054{stop}6001600055"  # it did so before
    code += f"{size}{at}6000393031"  # CODECOPY(0, data); BALANCE(ADDRESS)
    code += f"60006000{size}60007f{act.value:064x}73{to[2:].lower()}5af1"
    code += f"15{stop}303111{refuse}00"  # refused; BALANCE(ADDRESS) > the one before
    ends = "5b005b60006000fd"
    padded = f"{code:0<{_STOPS_AT * 2}}{ends}"
    return bytes.fromhex(f"{padded:0<{(_SPEAKS_AT - 1) * 2}}5b") + speaking + data
