"""What goes into a decision and what comes out of it: frozen values, JSON-ready.

``Record`` is what a run recorded; ``Decision`` is what follows from it. Nothing here decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from pytest_metarelease.approvals.model import Approvals, Attestation, GivenSignOff, GivenWaiver
from pytest_metarelease.checklist import Scope
from pytest_metarelease.evidence import Judgement, Measurement
from pytest_metarelease.manifest.scalars import Severity, Stage
from pytest_metarelease.outcome import CheckResult


class Verdict(StrEnum):
    """The answer of the gate."""

    GO = "GO"
    HOLD = "HOLD"
    NO_GO = "NO-GO"
    ROLLBACK = "ROLLBACK"

    @property
    def rank(self) -> int:
        """Position in the order GO < HOLD < NO-GO < ROLLBACK; the worst of all wins."""
        return _RANK[self.value]

    @property
    def exit_code(self) -> int:
        """The exit code of the process: 0 GO, 21 HOLD, 1 NO-GO, 20 ROLLBACK."""
        return _EXIT_CODE[self.value]


_RANK = {"GO": 0, "HOLD": 1, "NO-GO": 2, "ROLLBACK": 3}
_EXIT_CODE = {"GO": 0, "HOLD": 21, "NO-GO": 1, "ROLLBACK": 20}


class State(StrEnum):
    """The state of a checklist item."""

    VERIFIED = "verified"
    CARRIED = "carried"
    WAIVED = "waived"
    SIGNED = "signed"
    DEFERRED = "deferred"
    NOT_APPLICABLE = "not applicable"
    NOT_VERIFIED = "not verified"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is as it is: a stable code, a sentence, and what to do next."""

    code: str
    text: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the run itself that weighs on the verdict, such as a collection error."""

    verdict: Verdict
    reason: Reason
    nodeid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identification:
    """What a service said of itself over several fresh connections, against the release."""

    subject: str
    judgement: Judgement
    expected: str
    actual: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What was judged: identities that pin the answer to one state of the world."""

    chain_id: int | None = None
    block_number: int | None = None
    block_hash: str | None = None
    code_hashes: Mapping[str, str] = field(default_factory=dict)
    api_versions: Mapping[str, str] = field(default_factory=dict)
    migration_heads: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One run that a record is made of: a single run has one, a combination one of each run.

    ``shard`` of ``shards`` says which slice of the locked checks it took on; both are None for a
    run over everything or over a selection of its own. ``expression`` and ``items`` are its scope.
    """

    run_id: str
    started_at: str
    finished_at: str
    expression: str
    items: tuple[str, ...]
    shard: int | None = None
    shards: int | None = None
    chain_id: int | None = None
    block_number: int | None = None
    block_hash: str | None = None

    @property
    def name(self) -> str:
        """``shard 1 of 3``, or the run id where it is none."""
        if self.shard is None:
            return f"run {self.run_id}"
        return f"shard {self.shard} of {self.shards}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Everything that one run recorded; the only input of a decision that comes from the run.

    Times are UTC, RFC 3339. ``bindings`` are the checks that claimed items in this session
    (node id -> item ids), which matters only for checks that the lock lacks. ``parts`` are the
    runs that it was made of, in the order of their shards. ``attestations`` are what accounts said
    on their chain of signatures that are not made by a key of their own.
    """

    run_id: str
    started_at: str
    finished_at: str
    finished: bool
    pytest_exit: int | None
    environment: str
    rehearsal: bool
    release_version: str
    release_commit: str
    manifest_digest: str
    lock_digest: str | None
    results: Mapping[str, CheckResult] = field(default_factory=dict)
    measurements: Mapping[str, Measurement] = field(default_factory=dict)
    bindings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    identifications: tuple[Identification, ...] = ()
    findings: tuple[Finding, ...] = ()
    attestations: tuple[Attestation, ...] = ()
    target: Target = field(default_factory=Target)
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenCarry:
    """A packet of another run from which items may be carried, as far as it could be read.

    ``problem`` says why there is no record. ``carried`` are the items that its own decision calls
    carried, which is all that is read of its conclusions.
    """

    folder: str
    record: Record | None = None
    carried: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDecision:
    """The state of one item in scope, every reason for it, its checks, and who vouches for it.

    ``fingerprint`` names what is, or was before a waiver, open at it; see ``gate.fingerprint``.
    """

    id: str
    title: str
    stage: Stage
    severity: Severity
    owner: str | None
    state: State
    verdict: Verdict
    reasons: tuple[Reason, ...]
    checks: tuple[CheckResult, ...]
    met: int
    fingerprint: str = ""
    waiver: GivenWaiver | None = None
    sign_offs: tuple[GivenSignOff, ...] = ()
    carried: GivenCarry | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerDecision:
    """How one trigger stands. ``low`` and ``high`` bound the rate, as shares."""

    id: str
    item: str | None
    measure: str
    state: Literal["ok", "breached", "inconclusive", "idle", "not measured"]
    text: str
    limit: float | None = None
    bad: int | None = None
    total: int | None = None
    low: float | None = None
    high: float | None = None
    undo: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackStep:
    """One step of the plan, in order. Readiness is *declared* until it is proven."""

    component: str
    run: tuple[str, ...]
    verify: tuple[str, ...]
    proposed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The verdict with everything that it follows from."""

    verdict: Verdict
    title: str
    state: Literal["finished", "unfinished"]
    record: Record
    release_name: str
    scope: Scope
    items: tuple[ItemDecision, ...]
    triggers: tuple[TriggerDecision, ...]
    rollback: tuple[RollbackStep, ...]
    unclaimed: tuple[CheckResult, ...]
    findings: tuple[Finding, ...]
    notes: tuple[Reason, ...]
    approvals: Approvals = field(default_factory=Approvals)

    @property
    def exit_code(self) -> int:
        """The exit code that the verdict asks for."""
        return self.verdict.exit_code
