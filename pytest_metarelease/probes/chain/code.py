"""Deployed code against the artifact: byte for byte, and what is filled in by its value.

Refuses to call anything equal that it did not compare: an immutable that depends on where and by
whom the contract was deployed is unknown, unless the manifest says so with a reason and an end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pytest_metarelease.errors import UndeclaredError, UnmetError, UsageError
from pytest_metarelease.probes.chain.abi import keccak
from pytest_metarelease.probes.chain.allowances import Allowed
from pytest_metarelease.probes.chain.bytecode import (
    Comparison,
    compare,
    differing,
    metadata_words,
    placeholders,
)
from pytest_metarelease.probes.chain.construction import Construction
from pytest_metarelease.probes.chain.immutables import judge_immutables
from pytest_metarelease.probes.chain.linking import own_address
from pytest_metarelease.probes.chain.location import function_at
from pytest_metarelease.probes.chain.measuring import Asking, Tally, now
from pytest_metarelease.probes.chain.minimal import read_minimal
from pytest_metarelease.probes.chain.provenance import provenance
from pytest_metarelease.probes.chain.quantities import payload
from pytest_metarelease.probes.chain.rpc import Ask, Rpc, settled
from pytest_metarelease.probes.chain.snapshot import Snapshot, read_pinned

if TYPE_CHECKING:
    from pytest_metarelease.evidence import Measurement
    from pytest_metarelease.manifest.model import Contract
    from pytest_metarelease.probes.chain.artifact import Artifact
    from pytest_metarelease.probes.chain.linking import Link
    from pytest_metarelease.probes.chain.spans import Span

_REDEPLOY = "find out who deployed this code, and verify or redeploy the release's artifact"
_DELEGATED = b"\xef\x01\x00"  # EIP-7702


@dataclass(frozen=True, slots=True)
class CodeReport:
    """What stands at the address. ``code_hash`` is Keccak-256, 0x hex (EIP-1052).

    ``metadata`` says whether the compiler's metadata is the artifact's, too. ``unchecked`` names
    immutables whose values depend on the deployment itself, as the manifest declares.
    """

    code_hash: str
    size: int
    unchecked: tuple[str, ...] = ()
    metadata: Literal["exact", "same-code", "none"] = "exact"


class CodeComparison:
    """The code of one declared contract.

    ``contracts`` are the addresses of all that the manifest declares, in lower case; where they are
    not known, whose code a library has is not asked.
    """

    def __init__(
        self,
        contract: Contract,
        artifact: Artifact,
        rpc: Rpc,
        snapshot: Snapshot,
        asking: Asking,
        contracts: frozenset[str] = frozenset(),
    ) -> None:
        self._contracts = contracts
        self._contract = contract
        self._artifact = artifact
        self._rpc = rpc
        self._snapshot = snapshot
        self._asking = asking
        self._expected = f"the code of {artifact.name} ({artifact.file})"

    def fetch(self) -> bytes:
        """Return the code at the address, which may be none."""
        ask = Ask("eth_getCode", (self._contract.address, self._snapshot.tag))
        answer = read_pinned(self._rpc, self._snapshot, [ask])[0]
        return payload(settled(answer, "eth_getCode"), "code")

    def compare(self, today: str | None = None) -> CodeReport:
        """Judge code, libraries and immutables, each as a measurement of its own.

        ``today`` is an ISO date, after which declared differences have expired.

        Raises:
            UsageError: `immutables` names one that the artifact does not have.
            UnmetError: No code, other code, a stale artifact, or another value.
            ProbeError: It could not be compared.
        """
        allowed = Allowed.of(self._contract.differences, today or now()[:10])
        deployed, seen = self._asking.ask(
            f"eth_getCode {self._contract.address}",
            self.fetch,
            show=lambda code: f"{len(code)} bytes, keccak {_hash(code)}",
            block=self._snapshot.number,
        )
        if not deployed:
            raise self._asking.unmet(
                seen,
                self._expected,
                "no code at this address",
                "check the address and the deployment",
            )
        self._check_names()
        tally = Tally()
        self._judge_artifact(tally)
        self._judge_expired(allowed, tally)
        report = CodeReport(_hash(deployed), len(deployed), metadata="none")
        try:
            if self._contract.proxy is not None and self._contract.proxy.kind == "minimal":
                self._judge_minimal(deployed, seen)
            else:
                report = self._judge(deployed, seen, allowed, tally)
        except UnmetError as problem:
            tally.failed(problem)
        tally.settle()
        return report

    def _judge(
        self, deployed: bytes, seen: Measurement, allowed: Allowed, tally: Tally
    ) -> CodeReport:
        if self._artifact.immutables is None:
            return self._judge_whole(deployed, allowed, tally)
        masked = self._masked(allowed)
        found = compare(self._artifact.runtime, deployed, masked)
        self._refuse(found, deployed, seen, allowed)
        words = f"{len(deployed)} bytes, equal outside immutables; metadata {found.metadata}"
        self._asking.met(seen, self._expected, words)
        self._judge_places(deployed, allowed, tally)
        construction = Construction(
            self._contract, self._artifact, self._rpc, self._snapshot, self._asking
        )
        unchecked = judge_immutables(construction, deployed, masked, allowed, tally)
        return CodeReport(_hash(deployed), len(deployed), unchecked, found.metadata)

    def _check_names(self) -> None:
        known = self._artifact.immutables or {}
        unknown = sorted(set(self._contract.immutables) - set(known))
        if unknown:
            listed = ", ".join(sorted(known)) or "none that its artifact names"
            missing = ", ".join(unknown)
            raise UsageError(
                f"{self._asking.subject}: immutables: it has no {missing}; it has {listed}"
            )

    def _masked(self, allowed: Allowed) -> list[Span]:
        artifact = self._artifact
        own = own_address(artifact.runtime)
        return [
            *(span for places in (artifact.immutables or {}).values() for span in places),
            *(span for link in artifact.links for span in link.spans),
            *([] if own is None else [own]),
            *(allowed.patches or {}),
        ]

    def _refuse(
        self, found: Comparison, deployed: bytes, seen: Measurement, allowed: Allowed
    ) -> None:
        """Raise where the code, or the metadata behind it, is not what it may be."""
        if deployed.startswith(_DELEGATED):
            target = "0x" + deployed[3:].hex()
            raise self._unmet(seen, f"an account that delegates to {target} (EIP-7702)")
        if found.body is not None:
            place = function_at(self._artifact, found.body.offset)
            raise self._unmet(seen, f"other code: {found.body}{f', {place}' if place else ''}")
        if found.why:
            raise self._unmet(seen, f"other code: {found.why}")
        if found.metadata == "same-code" and not allowed.metadata:
            raise self._asking.unmet(
                seen,
                f"{self._expected}, metadata {metadata_words(self._artifact.runtime)}",
                f"other code: the same code with other metadata: {metadata_words(deployed)}",
                "build the artifact from the sources that were deployed, or declare under "
                "`differences` {facet: metadata, reason: ..., expires: ...}",
            )

    def _judge_places(self, deployed: bytes, allowed: Allowed, tally: Tally) -> None:
        """Judge libraries, a library's own address, and declared bytes."""
        for link in self._artifact.links:
            found = {"0x" + deployed[one.start : one.end].hex() for one in link.spans}
            what = f"library {link.library} at {link.spans[0].start}"
            self._judge_place(what, found, link.address.lower(), tally)
            self._judge_declared(link, tally)
        own = own_address(self._artifact.runtime)
        if own is not None:
            found = {"0x" + deployed[own.start : own.end].hex()}
            self._judge_place("own address", found, self._contract.address.lower(), tally)
        for span, data in (allowed.patches or {}).items():
            found = {"0x" + deployed[span.start : span.end].hex()}
            self._judge_place(f"declared bytes at {span.start}", found, "0x" + data.hex(), tally)

    def _judge_declared(self, link: Link, tally: Tally) -> None:
        """Judge as unknown a library whose own code nothing declares, and so nothing compares."""
        if not self._contracts or link.address.lower() in self._contracts:
            return
        asked = f"library {link.library} at {link.address}"
        seen = self._asking.known(asked, "its code is not compared", block=self._snapshot.number)
        problem = UndeclaredError(
            f"{self._asking.subject}: {asked} is no declared contract, so that its code is not "
            f"compared; declare it under contracts and write `libraries: {{{link.library}: NAME}}`"
        )
        self._asking.unknown(seen, problem)
        tally.unclear(problem)

    def _judge_place(self, what: str, found: set[str], wanted: str, tally: Tally) -> None:
        shown = " / ".join(sorted(found))
        asked = f"{what} in the code of {self._contract.address}"
        seen = self._asking.known(asked, shown, block=self._snapshot.number)
        if found == {wanted}:
            self._asking.met(seen, f"{what} = {wanted}", shown)
        else:
            hint = "find out what stands there; link and deploy the release's artifact again"
            tally.failed(self._asking.unmet(seen, f"{what} = {wanted}", shown, hint))

    def _judge_whole(self, deployed: bytes, allowed: Allowed, tally: Tally) -> CodeReport:
        """Compare with the simulated code where the artifact does not say what is immutable."""
        construction = Construction(
            self._contract, self._artifact, self._rpc, self._snapshot, self._asking
        )
        code = construction.whole(deployed)
        seen = self._asking.known("simulated deployment", _hash(code), block=self._snapshot.number)
        own = own_address(self._artifact.runtime)
        masked = [*([] if own is None else [own]), *(allowed.patches or {})]
        found = compare(code, deployed, masked)
        end = len(deployed)
        if allowed.metadata and found.body is None and not found.why:
            end = min(len(code), len(deployed))
        zeros = {at for span in placeholders(self._artifact.runtime) for at in _range(span)}
        same_size = len(code) == len(deployed) == end
        if found.body is not None and same_size and zeros.issuperset(differing(code, deployed)):
            problem = UndeclaredError(
                f"{self._artifact.file}: it does not say where its immutables stand; use an "
                "artifact with immutableReferences (Foundry, Hardhat 3, or build-info beside it)"
            )
            self._asking.unknown(seen, problem)
            raise problem
        self._refuse(found, deployed, seen, allowed)
        self._asking.met(seen, self._expected, f"{len(deployed)} bytes, equal")
        self._judge_places(deployed, allowed, tally)
        return CodeReport(_hash(deployed), len(deployed), metadata=found.metadata)

    def _judge_minimal(self, deployed: bytes, seen: Measurement) -> None:
        found = read_minimal(deployed)
        if found is None:
            actual = f"other code: 0x{deployed[:48].hex()}"
            raise self._asking.unmet(seen, "the code of a minimal proxy", actual, _REDEPLOY)
        actual = f"a minimal proxy ({found.form}) to {found.implementation}"
        self._asking.met(seen, "the code of a minimal proxy", actual)

    def _judge_artifact(self, tally: Tally) -> None:
        """Judge whether the artifact is of the sources beside it and the declared compiler."""
        found = provenance(self._artifact, self._contract.compiler)
        seen = self._asking.known(f"sources and compiler of {self._artifact.file}", str(found))
        expected = f"{self._artifact.name} was built from the sources here, as declared"
        if found.stale:
            hint = "build the contracts again, and verify that build"
            tally.failed(self._asking.unmet(seen, expected, f"stale artifact: {found}", hint))
        elif found.compared:
            self._asking.met(seen, expected, str(found))

    def _judge_expired(self, allowed: Allowed, tally: Tally) -> None:
        for one in allowed.expired:
            seen = self._asking.known("declared differences", one)
            hint = "deploy the artifact as it is, or renew the difference with its reason"
            tally.failed(self._asking.unmet(seen, "no expired difference", one, hint))

    def _unmet(self, seen: Measurement, actual: str) -> UnmetError:
        return self._asking.unmet(seen, self._expected, actual, _REDEPLOY)


def _range(span: Span) -> range:
    return range(span.start, span.end)


def _hash(code: bytes) -> str:
    return "0x" + keccak(code).hex()
