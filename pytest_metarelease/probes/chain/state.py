"""The views of a contract against the manifest: each is compared or declared as unchecked.

Refuses silence: a view function of which the manifest says nothing is unknown, with the line to
add.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pytest_metarelease.errors import ProbeError, UndeclaredError, UnmetError, UsageError
from pytest_metarelease.probes.chain.codec import call_data
from pytest_metarelease.probes.chain.measuring import Tally
from pytest_metarelease.probes.chain.rpc import Ask
from pytest_metarelease.probes.chain.snapshot import read_pinned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_metarelease.manifest.model import Expectation
    from pytest_metarelease.probes.chain.abi import Entry
    from pytest_metarelease.probes.chain.contracts import ContractProbe


def views(contract: ContractProbe) -> tuple[str, ...]:
    """Return the key of every view function, as a manifest names it; asks nobody."""
    return tuple(contract.interface.key_of(one) for one in contract.interface.views)


def judge_state(contract: ContractProbe) -> None:
    """Judge every view function of the ABI, all read in one batch.

    Each is a measurement of its own.

    Raises:
        UsageError, UnmetError, UndeclaredError, ProbeError: See ``ContractProbe.state``.
    """
    wanted = _wanted(contract)
    if not contract.remembered:
        try:
            prefetch([contract])
        except ProbeError as problem:
            seen = contract.asking.known(f"{contract.name}: state", f"no answer: {problem}")
            contract.asking.unknown(seen, problem)
            raise
    tally = Tally()
    for entry in contract.interface.views:
        try:
            _judge(contract, entry, wanted.get(entry.signature))
        except UnmetError as problem:
            tally.failed(problem)
        except ProbeError as problem:
            tally.unclear(problem)
    tally.settle()


def judge_view(contract: ContractProbe, key: str) -> None:
    """Judge one view function against the manifest; raises as ``judge_state`` does."""
    entry = contract.interface.function(key)
    _judge(contract, entry, _wanted(contract).get(entry.signature))


def prefetch(contracts: Sequence[ContractProbe]) -> None:
    """Read the declared state of all contracts, which share a node, in as few requests as possible.

    What reverts or fails is asked again, and reported, by the check that needs it.

    Raises:
        ProbeError: The exchange as a whole failed.
    """
    wanted = [(one, data) for one in contracts for data in _calls(one)]
    if not wanted:
        return
    first = wanted[0][0]
    started = time.perf_counter()
    asks = [
        Ask("eth_call", ({"to": one.address, "data": data}, one.snapshot.tag))
        for one, data in wanted
    ]
    answers = read_pinned(first.rpc, first.snapshot, asks)
    duration = time.perf_counter() - started
    for (one, data), answer in zip(wanted, answers, strict=True):
        if isinstance(answer, str):
            one.remember({data: answer}, duration)


def _judge(contract: ContractProbe, entry: Entry, wanted: Expectation | None) -> None:
    if wanted is None:
        raise _undeclared(contract, entry)
    if wanted.unchecked is None:
        contract.read(entry.signature, *wanted.args).expect(wanted)


def _undeclared(contract: ContractProbe, entry: Entry) -> UndeclaredError:
    key = contract.interface.key_of(entry)
    sample = "{args: [...], equals: ...}" if entry.inputs else "..."
    problem = UndeclaredError(
        f"{contract.name}.{entry.signature} is neither compared nor declared as unchecked; add to "
        f"contracts.{contract.name}.state:  {key}: {sample}  or  {key}: {{unchecked: reason}}"
    )
    seen = contract.asking.known(f"{contract.name}.{entry.signature}", "not compared")
    contract.asking.unknown(seen, problem, f"add {key} to the manifest's state")
    return problem


def _wanted(contract: ContractProbe) -> dict[str, Expectation]:
    """Return the declared expectations by signature."""
    return {
        contract.interface.function(key).signature: expectation
        for key, expectation in contract.declared.state.items()
    }


def _calls(contract: ContractProbe) -> list[str]:
    try:
        return [
            call_data(contract.interface.function(signature), expectation.args)
            for signature, expectation in _wanted(contract).items()
            if expectation.unchecked is None
        ]
    except UsageError:
        # One contract's mistake must not hide the others; its own check says what is wrong.
        return []
