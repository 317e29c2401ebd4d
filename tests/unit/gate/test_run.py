"""The run itself: scope, lock, identity, end, findings, unclaimed results, title and plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pytest_metarelease.approvals.model import Approvals
from pytest_metarelease.checklist import Checklist, Lock, Scope
from pytest_metarelease.evidence import RateSample
from pytest_metarelease.gate import decide
from pytest_metarelease.gate.values import Finding, Reason, RollbackStep, State, Verdict
from pytest_metarelease.manifest.model import Component, Trigger
from pytest_metarelease.manifest.scalars import Severity, Share, Stage
from pytest_metarelease.outcome import Outcome
from tests.unit.gate.given import (
    ENVIRONMENT,
    NOW,
    Given,
    check_of,
    cited,
    codes,
    finding_codes,
    item,
    passed,
    result,
    with_checks,
)

CHECK = check_of("post.health")


def test_trivially_held() -> None:
    decision = Given(scope=Scope("post_deploi", (), complete=False)).decide()
    assert decision.verdict is Verdict.HOLD
    assert decision.title == "HOLD"
    assert decision.items == ()
    assert decision.findings == (
        Finding(
            Verdict.HOLD,
            Reason(
                "scope-empty",
                "-m 'post_deploi' selects no item of the checklist",
                "name a stage that has items, such as -m post_deploy",
            ),
        ),
    )


def test_a_healthy_run_is_go() -> None:
    given = Given()
    decision = given.decide()
    assert (decision.verdict, decision.title, decision.state) == (Verdict.GO, "GO", "finished")
    assert decision.record == given.recorded()
    assert decision.release_name == "Meta"
    assert decision.scope == Scope("post_deploy", ("post.health",), complete=True)
    assert (decision.findings, decision.notes, decision.unclaimed) == ((), (), ())
    assert decision.approvals == Approvals()
    assert decision.exit_code == 0


RUNS: list[tuple[dict[str, Any], str, str, str]] = [
    (
        {"finished": False},
        "run-unfinished",
        "the run did not come to its end",
        "see pytest's own output, then run it again",
    ),
    (
        {"pytest_exit": None},
        "pytest-exit-unknown",
        "pytest's exit code is not on record",
        "see pytest's own output, then run it again",
    ),
    (
        {"pytest_exit": 1},
        "unexplained-exit",
        "pytest ended with 1, but no failure is on record",
        "see pytest's own output, then run it again",
    ),
    (
        {"manifest_digest": "other"},
        "manifest-differs",
        "the run was made with manifest other, it is judged with manifest-digest",
        "run it again on the checkout that is judged",
    ),
    (
        {"lock_digest": None},
        "lock-differs",
        "the run was made with lock None, it is judged with lock-digest",
        "run it again on the checkout that is judged",
    ),
    (
        {"environment": "production"},
        "environment-differs",
        "the run was made with environment production, it is judged with staging",
        "run it again on the checkout that is judged",
    ),
    (
        {"started_at": "2026-11-23T12:05:01Z"},
        "run-from-future",
        "the run started at 2026-11-23T12:05:01Z, which is after 2026-11-23T12:00:00Z",
        "set the clocks of both machines and run it again",
    ),
    (
        {"started_at": "yesterday"},
        "time-unreadable",
        "started at 'yesterday', judged at '2026-11-23T12:00:00Z': not two times with a zone",
        "run it again; times are RFC 3339 in UTC",
    ),
    (
        {"started_at": "2026-11-23T12:00:00"},
        "time-unreadable",
        (
            "started at '2026-11-23T12:00:00', judged at '2026-11-23T12:00:00Z': "
            "not two times with a zone"
        ),
        "run it again; times are RFC 3339 in UTC",
    ),
    *(
        (
            {"pytest_exit": code},
            f"pytest-exit-{code}",
            f"pytest ended with {code}: {words}",
            "see pytest's own output, then run it again",
        )
        for code, words in [
            (2, "the run was interrupted"),
            (3, "an internal error of pytest or of a plugin"),
            (4, "pytest was used in a way that it refuses"),
            (5, "no test was collected"),
            (6, "more warnings than allowed"),
            (7, "no exit code of pytest"),
            (-9, "no exit code of pytest"),
        ]
    ),
]


@pytest.mark.parametrize(("change", "code", "text", "step"), RUNS)
def test_a_run_that_cannot_be_relied_on(
    change: dict[str, Any], code: str, text: str, step: str
) -> None:
    decision = Given(record=change).decide()
    assert decision.verdict is Verdict.HOLD
    assert decision.findings == (Finding(Verdict.HOLD, Reason(code, text, step)),)


def test_an_unfinished_run_without_an_exit_code_is_said_once() -> None:
    decision = Given(record={"finished": False, "pytest_exit": None}).decide()
    assert finding_codes(decision) == ["run-unfinished"]
    assert decision.state == "unfinished"


def test_a_little_difference_of_clocks_is_allowed() -> None:
    assert Given(record={"started_at": "2026-11-23T12:05:00Z"}).decide().verdict is Verdict.GO
    assert Given().decide(now="2026-11-24T14:00:00+02:00").verdict is Verdict.GO


@pytest.mark.parametrize("outcome", list(Outcome))
def test_which_results_explain_an_exit_of_one(outcome: Outcome) -> None:
    low = item(severity=Severity.P3)
    given = Given((low, item("post.other")), record={"pytest_exit": 1})
    given.put(passed(check_of("post.other")), result(CHECK, outcome, citations=(cited(1),)))
    explained = outcome in (Outcome.FAILED, Outcome.BROKEN)
    assert finding_codes(given.decide()) == ([] if explained else ["unexplained-exit"])
    given.put(result(CHECK, Outcome.NOT_RUN, "not-ready"))
    assert finding_codes(given.decide()) == []


def test_a_finding_explains_an_exit_of_one_but_a_note_does_not() -> None:
    for verdict, expected in ((Verdict.HOLD, ["torn"]), (Verdict.GO, ["unexplained-exit"])):
        finding = Finding(verdict, Reason("torn", "the ledger is torn"))
        decision = Given(record={"pytest_exit": 1}, findings=(finding,)).decide()
        assert finding_codes(decision) == expected


def test_an_item_that_the_manifest_does_not_have() -> None:
    given = Given(scope=Scope("post_deploy", ("b", "post.health", "a"), complete=True))
    decision = given.decide()
    assert [one.id for one in decision.items] == ["post.health"]
    assert [one.reason.text for one in decision.findings] == [
        "the scope names a, which the manifest does not have",
        "the scope names b, which the manifest does not have",
    ]
    assert finding_codes(decision) == ["item-unknown", "item-unknown"]
    step = "judge a run with the manifest it was made with"
    assert decision.findings[0].reason.next_step == step


def test_the_missing_lock_is_one_finding() -> None:
    given = Given((item(), item("post.b")), lock=Lock(), record={"lock_digest": None})
    decision = given.decide()
    assert decision.findings == (
        Finding(
            Verdict.HOLD,
            Reason(
                "lock-missing",
                "there is no checks.lock, so nobody knows what should have run",
                "run `metarelease lock` and commit checks.lock",
            ),
        ),
    )


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_finding_weighs_by_its_own_verdict(verdict: Verdict) -> None:
    finding = Finding(verdict, Reason("seen", "something was seen"))
    decision = Given(findings=(finding, finding)).decide()
    assert decision.verdict is verdict
    note = verdict is Verdict.GO
    assert decision.findings == (() if note else (finding,))
    assert decision.notes == ((finding.reason,) if note else ())


def test_findings_are_sorted_worst_first() -> None:
    found = [
        Finding(Verdict.NO_GO, Reason("b", "2")),
        Finding(Verdict.HOLD, Reason("a", "1")),
        Finding(Verdict.NO_GO, Reason("a", "2"), "A.py::t"),
        Finding(Verdict.NO_GO, Reason("a", "3")),
        Finding(Verdict.NO_GO, Reason("a", "2")),
    ]
    expected = [found[4], found[3], found[2], found[0], found[1]]
    assert Given(findings=tuple(found)).decide().findings == tuple(expected)
    assert Given(findings=tuple(reversed(found))).decide().findings == tuple(expected)


UNCLAIMED = [
    (Outcome.FAILED, "unclaimed-failed", Verdict.NO_GO),
    (Outcome.BROKEN, "unclaimed-broken", Verdict.HOLD),
    (Outcome.NOT_RUN, "unclaimed-broken", Verdict.HOLD),
]


@pytest.mark.parametrize(("outcome", "code", "verdict"), UNCLAIMED)
def test_a_failure_that_no_item_claims(outcome: Outcome, code: str, verdict: Verdict) -> None:
    stray = result("stray.py::t", outcome, text="boom")
    decision = Given().put(stray).decide()
    assert decision.verdict is verdict
    assert decision.unclaimed == (stray,)
    found = decision.findings[0]
    assert (found.verdict, found.nodeid, found.reason.code) == (verdict, "stray.py::t", code)
    said = f"stray.py::t verifies no item in scope; {outcome.value}: boom"
    assert found.reason.text == said
    again = f'. Again: pytest --release-env {ENVIRONMENT} "verification/stray.py::t"'
    assert found.reason.next_step.endswith(again)
    silent = Given().put(replace(stray, text="")).decide()
    assert silent.findings[0].reason.text.endswith(f"{outcome.value}: {stray.code}")


@pytest.mark.parametrize("outcome", [Outcome.PASSED, Outcome.SKIPPED])
def test_other_unclaimed_results_say_nothing(outcome: Outcome) -> None:
    decision = Given().put(result("stray.py::t", outcome)).decide()
    assert (decision.verdict, decision.unclaimed) == (Verdict.GO, ())
    assert (decision.findings, decision.notes) == ((), ())


def test_unclaimed_results_are_sorted() -> None:
    strays = [result(name, Outcome.FAILED) for name in ("b.py::t", "a.py::t")]
    assert Given().put(*strays).decide().unclaimed == (strays[1], strays[0])


def test_a_check_of_p3_items_only_stays_a_note() -> None:
    given = Given((item(severity=Severity.P3), item("post.sound")))
    given.put(passed(check_of("post.sound")), result(CHECK, Outcome.FAILED))
    assert given.decide().verdict is Verdict.GO
    assert given.decide().items[0].state is State.FAILED
    given.items = (*given.items, item("post.other", severity=Severity.P3))
    given.scope = Scope("smoke", ("post.other",), complete=False)
    given.put(passed(check_of("post.other")))
    decision = given.decide()
    assert decision.verdict is Verdict.GO
    assert [one.code for one in decision.notes] == ["unclaimed-failed"]
    assert decision.findings == ()
    given.items = (item(severity=Severity.P3), given.items[1], item("post.third"))
    given.bindings = {CHECK: ("post.third",)}
    assert given.decide().verdict is Verdict.NO_GO


def test_a_failing_check_of_items_out_of_scope_is_unclaimed() -> None:
    given = Given((item(), item("post.other")))
    given.scope = Scope("smoke", ("post.other",), complete=False)
    given.put(result(CHECK, Outcome.FAILED))
    assert given.decide().verdict is Verdict.NO_GO
    given.bindings = {CHECK: ("post.other",)}
    decision = given.decide()
    assert decision.unclaimed == ()
    assert decision.items[0].state is State.FAILED


def test_a_failing_check_of_an_item_that_does_not_apply_is_unclaimed() -> None:
    given = Given((item(environments=("production",)), item("post.other")))
    given.put(result(CHECK, Outcome.BROKEN))
    assert given.decide().verdict is Verdict.HOLD
    assert [one.nodeid for one in given.decide().unclaimed] == [CHECK]
    given.items = (item(environments=(ENVIRONMENT,)), given.items[1])
    assert given.decide().unclaimed == ()


def test_one_check_may_serve_several_items() -> None:
    given = Given((item(), item("post.b", severity=Severity.P2)))
    given.lock = with_checks(given, "post.b", CHECK)
    given.put(result(CHECK, Outcome.FAILED))
    decision = given.decide()
    assert [one.state for one in decision.items] == [State.FAILED, State.FAILED]
    assert [one.verdict for one in decision.items] == [Verdict.NO_GO, Verdict.HOLD]


STAGES = (
    item("pre.a", stage=Stage.PRE_DEPLOY),
    item("post.a"),
    item("post.b"),
    item("post.c"),
)
TITLES = [
    (("post.a", "post.b", "post.c"), True, "GO"),
    (("post.a",), False, "GO for 1 of 3 post_deploy items"),
    (("post.b", "pre.a", "post.b"), False, "GO for 2 of 4 pre_deploy and post_deploy items"),
]


@pytest.mark.parametrize(("ids", "complete", "title"), TITLES)
def test_titles(ids: tuple[str, ...], complete: bool, title: str) -> None:
    given = Given(STAGES, scope=Scope("x", ids, complete=complete))
    assert given.decide().title == title
    rehearsed = title.replace("GO", "GO (rehearsal)", 1)
    given.record = {"rehearsal": True}
    assert given.decide().title == rehearsed
    given.record, given.sandbox = {}, True
    assert given.decide().title == rehearsed
    given.put(result(check_of(ids[0]), Outcome.FAILED))
    assert given.decide().title == rehearsed.replace("GO", "NO-GO", 1)


ROLLBACK = {
    "web": Component(run=("vercel", "rollback"), verify=("rollback.web",)),
    "api": Component(run=("undo-api",)),
}
TRIGGER = Trigger(
    id="api", item="post.health", measure="api.error_rate", limit=Share(0.05), undo=("api",)
)


def proposed(given: Given) -> list[str]:
    return [one.component for one in given.decide().rollback if one.proposed]


def test_the_plan_is_always_there_and_proposed_only_on_rollback() -> None:
    given = Given(triggers=(TRIGGER,), rollback=ROLLBACK)
    given.put(passed(CHECK, cited(1)))
    given.samples = {"m-1": RateSample(measure="api.error_rate", bad=0, total=400)}
    assert given.decide().rollback == (
        RollbackStep(
            component="web",
            run=("vercel", "rollback"),
            verify=("rollback.web",),
            proposed=False,
        ),
        RollbackStep(component="api", run=("undo-api",), verify=(), proposed=False),
    )
    given.samples = {"m-1": RateSample(measure="api.error_rate", bad=40, total=400)}
    assert proposed(given) == ["api"]
    given.items = (item(stage=Stage.DAILY),)
    assert given.decide().verdict is Verdict.NO_GO
    assert proposed(given) == []


def test_a_cause_that_names_no_component_proposes_all() -> None:
    given = Given((item(on_failure="rollback"),), rollback=ROLLBACK)
    given.put(result(CHECK, Outcome.FAILED))
    assert given.decide().verdict is Verdict.ROLLBACK
    assert proposed(given) == ["web", "api"]
    given.triggers = (replace(TRIGGER, measure=None, item=None, items=("post.health",)),)
    assert proposed(given) == ["api"]
    given.triggers = (*given.triggers, replace(given.triggers[0], id="more", undo=("web",)))
    assert proposed(given) == ["web", "api"]
    given.triggers = (replace(given.triggers[0], undo=()),)
    assert proposed(given) == ["web", "api"]


def test_only_causes_of_the_rollback_are_undone() -> None:
    """A breach before the deployment has nothing to undo, also beside one that has."""
    early = item("pre.a", stage=Stage.PRE_DEPLOY)
    named = Trigger(id="pre", items=("pre.a",), undo=("web",))
    given = Given((item(), early), triggers=(TRIGGER, named), rollback=ROLLBACK)
    given.put(passed(CHECK, cited(1)), result(check_of("pre.a"), Outcome.FAILED))
    given.samples = {"m-1": RateSample(measure="api.error_rate", bad=40, total=400)}
    assert given.decide().verdict is Verdict.ROLLBACK
    assert proposed(given) == ["api"]


def test_a_rollback_finding_without_a_cause_proposes_nothing() -> None:
    given = Given(rollback=ROLLBACK)
    given.findings = (Finding(Verdict.ROLLBACK, Reason("x", "y")),)
    assert proposed(given) == []


def test_one_item_twice_in_scope_is_one_item() -> None:
    given = Given(scope=Scope("x", ("post.health", "post.health"), complete=True))
    assert len(given.decide().items) == 1


def test_the_approvals_that_were_given_are_on_the_decision() -> None:
    given, approvals = Given(), Approvals()
    checklist = Checklist.of(given.manifest(), ENVIRONMENT)
    scope = Scope("post_deploy", ("post.health",), complete=True)
    decision = decide(checklist, scope, given.locked(), given.recorded(), approvals, now=NOW)
    assert decision.approvals is approvals


def test_an_environment_that_nobody_declared_is_no_rehearsal() -> None:
    given = Given(sandbox=True)
    checklist = Checklist.of(given.manifest(), "elsewhere")
    scope = Scope("post_deploy", ("post.health",), complete=True)
    decision = decide(checklist, scope, given.locked(), given.recorded(), now=NOW)
    assert decision.title == "HOLD"


def test_codes_of_a_healthy_item() -> None:
    assert codes(Given().first()) == []
    assert Given().decide(now=NOW).items == Given().decide().items


def test_a_shared_end_weighs_where_its_check_does_not() -> None:
    told = Reason("shared-teardown-failed", "x", "y")
    given = Given((item(severity=Severity.P3), item("post.sound")))
    given.put(passed(CHECK), passed(check_of("post.sound")))
    given.findings = (Finding(Verdict.HOLD, told, CHECK),)
    assert given.decide().verdict is Verdict.HOLD
    assert finding_codes(given.decide()) == ["shared-teardown-failed"]
    given.items = (item(), item("post.sound"))
    assert given.decide().verdict is Verdict.GO
    assert given.decide().notes == (told,)
