"""State machines of the manifest: every action, by every caller, in every state, and paused.

Moves are executed where access is transact, on contracts of our own; what must be refused is tried
where the contract stands then. On read-only all of it is simulated. Refuses to send what must fail.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_metarelease.manifest.expectations import Expectation
from pytest_metarelease.manifest.scalars import Access, Wei
from pytest_metarelease.manifest.trials import Flow, Step
from pytest_metarelease.probes.chain.casting import Act, Script, cast
from pytest_metarelease.probes.chain.directory import Directory
from pytest_metarelease.probes.chain.measuring import Asking, Tally
from pytest_metarelease.probes.chain.staging import Stage
from pytest_metarelease.probes.chain.walking import Call, Turn, walks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_metarelease.evidence import Measurement, Recorder
    from pytest_metarelease.manifest.model import Chain, TypedData
    from pytest_metarelease.manifest.trials import Halt, Machine
    from pytest_metarelease.probes.chain.companions import Part
    from pytest_metarelease.probes.chain.rpc import Rpc
    from pytest_metarelease.probes.chain.snapshot import Snapshot


class MachineProbe:
    """One declared state machine. Subject of its measurements: ``contract:NAME``.

    What is tried in one state is one measurement; each move is one, and what it changed.
    """

    def __init__(
        self,
        name: str,
        machine: Machine,
        parts: Mapping[str, Part],
        *,
        chain: Chain,
        rpc: Rpc,
        snapshot: Snapshot,
        recorder: Recorder,
        typed_data: Mapping[str, TypedData],
        directory: Directory | None = None,
    ) -> None:
        self.name = name
        self._machine = machine
        self._parts = parts
        self._typed_data = typed_data
        self._names = directory or Directory()
        asking = Asking(recorder, f"contract:{machine.contract}", f"in state machine {name}")
        self._stage = Stage(f"machines.{name}", chain, rpc, snapshot, asking, self._names)

    def run(self) -> tuple[Measurement, ...]:
        """Try the whole table, path by path.

        Raises:
            UsageError: The table does not fit the artifact or the declared typed data.
            UnmetError: A cell is not as declared; all of them are named.
            ForbiddenError: It would cost more than the cap.
            UnsupportedError: Access is read-only and the node cannot simulate it.
            ProbeError: No usable answer.
        """
        scripts = [self._script(walk) for walk in walks(self._machine)]
        seen: list[Measurement] = []
        tally = Tally()
        for script in scripts:
            with tally:
                seen += self._stage.perform(script)
        tally.settle()
        return tuple(seen)

    def _script(self, walk: Sequence[Call | Turn]) -> Script:
        machine = self._machine
        flow = Flow(
            contract=machine.contract,
            roles=machine.roles,
            beside=machine.beside,
            constructor=machine.constructor,
            steps=(*machine.prepare, *(self._step(one) for one in walk)),
            changes=machine.changes,
        )
        script = cast(flow, self._parts, self._typed_data, self._names)
        for act in script.acts:
            for event in act.step.emits:
                act.target.interface.event(event)
        first = len(machine.prepare)
        acts = (_as_declared(act, one) for act, one in zip(script.acts[first:], walk, strict=True))
        return replace(script, acts=(*script.acts[:first], *acts))

    def _step(self, one: Call | Turn) -> Step:
        if isinstance(one, Turn):
            halt: Halt | None = self._machine.paused
            assert halt is not None  # noqa: S101 - for the type checker; only a pause is turned
            return Step(call=halt.call if one.on else halt.undo, sender=halt.by)
        action = self._machine.actions[one.action]
        then = {self._machine.state: self._says(one.then)} if not one.refusals else {}
        # What is only simulated may show no events; a flow with `emits` says where it does.
        shown = one.done and self._stage.rpc.access is Access.TRANSACT
        return Step(
            call=action.call or one.action,
            sender=one.role,
            args=action.args,
            value=Wei(action.value),
            sign=action.sign,
            then=then,
            emits=action.emits if shown else (),
            changes=action.changes,
            pays=action.pays if one.done else {},
        )

    def _says(self, state: str) -> Expectation:
        return Expectation(equals=self._machine.states[state], states_equals=True)


def _as_declared(act: Act, one: Call | Turn) -> Act:
    if isinstance(one, Turn):
        return act
    where = f"in {one.state}{' while paused' if one.paused else ''}"
    return replace(act, note=where, refusals=one.refusals, sent=one.done)
