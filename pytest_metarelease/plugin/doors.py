"""Probes made from the resolved manifest: HTTP, chain and SQL, each opened when first asked for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import NotReadyError, ProbeError, UsageError
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.plugin.activation import suggestion
from pytest_metarelease.plugin.target import Seen
from pytest_metarelease.probes.hosts import Hosts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_metarelease.evidence import Recorder
    from pytest_metarelease.manifest.model import Contract, Environment, Health, Release, Service
    from pytest_metarelease.manifest.trials import Flow, Machine
    from pytest_metarelease.plugin.target import Target
    from pytest_metarelease.probes.api.conformance import Conformance
    from pytest_metarelease.probes.chain.abi import Interface
    from pytest_metarelease.probes.chain.artifact import Artifact
    from pytest_metarelease.probes.chain.chain import ChainProbe
    from pytest_metarelease.probes.chain.companions import Part
    from pytest_metarelease.probes.chain.contracts import ContractProbe
    from pytest_metarelease.probes.chain.domains import DomainProbe
    from pytest_metarelease.probes.chain.flows import FlowProbe
    from pytest_metarelease.probes.chain.machines import MachineProbe
    from pytest_metarelease.probes.chain.node import NodeProbe
    from pytest_metarelease.probes.chain.rpc import Rpc
    from pytest_metarelease.probes.chain.safes import SafeProbe
    from pytest_metarelease.probes.chain.traffic import Traffic
    from pytest_metarelease.probes.http import HttpProbe
    from pytest_metarelease.probes.load_sample import LoadSample
    from pytest_metarelease.probes.sourcify import ExplorerProbe
    from pytest_metarelease.probes.sql import DatabaseProbe


def pick(name: str | None, declared: Iterable[str], kind: str, usual: str = "") -> str:
    """Return ``name``, or where none is given the usual or the only declared one.

    Raises:
        UsageError: There is none, or several and none is the usual one.
    """
    names = sorted(declared)
    if name is None and usual in names:
        return usual
    if name is None and len(names) == 1:
        return names[0]
    if name is None:
        raise UsageError(f"the manifest declares {len(names)} of {kind}; say which: {names}")
    if name not in names:
        raise UsageError(f"the manifest declares no {kind} {name!r}" + suggestion(name, names))
    return name


def service_probe(name: str, environment: Environment, recorder: Recorder) -> HttpProbe:
    """Return a probe of a declared service, under the rules of its environment."""
    from pytest_metarelease.probes.http import HttpProbe

    service = environment.services[name]
    return HttpProbe(
        f"service:{name}",
        service.url,
        recorder=recorder,
        hosts=Hosts.of(environment),
        access=environment.access,
        safe=[
            (endpoint.method, endpoint.target)
            for endpoint in service.endpoints.values()
            if endpoint.safe_probe
        ],
        writing=_writing(service),
        timeout=service.timeout,
        credentials={
            key: (credential.header, credential.value)
            for key, credential in environment.credentials.items()
        },
        may_be_cached=service.page is not None,
        patience=service.patience or 0.0,
    )


def _writing(service: Service) -> list[str]:
    """Return paths at which no method is sent on read-only: those of what is declared to write.

    A list that is read by GET stands at the path where POST adds to it; where the manifest declares
    that GET as well, and not that it writes, the path may be read.
    """
    from pytest_metarelease.probes.wire import SAFE_METHODS

    endpoints = service.endpoints.values()
    read = {one.target for one in endpoints if one.method in SAFE_METHODS and not one.writes}
    written = {one.target for one in endpoints if one.method in SAFE_METHODS and one.writes}
    return [one.target for one in endpoints if one.writes and one.target not in read - written]


class HttpDoor:
    """Probes of services and external dependencies, one of each per process."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._probes: dict[str, HttpProbe] = {}
        self._samples: dict[str, LoadSample] = {}

    def service(self, name: str | None = None, *, ready: bool = True) -> HttpProbe:
        """Return the probe of a declared service; refuse one that never became healthy."""
        environment = self._target.environment
        chosen = pick(name, environment.services, "service", usual="api")
        readiness = self._target.prepared.readiness.get(chosen)
        if ready and readiness is not None and not readiness.met:
            _refuse(chosen, environment.services[chosen].health, readiness)
        if f"service:{chosen}" not in self._probes:
            self._probes[f"service:{chosen}"] = service_probe(
                chosen, environment, self._target.recorder
            )
        return self._probes[f"service:{chosen}"]

    def external(self, name: str) -> HttpProbe:
        """Return the probe of a declared external dependency."""
        from pytest_metarelease.probes.http import HttpProbe

        environment = self._target.environment
        chosen = pick(name, environment.external, "external dependency")
        declared = environment.external[chosen]
        if f"external:{chosen}" not in self._probes:
            self._probes[f"external:{chosen}"] = HttpProbe(
                f"external:{chosen}",
                declared.url,
                recorder=self._target.recorder,
                hosts=Hosts.of(environment),
                timeout=declared.timeout,
                headers=declared.headers,
                may_be_cached=True,
            )
        return self._probes[f"external:{chosen}"]

    def conformance(self, name: str, python: str) -> Conformance:
        """Return how a service and its description agree; ``python`` has schemathesis."""
        from pytest_metarelease.probes.api.conformance import try_conformance

        environment = self._target.environment
        return try_conformance(
            self.service(name),
            environment.services[name],
            environment.access,
            root=self._target.run.root,
            python=python,
        )

    def load(self, name: str | None = None) -> LoadSample:
        """Return the load sample of a service, taken once per run."""
        from pytest_metarelease.plugin.sampling import shared_sample

        environment = self._target.environment
        sampled = [key for key, one in environment.services.items() if one.sampling is not None]
        chosen = pick(name, sampled, "sampled service", usual="api")
        self.service(chosen)
        if chosen not in self._samples:
            self._samples[chosen] = shared_sample(chosen, self._target)
        return self._samples[chosen]

    def close(self) -> None:
        """Close all connections."""
        for probe in self._probes.values():
            probe.close()


