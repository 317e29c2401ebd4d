"""Whether whoever is paid by a call can make that call again before it ends, and be paid twice.

Simulated in one ``eth_call`` with state overrides: the people of a flow get code that calls again
when they are called, by themselves or through the sender, who may be in league with them. Refuses
to blame a call that may be repeated in any case, such as a withdrawal in parts: from within it must
succeed once more than it does when it is made again and again afterwards (SWC-107). Sends nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
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
# How often a call is made again at most; what goes on after that may go on for ever.
_MOST = 8
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
        [witness(tag), trial.again(trial.people), trial.again(trial.others)]
    )
    try:
        check_witness(sure, rpc.masked)
    except ProbeError:
        return None
    if all(_ended(one, 1) == (True,) for one in all_at_once):
        return ""
    ways = trial.ways
    answers = rpc.batch([trial.in_a_row(one) for one in ways]) if ways else []
    behind = [_in_a_row(_ended(one, _MOST + 1)) for one in answers]
    # After so many in a row the next one is refused: from within it must be refused as well.
    limited = [(way, count) for way, count in zip(ways, behind, strict=True) if 0 < count <= _MOST]
    asks = [trial.again([way], times) for way, times in limited]
    within = rpc.batch(asks) if asks else []
    for (way, _), answer in zip(limited, within, strict=True):
        if _ended(answer, 1) == (False,):
            return way.role
    return "" if any(behind) else None


def _in_a_row(ended: Sequence[bool]) -> int:
    """Return how many calls succeeded before the first that did not."""
    return next((at for at, good in enumerate(ended) if not good), len(ended))


def _ended(answer: Answer, count: int) -> tuple[bool, ...]:
    """Return whether each call succeeded; nothing where that was not answered."""
    if not isinstance(answer, str):
        return ()
    try:
        found = endings(payload(answer, "calls again"), count)
    except ProbeError:
        return ()
    return tuple(bool(one.word) for one in found or ())


@dataclass(frozen=True, slots=True)
class _Way:
    """Who calls again when it is paid: by itself, or through a sender in league with it."""

    role: str
    by_sender: bool = False


class _Trial:
    def __init__(self, tag: Any, script: Script, act: Act) -> None:
        self._tag = tag
        self._script = script
        self._act = act
        # Code at a signer's account would make contracts ask it (ERC-1271) for its signature.
        signer = None if act.step.sign is None else act.step.sign.signer
        self.people = tuple(_Way(one) for one in script.addresses if one != signer)
        others = (one.role for one in self.people if one.role != act.step.sender)
        self.others = tuple(_Way(one, by_sender=True) for one in others)

    @property
    def ways(self) -> tuple[_Way, ...]:
        """Everybody, by themselves and through the sender."""
        return (*self.people, *self.others)

    def again(self, ways: Sequence[_Way], times: int = 1) -> Ask:
        """Return the call, with these people calling again, so often, when they are called."""
        plain = bytes.fromhex(self._act.data[2:])
        codes = {}
        for one in ways:
            to = self._act.sender if one.by_sender else self._act.to
            data = handed_on(plain, self._act.to) if one.by_sender else plain
            codes[self._script.addresses[one.role]] = _calling_again(self._act, to, data, times)
        return self._ask([self._act.sender], codes)

    def in_a_row(self, way: _Way) -> Ask:
        """Return the call, and behind it the same one by who would make it again, many times."""
        address = self._act.sender if way.by_sender else self._script.addresses[way.role]
        return self._ask([self._act.sender, *[address] * _MOST], {})

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


def _calling_again(act: Act, to: str, data: bytes, times: int) -> bytes:
    """Return code that makes the call for the director, and calls ``to`` when anybody else pays it.

    It does so at most ``times`` deep, and counts in slot 0 what was not refused. Where that was
    every one of them, and it was paid, the outermost reverts; else it takes what it is given.
    """
    speaking = forwarder(begin=_SPEAKS_AT)
    size, at = f"62{len(data):06x}", f"62{_SPEAKS_AT + len(speaking):06x}"
    stop, refuse, undo = (f"61{_STOPS_AT + one:04x}57" for one in (0, 2, 8))
    code = f"3373{_DIRECTOR[2:]}1461{_SPEAKS_AT - 1:04x}57"  # the director calls
    code += f"61{_ENOUGH:04x}5a10{stop}"  # GAS < enough
    code += f"60{times:02x}6000541015{stop}"  # not count < times
    code += "60005480600101600055"  # stack: count; count + 1 is stored
    code += f"{size}{at}6000393031"  # CODECOPY(0, data); stack: BALANCE(ADDRESS), count
    code += f"60006000{size}60007f{act.value:064x}73{to[2:].lower()}5af1"
    code += f"15{undo}"  # refused
    # BALANCE(ADDRESS) > the one before, count == 0, and what is stored == times
    code += f"303111901560005460{times:02x}141616{refuse}00"
    ends = "5b00" + "5b60006000fd" + "5b5060005500"  # stop; revert; SSTORE(0, count), stop
    padded = f"{code:0<{_STOPS_AT * 2}}{ends}"
    return bytes.fromhex(f"{padded:0<{(_SPEAKS_AT - 1) * 2}}5b") + speaking + data
