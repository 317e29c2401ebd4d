"""Deployed code against the artifact: byte for byte, and immutables by their values.

Refuses to call anything equal that it did not compare: an immutable that depends on where and by
whom the contract was deployed is reported as unchecked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from pytest_metarelease.errors import MalformedError, UndeclaredError, UnsupportedError
from pytest_metarelease.probes.chain.abi import keccak
from pytest_metarelease.probes.chain.bytecode import (
    difference,
    differing,
    metadata_start,
    placeholders,
)
from pytest_metarelease.probes.chain.codec import encode
from pytest_metarelease.probes.chain.measuring import Asking, Tally
from pytest_metarelease.probes.chain.quantities import payload
from pytest_metarelease.probes.chain.revert import RevertedError
from pytest_metarelease.probes.chain.rpc import Ask, Rpc, settled
from pytest_metarelease.probes.chain.simulation import Simulation
from pytest_metarelease.probes.chain.snapshot import Snapshot, read_pinned

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_metarelease.manifest.model import Contract
    from pytest_metarelease.probes.chain.artifact import Artifact, Span

Metadata: TypeAlias = Literal["exact", "ignored"]

_REDEPLOY = "find out who deployed this code, and verify or redeploy the release's artifact"


@dataclass(frozen=True, slots=True)
class CodeReport:
    """What stands at the address. ``code_hash`` is Keccak-256, 0x hex (EIP-1052).

    ``unchecked`` names immutables whose values depend on the deployment itself.
    """

    code_hash: str
    size: int
    unchecked: tuple[str, ...] = ()


class CodeComparison:
    """The code of one declared contract."""

    def __init__(
        self, contract: Contract, artifact: Artifact, rpc: Rpc, snapshot: Snapshot, asking: Asking
    ) -> None:
        self._contract = contract
        self._artifact = artifact
        self._rpc = rpc
        self._snapshot = snapshot
        self._asking = asking

    def fetch(self) -> bytes:
        """Return the code at the address, which may be none."""
        ask = Ask("eth_getCode", (self._contract.address, self._snapshot.tag))
        answer = read_pinned(self._rpc, self._snapshot, [ask])[0]
        return payload(settled(answer, "eth_getCode"), "code")

    def compare(self, metadata: Metadata = "exact") -> CodeReport:
        """Judge code and immutables, each as a measurement of its own.

        ``metadata="ignored"`` leaves out the CBOR tail, which says where sources and settings are
        published and does nothing.

        Raises:
            UnmetError: No code, other code, or an immutable with another value.
            ProbeError: It could not be compared.
        """
        deployed, seen = self._asking.ask(
            f"eth_getCode {self._contract.address}",
            self.fetch,
            show=lambda code: f"{len(code)} bytes, keccak {_hash(code)}",
            block=self._snapshot.number,
        )
        expected = f"the code of {self._artifact.name} ({self._artifact.file})"
        if not deployed:
            raise self._asking.unmet(
                seen, expected, "no code at this address", "check the address and the deployment"
            )
        if self._artifact.immutables is None:
            return self._compare_whole(deployed, metadata)
        spans = [one for places in self._artifact.immutables.values() for one in places]
        template, code = self._artifact.runtime, deployed
        if metadata == "ignored":
            template = template[: metadata_start(template)]
            code = code[: metadata_start(code)]
        found = difference(template, code, spans)
        if found is not None:
            raise self._asking.unmet(seen, expected, f"other code: {found}", _REDEPLOY)
        self._asking.met(seen, expected, f"{len(code)} bytes, equal outside immutables")
        unchecked = self._immutables(deployed, self._artifact.immutables)
        return CodeReport(_hash(deployed), len(deployed), unchecked)

    def _immutables(
        self, deployed: bytes, places: Mapping[str, tuple[Span, ...]]
    ) -> tuple[str, ...]:
        if not places:
            return ()
        simulation = self._simulation()
        code = self._simulated(simulation)
        at_address = other = None
        if code != deployed:
            at_address = _fitting(simulation.at(self._contract.address), deployed)
            other = _fitting(simulation.elsewhere(), deployed)
        tally, unchecked = Tally(), []
        for name, spans in places.items():
            actual, wanted = _values(deployed, spans), _values(code, spans)
            if at_address is not None and actual == _values(at_address, spans):
                wanted = actual
            moved = None if other is None else _values(other, spans) != _values(code, spans)
            if actual != wanted and moved:
                unchecked.append(name)
            self._judge_immutable(name, actual, wanted, moved, tally)
        tally.settle()
        return tuple(unchecked)

    def _judge_immutable(
        self,
        name: str,
        actual: Sequence[bytes],
        wanted: Sequence[bytes],
        moved: bool | None,  # noqa: FBT001 - whether it depends on the deployment, None: unknown
        tally: Tally,
    ) -> None:
        shown, expected = _words(actual), f"immutable {name} = {_words(wanted)}"
        asked = f"immutable {name} of {self._contract.address}"
        note = " (unchecked: depends on the deployment)" if actual != wanted and moved else ""
        seen = self._asking.known(asked, shown + note, block=self._snapshot.number)
        if actual == wanted:
            self._asking.met(seen, expected, shown)
        elif moved is None:
            problem = UnsupportedError(f"{asked}: the node simulates one deployment and no second")
            self._asking.unknown(seen, problem)
            tally.unclear(problem)
        elif not moved:
            hint = "the contract was deployed with other constructor arguments"
            tally.failed(self._asking.unmet(seen, expected, shown, hint))

    def _compare_whole(self, deployed: bytes, metadata: Metadata) -> CodeReport:
        """Compare with the simulated code where the artifact does not say what is immutable."""
        report = CodeReport(_hash(deployed), len(deployed))
        end = metadata_start(deployed) if metadata == "ignored" else len(deployed)
        simulation = self._simulation()
        code = self._simulated(simulation)
        if len(code) == len(deployed) and code[:end] != deployed[:end]:
            code = _fitting(simulation.at(self._contract.address), deployed) or code
        expected = f"the code of {self._artifact.name} ({self._artifact.file})"
        seen = self._asking.known("simulated deployment", _hash(code), block=self._snapshot.number)
        found = difference(code[:end], deployed[:end])
        if found is None:
            self._asking.met(seen, expected, f"{len(deployed)} bytes, equal")
            return report
        zeros = {at for span in placeholders(self._artifact.runtime) for at in _range(span)}
        if len(code) == len(deployed) and zeros.issuperset(differing(code[:end], deployed[:end])):
            problem = UndeclaredError(
                f"{self._artifact.file}: it does not say where its immutables stand; use an "
                "artifact with immutableReferences (Foundry, Hardhat 3, or build-info beside it)"
            )
            self._asking.unknown(seen, problem)
            raise problem
        raise self._asking.unmet(seen, expected, f"other code: {found}", _REDEPLOY)

    def _simulation(self) -> Simulation:
        constructor = self._artifact.interface.constructor
        if constructor.inputs and not self._contract.constructor:
            names = ", ".join(f"{one.type} {one.name}" for one in constructor.inputs)
            problem = UndeclaredError(
                f"{self._asking.subject}: immutables are not compared: the manifest declares no "
                f"`constructor:` arguments ({names})"
            )
            self._asking.unknown(self._asking.known("constructor", "not declared"), problem)
            raise problem
        arguments = encode(constructor, self._contract.constructor)
        return Simulation(self._rpc, self._snapshot, self._artifact.creation + arguments)

    def _simulated(self, simulation: Simulation) -> bytes:
        def run() -> bytes:
            try:
                code = simulation.anywhere()
            except RevertedError as problem:
                raise UndeclaredError(
                    f"the constructor cannot be simulated with the declared arguments: {problem}"
                ) from None
            if len(code) != len(self._artifact.runtime):
                raise MalformedError(
                    f"the simulated deployment gave {len(code)} bytes, "
                    f"the artifact has {len(self._artifact.runtime)}"
                )
            return code

        code, _ = self._asking.ask(
            f"eth_call constructor of {self._artifact.name}",
            run,
            show=lambda code: f"{len(code)} bytes",
            block=self._snapshot.number,
        )
        return code


def _values(code: bytes, spans: Sequence[Span]) -> list[bytes]:
    return [code[one.start : one.end] for one in spans]


def _words(values: Sequence[bytes]) -> str:
    """Show the value of an immutable; more than one only where its places disagree."""
    return " / ".join(dict.fromkeys("0x" + one.hex() for one in values))


def _fitting(code: bytes | None, deployed: bytes) -> bytes | None:
    return code if code is not None and len(code) == len(deployed) else None


def _range(span: Span) -> range:
    return range(span.start, span.end)


def _hash(code: bytes) -> str:
    return "0x" + keccak(code).hex()