class ChainDoor:
    """The declared chain and its contracts, pinned to the run's block."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._chain: ChainProbe | None = None
        self._contracts: Mapping[str, ContractProbe] | None = None
        self._traffic: dict[str, Traffic] = {}
        self._nodes: dict[str, Rpc] = {}

    def chain(self) -> ChainProbe:
        """Return the probe of the chain.

        Raises:
            ProbeError: No block could be pinned when the run started.
        """
        if self._chain is None:
            from pytest_metarelease.probes.chain.chain import ChainProbe
            from pytest_metarelease.probes.chain.purse import Purse
            from pytest_metarelease.probes.chain.rpc import connect
            from pytest_metarelease.probes.chain.snapshot import Snapshot

            declared = self._target.environment.chain
            prepared = self._target.prepared
            if declared is None or prepared.snapshot is None:
                raise ProbeError(f"the chain was not asked: {prepared.snapshot_error}")
            # One for all flows and all workers of the run.
            purse = Purse(declared.spending_cap, self._target.run.shared / "spending.wei")
            self._chain = ChainProbe(
                declared,
                connect(declared, self._target.environment.access, purse=purse),
                Snapshot.from_json(prepared.snapshot),
                self._target.recorder,
            )
        return self._chain

    def contracts(self) -> Mapping[str, ContractProbe]:
        """Return the declared contracts, their state fetched in one batch."""
        if self._contracts is None:
            from pytest_metarelease.probes.chain.declared import declared_contracts
            from pytest_metarelease.probes.chain.state import prefetch

            chain, target = self.chain(), self._target
            found = declared_contracts(
                target.environment,
                target.run.root,
                target.artifact,
                chain.rpc,
                chain.snapshot,
                target.recorder,
            )
            prefetch(list(found.values()))
            self._contracts = found
        return self._contracts

    def traffic(self, name: str) -> Traffic:
        """Return how a declared contract is used, its window of blocks scanned once per process."""
        from pytest_metarelease.probes.chain.traffic import Traffic

        contracts = self.contracts()
        chosen = pick(name, contracts, "contract")
        if chosen not in self._traffic:
            self._traffic[chosen] = Traffic(contracts[chosen], self.chain().declared.failures)
        return self._traffic[chosen]

    def node(self, name: str) -> NodeProbe:
        """Return the probe of a declared node, ``rpc`` or ``second_rpc``, pinned to no block."""
        from pytest_metarelease.manifest.scalars import Access
        from pytest_metarelease.probes.chain.node import NodeProbe
        from pytest_metarelease.probes.chain.rpc import connect

        declared = self._target.environment.chain
        if declared is None:
            raise UsageError("the manifest declares no chain")
        if name not in self._nodes:
            second = pick(name, ("rpc", "second_rpc"), "node") == "second_rpc"
            self._nodes[name] = connect(declared, Access.READ_ONLY, second=second)
        return NodeProbe(declared, self._nodes[name], self._target.recorder)

    def safe(self, name: str) -> SafeProbe:
        """Return the probe of a declared Safe."""
        from pytest_metarelease.probes.chain.safes import SafeProbe

        chain, safes = self.chain(), self._target.environment.safes
        declared = safes[pick(name, safes, "safe")]
        return SafeProbe(name, declared, chain.rpc, chain.snapshot, self._target.recorder)

    def flow(self, name: str) -> FlowProbe:
        """Return a declared flow, ready to run."""
        from pytest_metarelease.probes.chain.flows import FlowProbe

        flows = self._target.environment.flows
        flow = flows[pick(name, flows, "flow")]
        kept = any(
            one.kept is not None and flow.contract in one.contracts
            for one in self._target.environment.domains.values()
        )
        return FlowProbe(name, flow, self._parts(flow), kept=kept, **self._stage())

    def machine(self, name: str) -> MachineProbe:
        """Return a declared state machine, ready to be tried."""
        from pytest_metarelease.probes.chain.machines import MachineProbe

        machines = self._target.environment.machines
        machine = machines[pick(name, machines, "state machine")]
        return MachineProbe(name, machine, self._parts(machine), **self._stage())

    def domain(self, name: str) -> DomainProbe:
        """Return a declared EIP-712 domain."""
        from pytest_metarelease.probes.chain.domains import DomainProbe

        environment = self._target.environment
        declared = environment.domains[pick(name, environment.domains, "domain")]
        shown = [
            key
            for key, flow in environment.flows.items()
            if flow.contract in declared.contracts
            for step in flow.steps
            if step.sign is not None
            and step.sign.forged is not None
            and step.sign.typed_data == declared.typed_data
        ]
        typed_data = environment.typed_data[declared.typed_data]
        return DomainProbe(name, declared, typed_data, self.contracts(), shown)

    def _parts(self, declared: Flow | Machine) -> dict[str, Part]:
        """Return the contracts that are deployed anew for a flow, as the manifest has them."""
        from pytest_metarelease.probes.chain.companions import Part

        beside = [one.contract for one in declared.beside.values() if one.contract is not None]
        names = {declared.contract, *beside}
        return {name: Part(*self._own(name), self._behind(name)) for name in names}

    def _own(self, name: str) -> tuple[Contract, Artifact]:
        from pytest_metarelease.probes.chain.artifact import load

        contract = self._target.environment.contracts[name]
        return contract, load(self._target.artifact(contract), self._target.libraries(contract))

    def _behind(self, name: str) -> Interface | None:
        """Return the functions of what stands behind a proxy."""
        proxy = self._target.environment.contracts[name].proxy
        return None if proxy is None else self._own(proxy.implementation)[1].interface

    def _stage(self) -> dict[str, Any]:
        from pytest_metarelease.probes.chain.directory import Directory

        chain, environment = self.chain(), self._target.environment
        return {
            "chain": chain.declared,
            "rpc": chain.rpc,
            "snapshot": chain.snapshot,
            "recorder": self._target.recorder,
            "typed_data": environment.typed_data,
            "directory": Directory.of(environment, {}),
        }

    def explorer(self, name: str) -> ExplorerProbe:
        """Return the declared explorer, to be asked about one contract."""
        from pytest_metarelease.probes.sourcify import ExplorerProbe

        environment = self._target.environment
        contract = environment.contracts[pick(name, environment.contracts, "contract")]
        if environment.explorer is None or environment.chain is None:
            raise UsageError("the manifest declares no explorer or no chain")
        return ExplorerProbe(
            name,
            contract.address,
            environment.chain.id,
            environment.explorer,
            recorder=self._target.recorder,
            hosts=Hosts.of(environment),
        )

    def w3(self) -> Any:
        """Return a ``web3.Web3`` on the declared chain."""
        from pytest_metarelease.probes.chain.web3_door import make_w3

        chain = self.chain()
        return make_w3(chain.declared, chain.access, chain.rpc.purse)

    def close(self) -> None:
        """Close the connections."""
        if self._chain is not None:
            self._chain.rpc.close()
        for rpc in self._nodes.values():
            rpc.close()


class SqlDoor:
    """Read-only probes of the declared databases."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._probes: dict[str, DatabaseProbe] = {}

    def database(self, name: str | None = None) -> DatabaseProbe:
        """Return the probe of a declared database."""
        from pytest_metarelease.probes.sql import DatabaseProbe

        declared = self._target.environment.databases
        chosen = pick(name, declared, "database")
        if chosen not in self._probes:
            self._probes[chosen] = DatabaseProbe(
                chosen, declared[chosen], recorder=self._target.recorder
            )
        return self._probes[chosen]

    def close(self) -> None:
        """Close all connections."""
        for probe in self._probes.values():
            probe.close()


