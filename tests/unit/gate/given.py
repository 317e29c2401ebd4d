"""Small releases for tests of the gate: healthy until a test says what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

from pytest_metarelease.approvals.model import Approvals
from pytest_metarelease.checklist import Checklist, Lock, LockedItem, Scope, item_digest
from pytest_metarelease.evidence import Citation, Judgement, Measurement, Sample
from pytest_metarelease.gate import decide
from pytest_metarelease.gate.values import (
    Decision,
    Finding,
    GivenCarry,
    Identification,
    ItemDecision,
    Record,
)
from pytest_metarelease.manifest.model import Component, Declared, Item, Manifest, Release, Trigger
from pytest_metarelease.manifest.scalars import Access, Address, Severity, Stage
from pytest_metarelease.outcome import CheckResult, Outcome

NOW = "2026-11-23T12:00:00Z"
ENVIRONMENT = "staging"
ELSEWHERE = "preview"


def item(name: str = "post.health", **changes: Any) -> Item:
    """An item of post_deploy, P0, that needs nothing but one check."""
    whole: dict[str, Any] = {
        "title": f"{name} is well",
        "stage": Stage.POST_DEPLOY,
        "severity": Severity.P0,
    }
    return Item(id=name, **(whole | changes))


def check_of(name: str) -> str:
    """The node id of the check that the lock has of an item."""
    return f"test_{name.replace('.', '_')}.py::test_it"


def cited(
    number: int | str,
    judgement: Judgement = Judgement.MET,
    subject: str = "service:api",
    **more: Any,
) -> Citation:
    return Citation(f"m-{number}", subject, judgement, **more)


def result(nodeid: str, outcome: Outcome = Outcome.PASSED, code: str = "", **more: Any) -> Any:
    """A result of one attempt; a passed one counts as one pass."""
    codes = {Outcome.PASSED: "passed", Outcome.NOT_RUN: "check-not-run"}
    code = code or codes.get(outcome, f"check-{outcome.value}")
    passes = {"passes": 1} if outcome is Outcome.PASSED else {}
    return CheckResult(nodeid=nodeid, outcome=outcome, code=code, **(passes | more))


def passed(nodeid: str, *citations: Citation) -> CheckResult:
    found: CheckResult = result(nodeid, citations=citations or (cited(nodeid),))
    return found


@dataclass
class Given:
    """A release and its run; tests change what they are about and ask for the decision."""

    items: tuple[Item, ...] = (item(),)
    triggers: tuple[Trigger, ...] = ()
    rollback: dict[str, Component] = field(default_factory=dict)
    identities: tuple[str, ...] = ()
    sandbox: bool = False
    scope: Scope | None = None
    lock: Lock | None = None
    results: dict[str, CheckResult] = field(default_factory=dict)
    bindings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    samples: dict[str, Sample] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    identifications: tuple[Identification, ...] = ()
    findings: tuple[Finding, ...] = ()
    record: dict[str, Any] = field(default_factory=dict)
    approvals: Approvals = field(default_factory=Approvals)
    signers: dict[str, Address] = field(default_factory=dict)
    revoked: tuple[str, ...] = ()
    carries: tuple[GivenCarry, ...] = ()
    elsewhere: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.results:
            self.results = {check_of(one.id): passed(check_of(one.id)) for one in self.items}

    def put(self, *results: CheckResult) -> Given:
        """Replace or add results."""
        self.results.update({one.nodeid: one for one in results})
        return self

    def manifest(self) -> Manifest:
        names: dict[str, Any] = {one.name: () for one in fields(Declared)}
        names |= {"name": ENVIRONMENT, "sandbox": self.sandbox, "access": Access.READ_ONLY}
        return Manifest(
            file="verification/release.yaml",
            digest="manifest-digest",
            release=Release(name="Meta", version="2.0.0", commit="c" * 40),
            default_environment=None,
            environments={
                ENVIRONMENT: Declared(**(names | {"identities": self.identities})),
                ELSEWHERE: Declared(**(names | {"name": ELSEWHERE} | self.elsewhere)),
            },
            checklist=self.items,
            triggers=self.triggers,
            rollback=self.rollback,
            signers=self.signers,
            revoked_signers=self.revoked,
        )

    def locked(self) -> Lock:
        locked = {
            one.id: LockedItem(
                item_digest(one), dict.fromkeys((ENVIRONMENT, ELSEWHERE), (check_of(one.id),))
            )
            for one in self.items
        }
        return Lock(locked, "lock-digest")

    def recorded(self) -> Record:
        cited = [one for each in self.results.values() for one in each.citations]
        measurements = {
            one.measurement: Measurement(
                id=one.measurement,
                subject=one.subject,
                probe="http",
                asked="GET /",
                at=NOW,
                duration=0.01,
                answer="200",
                sample=self.samples.get(one.measurement),
            )
            for one in cited
            if one.measurement not in self.lost
        }
        whole: dict[str, Any] = {
            "run_id": "run-1",
            "started_at": NOW,
            "finished_at": NOW,
            "finished": True,
            "pytest_exit": 0,
            "environment": ENVIRONMENT,
            "rehearsal": False,
            "release_version": "2.0.0",
            "release_commit": "c" * 40,
            "manifest_digest": "manifest-digest",
            "lock_digest": "lock-digest",
            "results": self.results,
            "measurements": measurements,
            "bindings": self.bindings,
            "identifications": self.identifications,
            "findings": self.findings,
        }
        return Record(**(whole | self.record))

    def decide(self, now: str = NOW) -> Decision:
        every = tuple(one.id for one in self.items)
        scope = self.scope or Scope("post_deploy", every, complete=True)
        checklist = Checklist.of(self.manifest(), ENVIRONMENT)
        lock = self.locked() if self.lock is None else self.lock
        record = self.recorded()
        return decide(checklist, scope, lock, record, self.approvals, self.carries, now=now)

    def first(self) -> ItemDecision:
        """The decision about the first item in scope."""
        return self.decide().items[0]


def with_checks(given: Given, name: str, *nodeids: str) -> Lock:
    """The lock of ``given`` with these checks for one item."""
    lock = given.locked()
    changed = replace(lock.items[name], checks={ENVIRONMENT: nodeids})
    return replace(lock, items={**lock.items, name: changed})


def codes(decided: ItemDecision) -> list[str]:
    return [one.code for one in decided.reasons]


def finding_codes(decision: Decision) -> list[str]:
    return [one.reason.code for one in decision.findings]
