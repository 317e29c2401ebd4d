"""A script on the stage: executed where access is transact, simulated where it is read-only.

Every act is judged; what was only tried in one place is one measurement. Refuses to go on after an
act that should have been done and was not.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from pytest_metarelease.errors import RefusedError, UnsupportedError
from pytest_metarelease.manifest.model import Chain
from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.probes.chain.casting import DEPLOYER
from pytest_metarelease.probes.chain.changes import Sent, beyond
from pytest_metarelease.probes.chain.directory import Directory
from pytest_metarelease.probes.chain.executing import Execution
from pytest_metarelease.probes.chain.guarding import Guard
from pytest_metarelease.probes.chain.hardships import Hardships
from pytest_metarelease.probes.chain.ignoring import tokens_in
from pytest_metarelease.probes.chain.measuring import Asking, Tally
from pytest_metarelease.probes.chain.performing import Performed, broken_promise, promise
from pytest_metarelease.probes.chain.rehearsing import rehearse
from pytest_metarelease.probes.chain.rpc import Rpc
from pytest_metarelease.probes.chain.simulating import simulate
from pytest_metarelease.probes.chain.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_metarelease.evidence import Measurement
    from pytest_metarelease.probes.chain.casting import Act, Script
    from pytest_metarelease.probes.chain.companions import Deployment


@dataclass(frozen=True, slots=True)
class Stage:
    """Where scripts are performed, and who records what came of it.

    ``name`` is where the manifest declares the script, as ``flows.escrow-lifecycle``; ``kept`` says
    that its domain is kept through forks of the chain, for a declared reason.
    """

    name: str
    chain: Chain
    rpc: Rpc
    snapshot: Snapshot
    asking: Asking
    directory: Directory = field(default_factory=Directory)
    kept: bool = False

    def perform(self, script: Script) -> tuple[Measurement, ...]:
        """Perform the script and judge the deployment and each act.

        Raises:
            UnmetError: An act was not as declared; what was tried beside it is named as well.
            ForbiddenError: It would cost more than the cap; nothing was sent.
            UnsupportedError: Access is read-only and the node can simulate no such script.
            ProbeError: No usable answer.
        """
        # Time passes nowhere but in a simulation.
        if self.rpc.access is Access.TRANSACT and not script.waits:
            return self._execute(script)
        return self._simulate(script)

    def _execute(self, script: Script) -> tuple[Measurement, ...]:
        seen = []
        tally = Tally()
        with Execution(self.rpc, self.chain, script, by_hash=self.snapshot.by_hash) as execution:
            guard = self._guard(script)
            deployer = script.addresses[DEPLOYER]
            for one in script.deployments:
                done, measurement = self.asking.ask(
                    _deployment(one), partial(execution.deploy, one)
                )
                seen.append(self._judge_deployment(one, done, measurement))
                with tally:
                    sent = self._sent(script, done, deployer, creates=one)
                    seen.append(self._judge_changes(guard, _deployment(one), sent))
            for acts in _scenes(script.acts):
                done_so_far = len(seen)
                with tally:
                    seen += self._play(execution, guard, script, acts)
                if acts[0].sent and len(seen) == done_so_far:
                    # What follows was declared for a contract on which this was done.
                    break
        tally.settle()
        return tuple(seen)

    def _play(
        self, execution: Execution, guard: Guard, script: Script, acts: Sequence[Act]
    ) -> list[Measurement]:
        """Do one act, or try several that belong together, and judge what came of it."""
        if not acts[0].sent:
            performed, measurement = self.asking.ask(
                _together(acts), partial(execution.try_all, acts), show=_shown
            )
            self._judge_tried(acts, performed, measurement)
            return [measurement]
        act = acts[0]
        hardships = Hardships(self.name, self.asking, execution)
        hardships.judge_again(act)
        if tokens_in(script, act):
            hardships.judge_ignored(act)
        if script.forged and not self.kept and act.step.sign and act.step.sign.forged:
            hardships.judge_forked(act)
        done, measurement = self.asking.ask(act.title, partial(execution.perform, act))
        judged = self._judge(act, done, measurement)
        sent = self._sent(script, done, act.sender, act)
        return [judged, self._judge_changes(guard, act.title, sent)]

    def _guard(self, script: Script) -> Guard:
        names = self.directory
        watched = [*names.contracts.values(), *names.safes.values(), *names.accounts.values()]
        code = [*names.contracts.values(), *names.safes.values()]
        beside = [one.address for one in script.deployments[:-1]]
        watched += [*script.addresses.values(), *beside]
        return Guard(self.rpc, watched, [*code, *beside])

    def _sent(
        self,
        script: Script,
        done: Performed,
        sender: str,
        act: Act | None = None,
        *,
        creates: Deployment | None = None,
    ) -> Sent:
        """Return a transaction of the flow, with what it may change."""
        return Sent(
            str(done.transaction),
            done.block or 0,
            sender,
            script.address if creates is None else creates.address,
            script.changes if act is None else act.changes,
            creates=creates is not None,
            may_create=act is not None and act.may_create,
        )

    def _judge_changes(self, guard: Guard, title: str, sent: Sent) -> Measurement:
        """Judge that a transaction of ours changed only what the manifest says it may."""
        (seen, recipient), measurement = self.asking.ask(
            f"what {title} changed ({sent.transaction})",
            lambda: (guard.look(sent), guard.recipient(sent)),
            show=lambda pair: str(pair[0]),
            block=sent.block,
        )
        expected = f"{title} changes nothing but what the manifest says it may"
        extra = beyond(seen, sent, recipient)
        if extra and not seen.alone:
            problem = RefusedError(
                f"{title}: {'; '.join(extra)} changed in a block with transactions of others, and "
                "the node does not tell whose change it was"
            )
            self.asking.unknown(measurement, problem, "use a node with debug_traceTransaction")
            raise problem
        if extra:
            raise self.asking.unmet(
                measurement,
                expected,
                f"{'; '.join(extra)} (by {seen.method})",
                f"find out why; where it must be so, declare it under `changes:` in {self.name}",
            )
        self.asking.met(measurement, expected, str(seen))
        return measurement

    def _simulate(self, script: Script) -> tuple[Measurement, ...]:
        (deployed, performed), measurement = self.asking.ask(
            f"simulated {' and '.join(map(_deployment, script.deployments))}",
            lambda: self._simulated(script),
            show=lambda pair: f"{pair[0][-1]}; {len(pair[1])} steps simulated",
            block=self.snapshot.number,
        )
        # After one that reverts there is no other.
        last = script.deployments[len(deployed) - 1]
        seen = [self._judge_deployment(last, deployed[-1], measurement)]
        results = iter(performed)
        tally = Tally()
        for acts in _scenes(script.acts):
            dones = [next(results) for _ in acts]
            if acts[0].sent:
                measurement = self.asking.known(acts[0].title, str(dones[0]), block=dones[0].block)
                with tally:
                    seen.append(self._judge(acts[0], dones[0], measurement))
                    continue
                break
            measurement = self.asking.known(
                _together(acts), _shown(dones), block=self.snapshot.number
            )
            with tally:
                self._judge_tried(acts, dones, measurement)
            seen.append(measurement)
        tally.settle()
        return tuple(seen)

    def _simulated(self, script: Script) -> tuple[list[Performed], list[Performed]]:
        """By ``eth_simulateV1``, which shows events and has accounts without code, or by overrides.

        Only the latter undoes what is tried: it is needed where something tried must succeed, and
        tells more where something tried is not refused, or nobody can say how it ended.
        """
        given = self.rpc, self.snapshot, script
        if any(not act.sent and not act.refusals for act in script.acts):
            return rehearse(*given)
        shows_events = any(act.sent and act.step.emits for act in script.acts)
        try:
            deployed, done = simulate(*given)
        except UnsupportedError as problem:
            if shows_events:
                raise UnsupportedError(
                    f"{problem}; eth_call shows no events, which this flow declares: use a node "
                    "that has eth_simulateV1 (geth, anvil, reth), or access: transact"
                ) from None
            return rehearse(*given)
        as_refused = all(
            act.sent or one.reverted is not None
            for act, one in zip(script.acts, done, strict=False)
        )
        if not as_refused and not shows_events:
            with suppress(UnsupportedError):
                return rehearse(*given)
        return deployed, done

    def _judge_deployment(
        self, one: Deployment, done: Performed, measurement: Measurement
    ) -> Measurement:
        expected = f"{one.interface.name} can be deployed with these constructor arguments"
        if done.reverted is not None or done.failed:
            raise self.asking.unmet(
                measurement, expected, str(done), f"correct `constructor:` of {self.name}"
            )
        self.asking.met(measurement, expected, str(done))
        return measurement

    def _judge(self, act: Act, done: Performed, measurement: Measurement) -> Measurement:
        problem = broken_promise(act, done)
        if problem is not None:
            raise self.asking.unmet(
                measurement,
                promise(act),
                problem,
                f"this step of {self.name} does not do what the manifest declares",
            )
        self.asking.met(measurement, promise(act), str(done))
        return measurement

    def _judge_tried(
        self,
        acts: Sequence[Act],
        performed: Sequence[Performed],
        measurement: Measurement,
    ) -> None:
        """Judge calls that were tried at one point: together where all are as declared."""
        pairs = list(zip(acts, performed, strict=True))
        problems = [(act, broken_promise(act, done)) for act, done in pairs]
        wrong = [
            (act, problem)
            for (act, problem), (_, done) in zip(problems, pairs, strict=True)
            if problem is not None and done.unknown is None
        ]
        unknown = [done.unknown for done in performed if done.unknown is not None]
        if wrong:
            expected = "; ".join(promise(act) for act, _ in wrong)
            actual = "; ".join(f"{act.title}: {problem}" for act, problem in wrong)
            raise self.asking.unmet(
                measurement,
                expected,
                actual,
                f"{len(wrong)} of {len(acts)} calls tried here in {self.name} are not as declared: "
                "do not let anybody pay in before it is known why",
            )
        if unknown:
            self.asking.unknown(measurement, unknown[0])
            raise type(unknown[0])("\n".join(dict.fromkeys(map(str, unknown))))
        told = Counter(promise(act) for act in acts)
        self.asking.met(measurement, "; ".join(told), _shown(performed))


def _scenes(acts: Sequence[Act]) -> Iterator[list[Act]]:
    """Yield acts that are done one by one, and together those that are only tried between them."""
    for sent, found in groupby(acts, key=lambda act: act.sent):
        if sent:
            yield from ([act] for act in found)
        else:
            yield list(found)


def _deployment(one: Deployment) -> str:
    return f"deployment of {one.interface.name} at {one.address}"


def _together(acts: Sequence[Act]) -> str:
    if len(acts) == 1:
        return acts[0].title
    return f"{len(acts)} calls tried together, from {acts[0].title} to {acts[-1].title}"


def _shown(performed: Sequence[Performed]) -> str:
    """Return how calls ended, each way once."""
    ends = Counter(str(one) for one in performed)
    return "; ".join(f"{end} ({times})" if times > 1 else end for end, times in ends.items())
