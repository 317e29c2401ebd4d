"""What a contract must hold by its own events, against what it does hold at the pinned block.

Refuses a part of the sum for the whole: events are read from the deployment to the pinned block,
without a gap, each of a block of that chain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import MalformedError, UsageError
from pytest_metarelease.probes.chain.abi import Entry
from pytest_metarelease.probes.chain.codec import event_values
from pytest_metarelease.probes.chain.logs import logs_of
from pytest_metarelease.probes.chain.measuring import Tally
from pytest_metarelease.probes.chain.origin import check_beginning
from pytest_metarelease.probes.chain.quantities import payload, quantity
from pytest_metarelease.probes.chain.rpc import Ask, settled
from pytest_metarelease.probes.chain.snapshot import read_pinned
from pytest_metarelease.probes.chain.spenders import judge_spenders

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_metarelease.manifest.traffic import Accounting
    from pytest_metarelease.probes.chain.contracts import ContractProbe

_BALANCE_OF = "0x70a08231"  # balanceOf(address), ERC-20


@dataclass(frozen=True, slots=True)
class Books:
    """The sum of the events, in the smallest unit, and how many of them there were."""

    booked: int
    events: int
    came: int
    left: int


@dataclass(frozen=True, slots=True)
class _Line:
    """What an event does to the sum: 1 adds, -1 subtracts, 0 sets it to nothing."""

    event: Entry
    parameters: tuple[str, ...]
    sign: int


def judge_accounting(contract: ContractProbe) -> None:
    """Judge that the balance is the sum of the declared events, but for the declared deviation.

    Of tokens, also that nobody but the declared may take them.

    Raises:
        UsageError: The manifest names an event or parameter that the ABI lacks.
        UnmetError: It deviates by more, or more left than had come in; or somebody may take it.
        ProbeError: Not all events could be read, or the balance could not.
    """
    declared = contract.declared.accounting
    if declared is None:
        raise UsageError(f"{contract.name} declares no accounting")
    lines = _lines(contract, declared)
    tally = Tally()
    with tally:
        _judge_books(contract, declared, lines)
    with tally:
        judge_spenders(contract, declared, _since(contract, declared))
    tally.settle()


def _judge_books(contract: ContractProbe, declared: Accounting, lines: Mapping[str, _Line]) -> None:
    (books, balance), seen = contract.asking.ask(
        f"{contract.name}: sum of {', '.join(one.event.name for one in lines.values())}; balance",
        lambda: (_books(contract, declared, lines), _balance(contract, declared)),
        show=lambda both: f"{both[0].events} events add up to {both[0].booked}, held {both[1]}",
        block=contract.snapshot.number,
    )
    unit = "wei" if declared.token is None else f"units of {declared.token}"
    expected = (
        f"{contract.name} holds the {books.booked} {unit} of its events, "
        f"within {declared.deviation:.2%}"
    )
    actual = (
        f"{balance} {unit} are there; {books.events} events: {books.came} came, {books.left} left"
    )
    apart = balance - books.booked
    if books.booked < 0 or _is_too_far(apart, books.booked, declared):
        part = f" ({apart / books.booked:+.2%})" if books.booked > 0 else ""
        missing = "money is missing: pause the contract, then find the transaction that moved it"
        beyond = "find out where it came from: what was forced on a contract has no event"
        step = missing if apart < 0 or books.booked < 0 else beyond
        raise contract.asking.unmet(seen, expected, f"{actual}: {apart:+d}{part}", step)
    contract.asking.met(seen, expected, actual)


def _is_too_far(apart: int, booked: int, declared: Accounting) -> bool:
    if 0 <= apart <= declared.dust:
        return False
    # In whole numbers: a share of 10^24 is not exact in floating point.
    return abs(apart) * 10**9 > booked * round(declared.deviation * 10**9)


def _lines(contract: ContractProbe, declared: Accounting) -> dict[str, _Line]:
    found: dict[str, _Line] = {}
    for sign, section in ((1, declared.adds), (-1, declared.subtracts)):
        for key, parameters in section.items():
            event = contract.interface.event(key)
            _check_amounts(contract, event, parameters)
            _enter(contract, found, _Line(event, parameters, sign))
    for key in declared.empties:
        _enter(contract, found, _Line(contract.interface.event(key), (), 0))
    return found


def _check_amounts(contract: ContractProbe, event: Entry, parameters: Sequence[str]) -> None:
    kinds = {one.name: one.type for one in event.inputs}
    for at, parameter in enumerate(parameters):
        if parameter in parameters[:at]:
            raise UsageError(
                f"{contract.name}: accounting: {event.signature} counts {parameter} twice; name "
                "each amount once"
            )
        if not kinds.get(parameter, "").startswith("uint"):
            raise UsageError(
                f"{contract.name}: accounting: {event.signature} has no uint {parameter}; it "
                f"has {', '.join(f'{kind} {name}' for name, kind in kinds.items()) or 'none'}"
            )


def _enter(contract: ContractProbe, found: dict[str, _Line], line: _Line) -> None:
    if line.event.topic in found:
        raise UsageError(f"{contract.name}: accounting names {line.event.signature} twice")
    found[line.event.topic] = line


def _books(contract: ContractProbe, declared: Accounting, lines: Mapping[str, _Line]) -> Books:
    since = _since(contract, declared)
    check_beginning(contract, since, "accounting")
    logs = logs_of(
        contract.rpc, contract.snapshot, contract.address, list(lines), since, declared.chunk
    )
    return _sum(logs, lines)


def _since(contract: ContractProbe, declared: Accounting) -> int:
    return declared.since if declared.since is not None else contract.directory.deployed_block


def _sum(logs: Sequence[dict[str, Any]], lines: Mapping[str, _Line]) -> Books:
    came = left = 0
    for log in logs:
        line = lines[str(log["topics"][0]).lower()]
        if line.sign == 0:
            left = came
            continue
        payload(log.get("data"), f"data of {line.event.name}")
        values = event_values(line.event, log)
        amount = sum(values[one] for one in line.parameters)
        if line.sign > 0:
            came += amount
        else:
            left += amount
    return Books(came - left, len(logs), came, left)


def _balance(contract: ContractProbe, declared: Accounting) -> int:
    tag = contract.snapshot.tag
    if declared.token is None:
        ask = Ask("eth_getBalance", (contract.address, tag))
        answer = read_pinned(contract.rpc, contract.snapshot, [ask])[0]
        return quantity(settled(answer, ask.method), "balance")
    data = _BALANCE_OF + contract.address[2:].lower().rjust(64, "0")
    ask = Ask("eth_call", ({"to": str(declared.token), "data": data}, tag))
    word = payload(
        settled(read_pinned(contract.rpc, contract.snapshot, [ask])[0], "balanceOf"), "balanceOf"
    )
    if len(word) != 32:
        raise MalformedError(f"{declared.token}: balanceOf() answered {len(word)} bytes, not 32")
    return int.from_bytes(word, "big")
