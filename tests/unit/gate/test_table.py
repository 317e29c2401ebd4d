"""The whole table: state x severity x stage -> verdict (DESIGN 4)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_metarelease.checklist import Scope
from pytest_metarelease.evidence import Judgement, RateSample
from pytest_metarelease.gate.values import State, Verdict
from pytest_metarelease.gate.weights import weigh, worst
from pytest_metarelease.manifest.model import Trigger
from pytest_metarelease.manifest.scalars import Severity, Stage
from pytest_metarelease.outcome import Outcome
from tests.unit.gate.given import Given, check_of, cited, item, passed, result

GO, HOLD, NO_GO, ROLLBACK = Verdict.GO, Verdict.HOLD, Verdict.NO_GO, Verdict.ROLLBACK

NOTES = (
    State.VERIFIED,
    State.CARRIED,
    State.WAIVED,
    State.SIGNED,
    State.DEFERRED,
    State.NOT_APPLICABLE,
)
UNDOABLE = (Stage.DEPLOY, Stage.POST_DEPLOY)


def test_trivially_no_go() -> None:
    """An empty scope is never GO."""
    decision = Given(scope=Scope("nothing", (), complete=False)).decide()
    assert decision.verdict is HOLD
    assert worst([]) is GO


def expected(state: State, severity: Severity, stage: Stage, *, undo: bool) -> Verdict:
    """The table of DESIGN 4, written a second time and apart from the code."""
    if state in NOTES:
        return GO
    if state is State.NOT_VERIFIED:
        return GO if severity is Severity.P3 else HOLD
    if undo and stage in UNDOABLE:
        return ROLLBACK
    if severity is Severity.P3:
        return GO
    if severity is Severity.P2 and stage is not Stage.ROLLBACK:
        return HOLD
    return NO_GO


@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize("severity", list(Severity))
@pytest.mark.parametrize("state", list(State))
def test_every_cell_of_the_table(state: State, severity: Severity, stage: Stage) -> None:
    plain = item(severity=severity, stage=stage)
    undone = replace(plain, on_failure="rollback")
    assert weigh(plain, state) is expected(state, severity, stage, undo=False)
    assert weigh(plain, state, breached=True) is expected(state, severity, stage, undo=True)
    assert weigh(undone, state) is expected(state, severity, stage, undo=True)


def alone(weight: Verdict, state: State) -> Verdict:
    """A decision over one item: of nothing but notes there is no GO (ADR 0010)."""
    return HOLD if weight is GO and state not in (State.VERIFIED, *NOTES) else weight


@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize("severity", list(Severity))
@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_of_a_check_through_the_gate(
    outcome: Outcome, severity: Severity, stage: Stage
) -> None:
    given = Given((item(severity=severity, stage=stage),))
    check = check_of("post.health")
    given.put(result(check, outcome, citations=(cited(1),)))
    decision = given.decide()
    states = {Outcome.PASSED: State.VERIFIED, Outcome.FAILED: State.FAILED}
    state = states.get(outcome, State.NOT_VERIFIED)
    assert decision.items[0].state is state
    weight = expected(state, severity, stage, undo=False)
    assert decision.items[0].verdict is weight
    assert decision.verdict is alone(weight, state)


@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize("severity", list(Severity))
def test_a_breached_trigger_on_every_item(severity: Severity, stage: Stage) -> None:
    trigger = Trigger(id="api", item="post.health", measure="api.error_rate", limit=0.05)  # type: ignore[arg-type]
    given = Given((item(severity=severity, stage=stage),), triggers=(trigger,))
    given.put(passed(check_of("post.health"), cited(1)))
    given.samples["m-1"] = RateSample(measure="api.error_rate", bad=40, total=400)
    decision = given.decide()
    assert decision.items[0].state is State.FAILED
    weight = expected(State.FAILED, severity, stage, undo=True)
    assert decision.items[0].verdict is weight
    assert decision.verdict is alone(weight, State.FAILED)


@pytest.mark.parametrize("outcome", [Outcome.SKIPPED, Outcome.NOT_RUN, Outcome.FAILED])
def test_one_verified_item_is_enough_for_notes_beside_it(outcome: Outcome) -> None:
    low = item("post.low", severity=Severity.P3)
    given = Given((item(), low)).put(result(check_of("post.low"), outcome))
    assert given.decide().verdict is GO
    given.put(result(check_of("post.health"), outcome))
    given.items = (item(severity=Severity.P3), low)
    decision = given.decide()
    assert decision.verdict is HOLD
    assert [one.reason.code for one in decision.findings] == ["nothing-verified"]


def test_the_worst_item_decides() -> None:
    good, bad, worse = item("a.good"), item("b.bad", severity=Severity.P1), item("c.worse")
    worse = replace(worse, on_failure="rollback")
    given = Given((good, bad, worse))
    assert given.decide().verdict is GO
    given.put(result(check_of("b.bad"), Outcome.SKIPPED))
    assert given.decide().verdict is HOLD
    given.put(result(check_of("b.bad"), Outcome.FAILED))
    assert given.decide().verdict is NO_GO
    given.put(result(check_of("c.worse"), Outcome.FAILED))
    assert given.decide().verdict is ROLLBACK


def test_exit_codes_and_their_order() -> None:
    codes = [(one.value, one.exit_code) for one in sorted(Verdict, key=lambda one: one.rank)]
    assert codes == [("GO", 0), ("HOLD", 21), ("NO-GO", 1), ("ROLLBACK", 20)]
    decision = Given().put(result(check_of("post.health"), Outcome.FAILED)).decide()
    assert decision.exit_code == 1


def test_evidence_against_the_release_weighs_like_a_failure() -> None:
    unmet = cited(1, Judgement.UNMET)
    given = Given()
    check = check_of("post.health")
    given.put(result(check, Outcome.FAILED, "evidence-unmet", citations=(unmet,)))
    assert given.decide().verdict is NO_GO
