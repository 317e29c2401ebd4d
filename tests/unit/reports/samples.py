"""Decisions as the gate could make them, built by hand; one per verdict, large, and hostile."""

from __future__ import annotations

from dataclasses import replace

from pytest_metarelease.approvals.model import GivenSignOff, GivenWaiver, SignOff, Waiver
from pytest_metarelease.checklist import Scope
from pytest_metarelease.evidence import Citation, Judgement, Measurement
from pytest_metarelease.gate.values import (
    Decision,
    Finding,
    Identification,
    ItemDecision,
    Part,
    Reason,
    Record,
    RollbackStep,
    State,
    Target,
    TriggerDecision,
    Verdict,
)
from pytest_metarelease.manifest.scalars import Severity, Stage
from pytest_metarelease.outcome import CheckResult, Outcome

ARBITER = "0x5aFE3855358E112B5647B952709E6165e1c1eEEe"
STRANGER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
BLOCK_HASH = "0x" + "ab" * 32
HOSTILE = (
    "\x1b[31mred\x1b[0m \u202egnp.exe | a | b <script>alert(1)</script> `x` **b** \x00 \x9b2J"
    "\r\n# heading [l](javascript:1) @everyone https://evil.example \ud800 <details>"
)


def measurement(number: int, subject: str = "service:api", answer: str = "200") -> Measurement:
    return Measurement(
        id=f"main-{number}",
        subject=subject,
        probe="http",
        asked="GET https://api.example.org/api/health",
        at="2026-11-23T10:00:01.000000Z",
        duration=0.034,
        answer=answer,
        block=21540012 if subject.startswith("contract") else None,
    )


def citation(
    number: int,
    judgement: Judgement = Judgement.MET,
    subject: str = "service:api",
    expected: str = "200",
    actual: str = "200",
    where: str = "",
) -> Citation:
    return Citation(f"main-{number}", subject, judgement, expected, actual, where)


def check(
    name: str,
    outcome: Outcome = Outcome.PASSED,
    code: str = "check-passed",
    text: str = "",
    citations: tuple[Citation, ...] = (),
    next_step: str = "",
) -> CheckResult:
    passes = 1 if outcome is Outcome.PASSED else 0
    return CheckResult(
        nodeid=f"post_deploy/test_{name}.py::test_{name}",
        outcome=outcome,
        code=code,
        text=text,
        next_step=next_step,
        passes=passes,
        duration=0.25,
        citations=citations,
    )


def verified(
    name: str, title: str, severity: Severity = Severity.P1, number: int = 1
) -> ItemDecision:
    return ItemDecision(
        id=f"post.{name}",
        title=title,
        stage=Stage.POST_DEPLOY,
        severity=severity,
        owner="devops",
        state=State.VERIFIED,
        verdict=Verdict.GO,
        reasons=(),
        checks=(check(name, citations=(citation(number),)),),
        met=1,
    )


def item(
    name: str,
    title: str,
    state: State,
    verdict: Verdict,
    *reasons: Reason,
    severity: Severity = Severity.P1,
    checks: tuple[CheckResult, ...] = (),
    owner: str | None = "devops",
) -> ItemDecision:
    return ItemDecision(
        id=f"post.{name}",
        title=title,
        stage=Stage.POST_DEPLOY,
        severity=severity,
        owner=owner,
        state=state,
        verdict=verdict,
        reasons=reasons,
        checks=checks,
        met=0,
    )


TRIGGERS = (
    TriggerDecision(
        id="api-errors", item="post.error-rate", measure="api.error_rate", state="ok",
        text="3 of 1200 wrong", limit=0.05, bad=3, total=1200, low=0.0005, high=0.0073,
        undo=("api", "frontend"),
    ),
    TriggerDecision(
        id="tx-failures", item="post.tx", measure="escrow.failure_rate", state="idle",
        text="no traffic yet, n = 3", limit=0.1, bad=0, total=None, undo=("contracts",),
    ),
    TriggerDecision(
        id="database", item="post.database", measure="orders.unreachable", state="ok",
        text="every attempt was answered", undo=("api",),
    ),
)  # fmt: skip
PLAN = (
    RollbackStep(
        component="frontend", run=("vercel", "--prod", "rollback"), verify=("rollback.frontend",),
        proposed=False,
    ),
    RollbackStep(
        component="api",
        run=("kubectl", "rollout", "undo", "deployment/api", "--context", "prod eu"),
        verify=("rollback.api", "rollback.data"), proposed=False,
    ),
)  # fmt: skip