def _refuse(name: str, health: Health | None, readiness: Seen) -> None:
    """Refuse a service that never became healthy, unless it answers and may be asked all the same.

    Raises:
        NotReadyError: It may not, or it does not answer.
    """
    answers = readiness.judgement is Judgement.UNMET
    if answers and health is not None and health.unhealthy == "go-on":
        return
    hint = "; write `health: {unhealthy: go-on}` to ask it all the same" if answers else ""
    raise NotReadyError(f"{name} was not asked: {readiness.actual}{hint}")


def readiness_of(name: str, environment: Environment, recorder: Recorder, started: float) -> Seen:
    """Wait until a service is healthy, at the longest its declared time since ``started``.

    The wait ends before that where a part that was healthy is measurably down.
    """
    from pytest_metarelease.probes.fallen import FallenPart
    from pytest_metarelease.probes.readiness import wait_until_healthy
    from pytest_metarelease.probes.sql import DatabaseProbe

    health = environment.services[name].health
    if health is None:
        raise UsageError(f"service {name} declares no health")
    # Others may have been waited for meanwhile; one whole answer is awaited in any case.
    least = min(environment.services[name].timeout, health.within)
    left = max(health.within - (time.monotonic() - started), least)
    probe = service_probe(name, environment, recorder)
    databases = {
        key: DatabaseProbe(key, one, recorder=recorder)
        for key, one in environment.databases.items()
    }
    try:
        fallen = FallenPart(health.agrees, databases, f"service:{name}")
        seen = wait_until_healthy(probe, health, left, give_up=fallen)
    finally:
        probe.close()
        for one in databases.values():
            one.close()
    return Seen(
        subject=f"service:{name}",
        judgement=seen.judgement,
        expected=f"healthy within {health.within:g} s",
        actual=seen.text,
        measurement=seen.measurement,
    )


