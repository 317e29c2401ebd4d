"""The views and slots of a contract against the manifest: each compared, or unchecked by reason.

Refuses silence: a view function, known by its selector, of which the manifest says nothing is a
finding, with the line to add; and a value that nobody confirmed verifies nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import ProbeError, UndeclaredError, UnmetError, UsageError
from pytest_metarelease.manifest.model import ViewExpectation
from pytest_metarelease.probes.chain.abi import Entry
from pytest_metarelease.probes.chain.codec import call_data
from pytest_metarelease.probes.chain.measuring import Tally
from pytest_metarelease.probes.chain.relating import unrelated
from pytest_metarelease.probes.chain.rpc import Ask
from pytest_metarelease.probes.chain.snapshot import read_pinned
from pytest_metarelease.probes.chain.storage import judge_storage, storage_asks
from pytest_metarelease.probes.reading import describe, mismatch, show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_metarelease.evidence import Measurement
    from pytest_metarelease.manifest.model import Expectation
    from pytest_metarelease.probes.chain.contracts import ContractProbe


@dataclass(frozen=True)
class Line:
    """One line of ``state:``: how it is written, the function, and what it must answer."""

    key: str
    entry: Entry
    wanted: ViewExpectation

    @cached_property
    def data(self) -> str:
        """The call data; ``UsageError`` where an argument does not fit."""
        return call_data(self.entry, self.wanted.args)


def views(contract: ContractProbe) -> tuple[str, ...]:
    """Return the key of every view function, as a manifest names it; asks nobody."""
    return tuple(contract.interface.key_of(one) for one in contract.interface.views)


def lines(contract: ContractProbe) -> list[Line]:
    """Return the declared lines, each with the one function that it means.

    Raises:
        UsageError: The ABI has no such function, it is overloaded, or it changes state.
    """
    if contract.known_lines is not None:
        return contract.known_lines
    found = []
    for key, wanted in contract.declared.state.items():
        entry = contract.interface.function(key.partition("#")[0])
        if not entry.reads:
            raise UsageError(
                f"{contract.name}: {entry.signature} changes state; declare it under access"
            )
        found.append(Line(key, entry, wanted))
    contract.known_lines = found
    return found


def judge_state(contract: ContractProbe) -> None:
    """Judge every view function of the ABI, all read in one batch, and every declared slot.

    Each is a measurement of its own.

    Raises:
        UsageError, UnmetError, ProbeError: See ``ContractProbe.state``.
    """
    declared = lines(contract)
    if not contract.remembered:
        try:
            prefetch([contract])
        except ProbeError as problem:
            seen = contract.asking.known(f"{contract.name}: state", f"no answer: {problem}")
            contract.asking.unknown(seen, problem)
            raise
    tally = Tally()
    every = [*(one.wanted for one in declared), *contract.declared.storage.values()]
    if all(one.unchecked is not None for one in every):
        # Nothing below would leave a trace; what is left to show is that the contract is there.
        with tally:
            contract.code_size().at_least(1, next_step="compare address and deployment")
    listed = {one.entry.selector for one in declared}
    for entry in contract.interface.views:
        if entry.selector not in listed:
            tally.failed(_unlisted(contract, entry))
    for line in declared:
        with tally:
            _judge(contract, line)
    for slot, wanted in contract.declared.storage.items():
        with tally:
            judge_storage(contract, slot, wanted)
    tally.settle()


def judge_view(contract: ContractProbe, key: str) -> None:
    """Judge the lines about one view function, or the one line with a label behind ``#``.

    Raises as ``judge_state`` does.
    """
    name, labelled, _ = key.partition("#")
    entry = contract.interface.function(name)
    found = [
        one
        for one in lines(contract)
        if one.entry.signature == entry.signature and (not labelled or one.key == key)
    ]
    if labelled and not found:
        raise UsageError(f"{contract.name}: the manifest has no {key} under state")
    if not found:
        raise _unlisted(contract, entry)
    for line in found:
        _judge(contract, line)


def prefetch(contracts: Sequence[ContractProbe]) -> None:
    """Read the declared state of all contracts, which share a node, in as few requests as possible.

    What reverts or fails is asked again, and reported, by the check that needs it.

    Raises:
        ProbeError: The exchange as a whole failed.
    """
    wanted = [(one, key, ask) for one in contracts for key, ask in _asks(one)]
    if not wanted:
        return
    first = wanted[0][0]
    started = time.perf_counter()
    answers = read_pinned(first.rpc, first.snapshot, [ask for _, _, ask in wanted])
    duration = time.perf_counter() - started
    for (one, key, _), answer in zip(wanted, answers, strict=True):
        if isinstance(answer, str):
            one.remember({key: answer}, duration)


def met_or_raise(
    contract: ContractProbe, seen: Measurement, name: str, value: Any, wanted: ViewExpectation
) -> None:
    """Judge a value that was read against comparisons, relations and confirmation.

    Raises:
        UnmetError: It is not as declared.
        UndeclaredError: It is, but nobody confirmed that it should be.
    """
    plain = wanted
    if wanted.holds or wanted.unconfirmed is not None:
        plain = replace(wanted, holds=(), unconfirmed=None)
    described = describe(plain)
    compares = described != "nothing stated"
    problems = unrelated(contract, wanted.holds, value)
    if compares or not wanted.holds:
        different = mismatch(plain, value)
        problems += [] if different is None else [different]
    parts = ([described] if compares or not wanted.holds else []) + list(wanted.holds)
    expected = f"{name}: {', '.join(parts)}"
    if problems:
        raise contract.asking.unmet(seen, expected, f"{show(value)} ({'; '.join(problems)})")
    if wanted.unconfirmed is not None:
        raise unconfirmed(contract, seen, name, wanted.unconfirmed)
    contract.asking.met(seen, expected, show(value))


def unconfirmed(contract: ContractProbe, seen: Measurement, name: str, why: str) -> UndeclaredError:
    """Judge as unknown what was adopted and confirmed by nobody; return the error to raise."""
    problem = UndeclaredError(
        f"{contract.name}: {name} is as it was adopted ({why}), but nobody confirmed that it "
        "should be so; compare it with the design and remove `unconfirmed`"
    )
    contract.asking.unknown(seen, problem, f"confirm {name} and remove `unconfirmed`")
    return problem


def _judge(contract: ContractProbe, line: Line) -> None:
    wanted = line.wanted
    if wanted.unchecked is not None:
        if wanted.unconfirmed is not None:
            seen = contract.asking.known(f"{contract.name}.{line.key}", "not compared")
            raise unconfirmed(contract, seen, line.key, wanted.unconfirmed)
        return
    if wanted.reverts is not None:
        contract.expect_view_reverts(line.entry.signature, wanted)
        return
    reading = contract.read_entry(line.entry, wanted.args, line.data)
    met_or_raise(contract, reading.measurement, reading.name, reading.value, wanted)


def _unlisted(contract: ContractProbe, entry: Entry) -> UnmetError:
    key = contract.interface.key_of(entry)
    sample = "{args: [...], equals: ...}" if entry.inputs else "..."
    seen = contract.asking.known(f"{contract.name}.{entry.signature}", "not compared")
    return contract.asking.unmet(
        seen,
        f"{contract.name}.{entry.signature} ({entry.selector}) is compared or unchecked by reason",
        "the manifest says nothing of it",
        f"add to contracts.{contract.name}.state:  {key}: {sample}  or  {key}: "
        "{unchecked: reason}",
    )


def _asks(contract: ContractProbe) -> list[tuple[str, Ask]]:
    tag = contract.snapshot.tag
    try:
        calls = [line.data for line in lines(contract) if _is_read(line.wanted)]
    except UsageError:
        # One contract's mistake must not hide the others; its own check says what is wrong.
        return []
    views_asked = [
        (data, Ask("eth_call", ({"to": contract.address, "data": data}, tag)))
        for data in dict.fromkeys(calls)
    ]
    return views_asked + storage_asks(contract)


def _is_read(wanted: Expectation) -> bool:
    reverts = wanted.reverts if isinstance(wanted, ViewExpectation) else None
    return wanted.unchecked is None and reverts is None
