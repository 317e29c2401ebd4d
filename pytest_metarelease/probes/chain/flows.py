"""Flows of the manifest: deposit, confirm, release, refund, replay on a contract of our own.

Executed where access is transact, simulated where it is read-only. Refuses to touch the deployed
contract, or anybody's account but the declared spending one.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.probes.chain.casting import Act, Script, cast
from pytest_metarelease.probes.chain.executing import Execution
from pytest_metarelease.probes.chain.measuring import Asking
from pytest_metarelease.probes.chain.performing import Performed, broken_promise, promise
from pytest_metarelease.probes.chain.simulating import simulate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_metarelease.evidence import Measurement, Recorder
    from pytest_metarelease.manifest.model import Chain, Contract, Flow, TypedData
    from pytest_metarelease.probes.chain.artifact import Artifact
    from pytest_metarelease.probes.chain.rpc import Rpc
    from pytest_metarelease.probes.chain.snapshot import Snapshot


class FlowProbe:
    """One declared flow. Subject of its measurements: ``contract:NAME`` of its contract.

    Every step is one judged measurement; the first step that is not as declared ends the flow.
    Texts in it: ``$ROLE`` is a role's address, ``$self`` the flow's own contract, ``$deployer`` who
    deployed it, ``$signature`` what the step's ``sign`` made.
    """

    def __init__(
        self,
        name: str,
        flow: Flow,
        contract: Contract,
        artifact: Artifact,
        *,
        chain: Chain,
        rpc: Rpc,
        snapshot: Snapshot,
        recorder: Recorder,
        typed_data: Mapping[str, TypedData],
    ) -> None:
        self.name = name
        self._flow = flow
        self._contract = contract
        self._artifact = artifact
        self._interface = artifact.interface
        self._chain = chain
        self._rpc = rpc
        self._snapshot = snapshot
        self._typed_data = typed_data
        self._asking = Asking(recorder, f"contract:{flow.contract}", f"in flow {name}")

    def run(self) -> tuple[Measurement, ...]:
        """Run the flow and judge the deployment and each step.

        Raises:
            UsageError: The flow does not fit the artifact or the declared typed data.
            UnmetError: A step was not as declared.
            ForbiddenError: It would cost more than the cap; nothing was sent.
            UnsupportedError: Access is read-only and the node simulates no flows.
            ProbeError: No usable answer.
        """
        script = cast(
            self._flow,
            self._contract,
            self._interface,
            self._artifact.creation,
            self._typed_data,
        )
        for act in script.acts:
            for event in act.step.emits:
                self._interface.event(event)
        if self._rpc.access is Access.TRANSACT:
            return self._execute(script)
        return self._simulate(script)

    def _execute(self, script: Script) -> tuple[Measurement, ...]:
        seen = []
        with Execution(
            self._rpc, self._chain, script, self._interface, by_hash=self._snapshot.by_hash
        ) as execution:
            done, measurement = self._asking.ask(self._deployment(script), execution.deploy)
            seen.append(self._judge_deployment(done, measurement))
            for act in script.acts:
                done, measurement = self._asking.ask(act.title, partial(execution.perform, act))
                seen.append(self._judge(act, done, measurement, script))
        return tuple(seen)

    def _simulate(self, script: Script) -> tuple[Measurement, ...]:
        (deployment, performed), measurement = self._asking.ask(
            f"simulated {self._deployment(script)}",
            lambda: simulate(self._rpc, self._snapshot, script, self._interface),
            show=lambda pair: f"{pair[0]}; {len(pair[1])} steps simulated",
            block=self._snapshot.number,
        )
        seen = [self._judge_deployment(deployment, measurement)]
        for act, done in zip(script.acts, performed, strict=True):
            measurement = self._asking.known(act.title, str(done), block=done.block)
            seen.append(self._judge(act, done, measurement, script))
        return tuple(seen)

    def _deployment(self, script: Script) -> str:
        return f"deployment of {self._artifact.name} at {script.address}"

    def _judge_deployment(self, done: Performed, measurement: Measurement) -> Measurement:
        expected = f"{self._artifact.name} can be deployed with the flow's constructor arguments"
        if done.reverted is not None or done.failed:
            raise self._asking.unmet(
                measurement, expected, str(done), "correct the flow's `constructor:`"
            )
        self._asking.met(measurement, expected, str(done))
        return measurement

    def _judge(
        self, act: Act, done: Performed, measurement: Measurement, script: Script
    ) -> Measurement:
        problem = broken_promise(act, done, self._interface, script.address)
        if problem is not None:
            raise self._asking.unmet(
                measurement,
                promise(act),
                problem,
                f"this step of flows.{self.name} does not do what the manifest declares",
            )
        self._asking.met(measurement, promise(act), str(done))
        return measurement
