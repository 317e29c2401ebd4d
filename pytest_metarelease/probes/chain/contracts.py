"""A declared contract: its views, calls, state, balance and code, all at the pinned block.

Sends nothing. A revert is an answer; a node that fails is not, and is never taken for a revert.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import ProbeError, RefusedError
from pytest_metarelease.evidence import Measurement, Recorder
from pytest_metarelease.probes.chain.access import judge_access
from pytest_metarelease.probes.chain.code import CodeComparison, CodeReport
from pytest_metarelease.probes.chain.codec import call_data, decode, explain
from pytest_metarelease.probes.chain.directory import Directory
from pytest_metarelease.probes.chain.hidden import judge_hidden
from pytest_metarelease.probes.chain.measuring import Asking
from pytest_metarelease.probes.chain.pausing import judge_pausing
from pytest_metarelease.probes.chain.quantities import payload, quantity
from pytest_metarelease.probes.chain.revert import Revert
from pytest_metarelease.probes.chain.roles import judge_roles
from pytest_metarelease.probes.chain.rpc import Ask, Rpc, settled
from pytest_metarelease.probes.chain.snapshot import Snapshot, read_pinned
from pytest_metarelease.probes.chain.state import judge_state, judge_view, unconfirmed
from pytest_metarelease.probes.reading import Reading, show

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_metarelease.manifest.model import Contract, ViewExpectation
    from pytest_metarelease.probes.chain.abi import Entry, Interface
    from pytest_metarelease.probes.chain.artifact import Artifact
    from pytest_metarelease.probes.chain.state import Line


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a simulated call did: it returned (``revert`` is None), or it reverted."""

    returned: Any
    revert: Revert | None
    measurement: Measurement


