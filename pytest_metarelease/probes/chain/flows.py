"""Flows of the manifest: deposit, confirm, release, refund, replay on a contract of our own.

Executed where access is transact, simulated where it is read-only. Refuses to touch the deployed
contract, or anybody's account but the declared spending one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_metarelease.errors import UndeclaredError
from pytest_metarelease.probes.chain.casting import Script, cast
from pytest_metarelease.probes.chain.directory import Directory
from pytest_metarelease.probes.chain.measuring import Asking
from pytest_metarelease.probes.chain.staging import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_metarelease.evidence import Measurement, Recorder
    from pytest_metarelease.manifest.model import Chain, TypedData
    from pytest_metarelease.manifest.trials import Flow
    from pytest_metarelease.probes.chain.companions import Part
    from pytest_metarelease.probes.chain.rpc import Rpc
    from pytest_metarelease.probes.chain.snapshot import Snapshot


class FlowProbe:
    """One declared flow. Subject of its measurements: ``contract:NAME`` of its contract.

    Every step is one judged measurement; the first step that is not as declared ends the flow.
    Texts in it: ``$ROLE`` is a role's address, ``$self`` the flow's own contract, ``$deployer`` who
    deployed it, ``$signature`` what the step's ``sign`` made, ``$NAME`` what stands beside it.
    ``parts`` has what is deployed, by the names under ``contracts``; ``kept`` says that its domain
    stays what it was through a fork of the chain, for a declared reason.
    """

    def __init__(
        self,
        name: str,
        flow: Flow,
        parts: Mapping[str, Part],
        *,
        chain: Chain,
        rpc: Rpc,
        snapshot: Snapshot,
        recorder: Recorder,
        typed_data: Mapping[str, TypedData],
        directory: Directory | None = None,
        kept: bool = False,
    ) -> None:
        self.name = name
        self._flow = flow
        self._parts = parts
        self._typed_data = typed_data
        asking = Asking(recorder, f"contract:{flow.contract}", f"in flow {name}")
        names = directory or Directory()
        self._stage = Stage(f"flows.{name}", chain, rpc, snapshot, asking, names, kept)

    def run(self) -> tuple[Measurement, ...]:
        """Run the flow and judge the deployment and each step.

        Raises:
            UsageError: The flow does not fit the artifact or the declared typed data.
            UnmetError: A step was not as declared.
            ForbiddenError: It would cost more than the cap; nothing was sent.
            UnsupportedError: Access is read-only and the node simulates no flows.
            ProbeError: No usable answer.
        """
        return self._stage.perform(self._script(self._flow))

    def forgeries(self) -> tuple[Measurement, ...]:
        """Run the flow with every forgery before each step that declares how they are refused.

        Raises:
            UndeclaredError: No step does.
            UsageError, UnmetError, ProbeError: As ``run``.
        """
        if not any(step.sign is not None and step.sign.forged for step in self._flow.steps):
            raise UndeclaredError(
                f"flows.{self.name}: no step says how forgeries of its signature are refused; "
                "declare `sign.forged`"
            )
        # Events are judged by the flow itself; a node that shows none can judge signatures.
        steps = tuple(replace(step, emits=()) for step in self._flow.steps)
        return self._stage.perform(self._script(replace(self._flow, steps=steps), forged=True))

    def _script(self, flow: Flow, *, forged: bool = False) -> Script:
        script = cast(flow, self._parts, self._typed_data, self._stage.directory, forged=forged)
        for act in script.acts:
            for event in act.step.emits:
                act.target.interface.event(event)
        return script