def identity_of(name: str, environment: Environment, release: Release, recorder: Recorder) -> Seen:
    """Ask a service over several fresh connections which release it is."""
    from pytest_metarelease.probes.identity import identify

    declared = environment.services[name].identity
    if declared is None:
        raise UsageError(f"service {name} declares no identity")
    probe = service_probe(name, environment, recorder)
    try:
        seen = identify(probe, declared, release.version, release.commit)
    finally:
        probe.close()
    return Seen(
        subject=f"service:{name}",
        judgement=seen.judgement,
        expected=seen.expected,
        actual=seen.actual,
        measurement=seen.measurement,
    )


def pin_chain(environment: Environment, recorder: Recorder, at: str = "") -> dict[str, Any]:
    """Return the block that all chain reads of the run refer to, JSON-ready; ``at`` is its hash.

    Raises:
        ProbeError: Another chain, no such block, or no answer.
    """
    from pytest_metarelease.probes.chain.measuring import Asking
    from pytest_metarelease.probes.chain.rpc import connect
    from pytest_metarelease.probes.chain.snapshot import pin

    chain = environment.chain
    if chain is None:
        raise UsageError("the manifest declares no chain")
    rpc = connect(chain, environment.access)
    try:
        snapshot, _measurement = Asking(recorder, "chain").ask(
            "the block to read from", lambda: pin(rpc, chain, at), show=lambda found: found.where
        )
    finally:
        rpc.close()
    found: dict[str, Any] = snapshot.to_json()
    return found


def recheck_chain(environment: Environment, snapshot: Mapping[str, Any]) -> None:
    """Ask after the last read whether the chain still has the block that was read from.

    Raises:
        WrongTargetError: It was reorganised, or another chain answers.
        ProbeError: No answer.
    """
    from pytest_metarelease.probes.chain.rpc import connect
    from pytest_metarelease.probes.chain.snapshot import Snapshot, recheck

    if environment.chain is None:
        return
    rpc = connect(environment.chain, environment.access)
    try:
        recheck(rpc, Snapshot.from_json(snapshot))
    finally:
        rpc.close()