class ContractProbe:
    """One contract of the manifest. Subject of its measurements: ``contract:NAME``."""

    def __init__(
        self,
        name: str,
        contract: Contract,
        artifact: Artifact,
        rpc: Rpc,
        snapshot: Snapshot,
        recorder: Recorder,
    ) -> None:
        self.name = name
        self.address = str(contract.address)
        self.declared = contract
        self.artifact = artifact
        self.interface = artifact.interface
        self.snapshot = snapshot
        self.rpc = rpc
        self._recorder = recorder
        self.asking = Asking(recorder, f"contract:{name}", snapshot.where)
        self.directory = Directory()
        self._fetched: dict[str, str] = {}
        self._fetch_time = 0.0
        self.known_lines: list[Line] | None = None
        self.facets: dict[str, Interface] = {}

    def look_behind(self, implementation: Interface) -> None:
        """Take the functions of what stands behind this proxy for its own, as callers do."""
        self.interface = self.interface.joined(implementation)
        self.known_lines = None

    def read(self, function: str, *args: Any) -> Reading:
        """Return what a view function returns: a value, or a tuple of several.

        Addresses are checksummed, bytes are 0x hex, arrays are lists.

        Raises:
            UsageError: The ABI has no such function, or the arguments do not fit.
            UnmetError: It reverts, or nothing that has this function stands at the address.
            ProbeError: No usable answer.
        """
        entry = self.interface.function(function)
        return self.read_entry(entry, args, call_data(entry, args))

    def read_entry(self, entry: Entry, args: Sequence[Any], data: str) -> Reading:
        """Return what a view function of the ABI returns, ``data`` being its call data.

        Raises as ``read`` does.
        """
        asked = f"{self.name}.{entry.name}({', '.join(map(show, args))})"
        outcome = self._view(entry, data, asked)
        if outcome.revert is not None:
            raise self.asking.unmet(
                outcome.measurement, f"{asked} returns", f"reverted: {outcome.revert.reason}"
            )
        if outcome.returned is None and entry.outputs:
            raise self.asking.unmet(
                outcome.measurement,
                f"{asked} returns {', '.join(entry.output_types)}",
                "0x: no code at the address, or no such function in it",
                "check the address and compare the code with the artifact",
            )
        return Reading(
            outcome.returned, asked, outcome.measurement, self._recorder, self.snapshot.where
        )

    def view(self, function: str, *args: Any) -> Outcome:
        """Return what a view function did, a revert included; judges nothing.

        Raises:
            ProbeError: No usable answer, which is not a revert.
        """
        entry = self.interface.function(function)
        asked = f"{self.name}.{entry.name}({', '.join(map(show, args))})"
        return self._view(entry, call_data(entry, args), asked)

    def call(
        self, function: str, args: Sequence[Any] = (), *, sender: str, value: int = 0
    ) -> Outcome:
        """Simulate a call from ``sender`` with ``value`` wei; nothing is sent.

        With a value, the sender is given that much by a state override, where the node has them.

        Raises:
            ProbeError: No usable answer, which is not a revert.
        """
        entry = self.interface.function(function)
        asked = f"{self.name}.{entry.name}({', '.join(map(show, args))}) from {sender}"
        return self.call_entry(entry, call_data(entry, args), asked, sender=sender, value=value)

    def call_entry(
        self, entry: Entry, data: str, asked: str, *, sender: str, value: int = 0
    ) -> Outcome:
        """Simulate a call with this call data, also of ``receive`` and ``fallback``.

        Raises as ``call`` does.
        """
        request: dict[str, Any] = {"from": sender, "to": self.address, "data": data}
        params: list[Any] = [request, self.snapshot.tag]
        if value:
            request["value"] = hex(value)
            params.append({sender: {"balance": hex(value + 10**20)}})
        try:
            return self._outcome(entry, Ask("eth_call", tuple(params)), asked)
        except RefusedError:
            if not value:
                raise
        # A node without state overrides: the sender must have the value itself.
        return self._outcome(entry, Ask("eth_call", tuple(params[:2])), asked)

    def expect_revert(
        self,
        function: str,
        args: Sequence[Any] = (),
        *,
        sender: str,
        reverts: str,
        value: int = 0,
        next_step: str = "",
    ) -> Revert:
        """Judge that the call reverts with the declared reason, custom error or selector.

        Raises:
            UnmetError: It succeeds, or reverts for another reason.
        """
        outcome = self.call(function, args, sender=sender, value=value)
        expected = f"{outcome.measurement.asked} reverts: {reverts}"
        if outcome.revert is None:
            raise self.asking.unmet(outcome.measurement, expected, "it succeeds", next_step)
        actual = f"reverts: {outcome.revert.reason or outcome.revert.data}"
        if not outcome.revert.is_declared_as(reverts):
            raise self.asking.unmet(outcome.measurement, expected, actual, next_step)
        self.asking.met(outcome.measurement, expected, actual)
        return outcome.revert

    def expect_view_reverts(self, function: str, wanted: ViewExpectation) -> None:
        """Judge that a view function reverts as declared; an answer, or no answer, is none.

        Raises:
            UnmetError: It answers, or reverts for another reason.
            ProbeError: No usable answer, which is never a revert.
        """
        entry = self.interface.function(function)
        asked = f"{self.name}.{entry.name}({', '.join(map(show, wanted.args))})"
        outcome = self._view(entry, call_data(entry, wanted.args), asked)
        expected = f"{asked} reverts: {wanted.reverts}"
        if outcome.revert is None:
            raise self.asking.unmet(outcome.measurement, expected, f"{show(outcome.returned)}")
        actual = f"reverts: {outcome.revert.reason or outcome.revert.data}"
        if not outcome.revert.is_declared_as(wanted.reverts or ""):
            raise self.asking.unmet(outcome.measurement, expected, actual)
        if wanted.unconfirmed is not None:
            raise unconfirmed(self, outcome.measurement, asked, wanted.unconfirmed)
        self.asking.met(outcome.measurement, expected, actual)

    def balance_of(self, address: str) -> int:
        """Return the balance of any address in wei, as a measurement without a judgement."""
        return self._balance(address)[0]

    def _balance(self, address: str) -> tuple[int, Measurement]:
        ask = Ask("eth_getBalance", (address, self.snapshot.tag))
        return self.asking.ask(
            f"eth_getBalance {address}",
            lambda: quantity(
                settled(read_pinned(self.rpc, self.snapshot, [ask])[0], ask.method), "balance"
            ),
            block=self.snapshot.number,
        )

    def balance(self) -> Reading:
        """Return the balance in wei."""
        value, measurement = self._balance(self.address)
        name = f"balance of {self.name}"
        return Reading(value, name, measurement, self._recorder, self.snapshot.where)

    def code_size(self) -> Reading:
        """Return how many bytes of code stand at the address; none is 0."""
        comparison = CodeComparison(
            self.declared, self.artifact, self.rpc, self.snapshot, self.asking
        )
        size, measurement = self.asking.ask(
            f"eth_getCode {self.address}",
            lambda: len(comparison.fetch()),
            block=self.snapshot.number,
        )
        name = f"bytes of code of {self.name}"
        return Reading(size, name, measurement, self._recorder, self.snapshot.where)

    def code(self, today: str | None = None) -> CodeReport:
        """Judge the deployed code against the artifact; see ``CodeComparison.compare``."""
        declared = frozenset(one.lower() for one in self.directory.contracts.values())
        return CodeComparison(
            self.declared, self.artifact, self.rpc, self.snapshot, self.asking, declared
        ).compare(today)

    def state(self) -> None:
        """Judge every view function of the ABI, by selector: compared, or declared as unchecked.

        Declared storage slots are judged with them.

        Raises:
            UsageError: The manifest names a function that the ABI lacks.
            UnmetError: A value is not the declared one, or the manifest is silent about a function.
            UndeclaredError: A value was adopted from the chain and not confirmed.
            ProbeError: No usable answer.
        """
        judge_state(self)

    def expect_state(self, key: str) -> None:
        """Judge one view function, or one line with its ``#label``; raises as ``state`` does."""
        judge_view(self, key)

    def access(self) -> None:
        """Judge who may call each function that changes state; see ``access.judge_access``."""
        judge_access(self)

    def hidden_selectors(self) -> None:
        """Judge that the code answers no selector that the ABI does not list.

        Raises:
            UnmetError, ProbeError: See ``hidden.judge_hidden``.
        """
        judge_hidden(self)

    def roles(self) -> None:
        """Judge that every role has exactly its declared holders; see ``roles.judge_roles``."""
        judge_roles(self)

    def pausing(self) -> None:
        """Judge, by simulation, that the pause stops what it must; see ``pausing``."""
        judge_pausing(self)

    def remember(self, results: Mapping[str, str], duration: float = 0.0) -> None:
        """Take results of views at the pinned block (call data -> returned 0x hex)."""
        self._fetched.update(results)
        self._fetch_time = duration

    @property
    def remembered(self) -> dict[str, str]:
        """What was prefetched, JSON-ready, for other processes of the same run."""
        return dict(self._fetched)

    def _view(self, entry: Entry, data: str, asked: str) -> Outcome:
        known = self._fetched.get(data)
        if known is None:
            request = {"to": self.address, "data": data}
            return self._outcome(entry, Ask("eth_call", (request, self.snapshot.tag)), asked)
        raw = payload(known, asked)
        measurement = self.asking.known(
            asked, known, block=self.snapshot.number, duration=self._fetch_time
        )
        try:
            return Outcome(_decoded(entry, raw, asked), None, measurement)
        except ProbeError as problem:
            self.asking.unknown(measurement, problem)
            raise

    def _outcome(self, entry: Entry, ask: Ask, asked: str) -> Outcome:
        def question() -> tuple[Any, Revert | None]:
            answer = read_pinned(self.rpc, self.snapshot, [ask])[0]
            if isinstance(answer, Revert):
                return None, explain(answer, self.interface)
            raw = payload(settled(answer, asked), asked)
            return _decoded(entry, raw, asked), None

        (returned, revert), measurement = self.asking.ask(
            asked,
            question,
            show=lambda pair: show(pair[0]) if pair[1] is None else f"reverted: {pair[1].reason}",
            block=self.snapshot.number,
        )
        return Outcome(returned, revert, measurement)


def _decoded(entry: Entry, raw: bytes, asked: str) -> Any:
    if not raw:
        return None
    values = decode(entry.output_types, raw, asked)
    return values[0] if len(values) == 1 else values