def record(**changes: object) -> Record:
    base = Record(
        run_id="r-20261123-4f1d",
        started_at="2026-11-23T10:00:00.000000Z",
        finished_at="2026-11-23T10:00:21.400000Z",
        parts=(
            Part(
                run_id="r-20261123-4f1d",
                started_at="2026-11-23T10:00:00.000000Z",
                finished_at="2026-11-23T10:00:21.400000Z",
                expression="post_deploy",
                items=(),
            ),
        ),
        finished=True,
        pytest_exit=0,
        environment="production",
        rehearsal=False,
        release_version="2.0.0",
        release_commit="9f2c1ab0d9e3b4c5a6978877665544332211aabb",
        manifest_digest="1" * 64,
        lock_digest="2" * 64,
        measurements={f"main-{number}": measurement(number) for number in range(1, 6)},
        identifications=(
            Identification(
                subject="service:api",
                judgement=Judgement.MET,
                expected="2.0.0 (9f2c1ab)",
                actual="2.0.0 (9f2c1ab), 8 of 8 connections",
            ),
        ),
        target=Target(
            chain_id=1,
            block_number=21540012,
            block_hash=BLOCK_HASH,
            code_hashes={"escrow": "0x" + "cd" * 32},
            api_versions={"api": "2.0.0 (9f2c1ab)"},
            migration_heads={"orders": "20250517172842"},
        ),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def decision(verdict: Verdict, *items: ItemDecision, **changes: object) -> Decision:
    base = Decision(
        verdict=verdict,
        title=verdict.value,
        state="finished",
        record=record(pytest_exit=0 if verdict is Verdict.GO else 1),
        release_name="Meta Aggregator",
        scope=Scope("post_deploy", tuple(one.id for one in items), complete=True),
        items=items,
        triggers=TRIGGERS,
        rollback=PLAN,
        unclaimed=(),
        findings=(),
        notes=(),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


_GOOD = (
    verified("health", "Health checks passing", Severity.P0),
    verified("endpoints", "All declared endpoints answer", Severity.P1, 2),
    verified("data", "Orders in the database and the API agree", Severity.P1, 3),
)
WAIVED = replace(
    item(
        "perf",
        "Response times within limits",
        State.WAIVED,
        Verdict.GO,
        Reason("waived", "until 2026-12-01 by the release manager: DBA-12"),
    ),
    fingerprint="0123456789abcdef",
    waiver=GivenWaiver(
        file="release-approvals/perf.yaml",
        waiver=Waiver(
            item="post.perf",
            version="2.0.0",
            reason="DBA-12",
            approver="the release manager",
            author="devops",
            expires="2026-12-01T00:00:00Z",
        ),
    ),
)
SIGNED = replace(
    item(
        "audit",
        "Security audit completed",
        State.SIGNED,
        Verdict.GO,
        Reason("signed", "by security until 2026-12-01T00:00:00Z: report 7 read"),
    ),
    sign_offs=(
        GivenSignOff(
            file="release-approvals/audit.yaml",
            sign_off=SignOff(
                item="post.audit",
                item_digest="0" * 64,
                release="Meta Aggregator",
                version="2.0.0",
                environment="production",
                signer="security",
                signed_at="2026-11-23T00:00:00Z",
                expires="2026-12-01T00:00:00Z",
                reason="report 7 read",
                signature="0x00",
            ),
            account="0x90F79bf6EB2c4f870365E785982E1f101E93b906",
            signed=Judgement.MET,
            said="signed by 0x90F79bf6EB2c4f870365E785982E1f101E93b906",
        ),
    ),
)
NOT_APPLICABLE = item(
    "mobile",
    "Mobile application works",
    State.NOT_APPLICABLE,
    Verdict.GO,
    Reason("not-applicable", "this product has no mobile application"),
    severity=Severity.P3,
)
_ARBITER_WRONG = item(
    "contracts",
    "Smart contract interactions working",
    State.FAILED,
    Verdict.NO_GO,
    Reason(
        "evidence-unmet",
        f"escrow: arbiter is {STRANGER}, not {ARBITER} (release.yaml:41)",
        "redeploy with the right arbiter, or correct the manifest; again: "
        'pytest -m post_deploy --release-env production "post_deploy/test_state.py::test_state"',
    ),
    severity=Severity.P0,
    owner="contracts",
    checks=(
        check(
            "state",
            Outcome.FAILED,
            "evidence-unmet",
            "arbiter differs",
            (
                citation(1),
                citation(
                    4, Judgement.UNMET, "contract:escrow", ARBITER, STRANGER, "release.yaml:41"
                ),
                citation(5, Judgement.NONE, "contract:escrow"),
            ),
        ),
    ),
)
_NO_BROWSER = item(
    "ux",
    "User experience verified",
    State.NOT_VERIFIED,
    Verdict.HOLD,
    Reason("check-skipped", "no browser", "pip install pytest-metarelease[browser]"),
    severity=Severity.P2,
    checks=(check("ux", Outcome.SKIPPED, "check-skipped", "no browser"),),
)


def go() -> Decision:
    return decision(
        Verdict.GO,
        *_GOOD,
        WAIVED,
        NOT_APPLICABLE,
        notes=(Reason("worker-lost", "worker gw1 was lost and replaced; every check ran"),),
    )


def hold() -> Decision:
    lost = check("orders", Outcome.NOT_RUN, "check-not-run", "no report of it arrived")
    orders = item(
        "orders",
        "Order signatures verified",
        State.NOT_VERIFIED,
        Verdict.HOLD,
        Reason("check-not-run", f"{lost.nodeid} did not run", "run it again without -k"),
        severity=Severity.P0,
        checks=(lost,),
    )
    collection = Finding(
        Verdict.HOLD,
        Reason(
            "collection-error",
            "post_deploy/test_broken.py could not be collected: ImportError: no module named x",
            "mend the import and run it again",
        ),
        "post_deploy/test_broken.py",
    )
    return decision(Verdict.HOLD, *_GOOD, orders, _NO_BROWSER, findings=(collection,))


def no_go() -> Decision:
    stray = check("stray", Outcome.FAILED, "check-failed", "assert 1 == 2")
    return decision(Verdict.NO_GO, *_GOOD, WAIVED, _ARBITER_WRONG, _NO_BROWSER, unclaimed=(stray,))


def rollback() -> Decision:
    failing = item(
        "error-rate",
        "API error rate within its limit",
        State.FAILED,
        Verdict.ROLLBACK,
        Reason(
            "trigger-breached",
            "api.error_rate 8.2 % of 400 [5.8, 11.3] is beyond 5 %",
            "undo api and frontend in the order of the plan",
        ),
        severity=Severity.P0,
    )
    breach = replace(
        TRIGGERS[0], state="breached", bad=33, total=400, low=0.058, high=0.113,
        text="api.error_rate 8.2 % of 400 [5.8, 11.3] is beyond 5 %",
    )  # fmt: skip
    return decision(
        Verdict.ROLLBACK,
        *_GOOD,
        failing,
        triggers=(breach, *TRIGGERS[1:]),
        rollback=tuple(replace(step, proposed=True) for step in PLAN),
    )


def many(failed: int = 5, not_run: int = 40, total: int = 200) -> Decision:
    """200 items: 5 failed each for its own reason, 40 not run for the same one, 155 verified."""
    items = [
        item(
            f"many-{number}",
            f"Thing number {number} works as it is declared in the manifest of this release",
            State.FAILED,
            Verdict.NO_GO,
            Reason(f"code-{number}", f"thing {number} said no", f"mend thing {number}"),
        )
        for number in range(failed)
    ]
    items += [
        item(
            f"many-{number}",
            f"Thing number {number} works",
            State.NOT_VERIFIED,
            Verdict.HOLD,
            Reason(
                "not-ready",
                "service:api did not become healthy within 900 s",
                "look at the log of api",
            ),
            severity=Severity.P0 if number % 2 else Severity.P2,
        )
        for number in range(failed, failed + not_run)
    ]
    items += [
        verified(f"many-{number}", f"Thing number {number} works")
        for number in range(failed + not_run, total)
    ]
    return decision(Verdict.NO_GO, *items)


def hostile() -> Decision:
    """Everything that a target can put into a text, and ten megabytes of answer."""
    huge = HOSTILE + "x" * 10_000_000
    cited = citation(4, Judgement.UNMET, "service:api", HOSTILE, huge, HOSTILE)
    bad = item(
        "hostile",
        HOSTILE,
        State.FAILED,
        Verdict.NO_GO,
        Reason("evidence-unmet", huge, HOSTILE),
        Reason("evidence-unmet", HOSTILE),
        severity=Severity.P0,
        owner=HOSTILE,
        checks=(check("hostile", Outcome.FAILED, "evidence-unmet", huge, (cited,)),),
    )
    plain = item("plain", HOSTILE, State.WAIVED, Verdict.GO, Reason("waived", HOSTILE))
    said = {"main-4": measurement(4, answer=huge)}
    return decision(
        Verdict.NO_GO,
        bad,
        plain,
        release_name=HOSTILE,
        record=record(measurements=said, release_version=HOSTILE, environment=HOSTILE),
        findings=(Finding(Verdict.HOLD, Reason("finding", huge, HOSTILE), HOSTILE),),
        notes=(Reason("note", HOSTILE),),
        unclaimed=(replace(check("stray", Outcome.FAILED, "x", HOSTILE), nodeid=HOSTILE),),
        triggers=(replace(TRIGGERS[1], text=HOSTILE, id=HOSTILE),),
    )


def empty() -> Decision:
    """Nothing in scope: the gate says HOLD, and a report must say why."""
    reason = Reason("empty-scope", "no item matches `-m nothing`", "name a stage, e.g. post_deploy")
    return decision(
        Verdict.HOLD,
        scope=Scope("nothing", (), complete=False),
        findings=(Finding(Verdict.HOLD, reason),),
        triggers=(),
        rollback=(),
        record=record(lock_digest=None, identifications=(), target=Target()),
    )


ALL = {
    "go": go,
    "hold": hold,
    "no_go": no_go,
    "rollback": rollback,
    "many": many,
    "hostile": hostile,
    "empty": empty,
}
