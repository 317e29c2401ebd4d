"""Triggers: certain breaches, uncertain samples, idle contracts, silence."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from pytest_metarelease.checklist import Scope
from pytest_metarelease.evidence import Citation, RateSample, ReachSample, Sample
from pytest_metarelease.gate.triggers import ground_of, judge_measure, judge_sample
from pytest_metarelease.gate.values import Decision, Reason, State, TriggerDecision, Verdict
from pytest_metarelease.manifest.model import Trigger
from pytest_metarelease.manifest.scalars import Severity, Share, Stage
from pytest_metarelease.outcome import Outcome
from pytest_metarelease.statistics import rate_interval
from tests.unit.gate.given import Given, check_of, cited, codes, finding_codes, item, passed, result

MEASURE = "api.error_rate"
API = Trigger(
    id="api-errors",
    item="post.health",
    measure=MEASURE,
    limit=Share(0.05),
    min_samples=200,
    undo=("api",),
)
CHECK = check_of("post.health")


def rate(bad: int, total: int, **more: Any) -> RateSample:
    return RateSample(measure=MEASURE, bad=bad, total=total, **more)


def reach(
    failed: int, attempts: int, span: float = 2.0, witness: str | None = "service:api"
) -> Any:
    return ReachSample(
        measure=MEASURE, failed=failed, attempts=attempts, span=span, witness=witness
    )


def under(trigger: Trigger, *samples: Sample, **changes: Any) -> Decision:
    """The decision where the item's check cited these samples."""
    given = Given((item(**changes),), triggers=(trigger,))
    given.put(passed(CHECK, cited("met"), *(cited(n) for n in range(len(samples)))))
    given.samples = {f"m-{number}": sample for number, sample in enumerate(samples)}
    return given.decide()


def test_trivially_not_measured() -> None:
    decision = under(API)
    assert decision.verdict is Verdict.HOLD
    assert codes(decision.items[0]) == ["trigger-not-measured"]
    assert decision.triggers == (
        TriggerDecision(
            id="api-errors",
            item="post.health",
            measure=MEASURE,
            state="not measured",
            text="no check recorded a sample of it",
            limit=0.05,
            undo=("api",),
        ),
    )


def test_a_rate_that_is_certainly_within() -> None:
    decision = under(API, rate(2, 1200))
    assert decision.verdict is Verdict.GO
    interval = rate_interval(2, 1200)
    assert decision.triggers == (
        TriggerDecision(
            id="api-errors",
            item="post.health",
            measure=MEASURE,
            state="ok",
            text="2 of 1,200 [0.0, 0.6] %, limit 5 %",
            limit=0.05,
            bad=2,
            total=1200,
            low=interval.low,
            high=interval.high,
            undo=("api",),
        ),
    )


def test_a_rate_that_is_certainly_over_the_limit() -> None:
    decision = under(API, rate(40, 400))
    assert decision.verdict is Verdict.ROLLBACK
    first = decision.items[0]
    assert (first.state, first.verdict) == (State.FAILED, Verdict.ROLLBACK)
    assert first.reasons == (
        Reason(
            "trigger-breached",
            "api-errors: api.error_rate 40 of 400 [7.2, 13.4] %, limit 5 %",
            "roll back what the plan proposes, then verify the rollback stage",
        ),
    )


def test_the_items_own_next_step_is_told_of_a_breach() -> None:
    first = under(API, rate(40, 400), next="call devops").items[0]
    assert first.reasons[0].next_step == "call devops"


RATES = [
    (rate(0, 400), "ok", Verdict.GO),
    (rate(20, 400), "inconclusive", Verdict.HOLD),
    (rate(40, 400), "breached", Verdict.ROLLBACK),
    (rate(30, 400, looks=1), "breached", Verdict.ROLLBACK),
    (rate(30, 400, looks=4), "inconclusive", Verdict.HOLD),
    (rate(0, 199), "idle", Verdict.HOLD),
    (rate(0, 0), "idle", Verdict.HOLD),
    (rate(0, 200), "ok", Verdict.GO),
    (rate(199, 199), "inconclusive", Verdict.HOLD),
    (rate(5, 4), "inconclusive", Verdict.HOLD),
    (rate(-1, 400), "inconclusive", Verdict.HOLD),
    (rate(0, 400, looks=0), "inconclusive", Verdict.HOLD),
]


@pytest.mark.parametrize(("sample", "state", "verdict"), RATES)
def test_rates(sample: RateSample, state: str, verdict: Verdict) -> None:
    decision = under(API, sample)
    assert decision.triggers[0].state == state
    assert decision.verdict is verdict
    expected = {"ok": [], "breached": ["trigger-breached"]}
    assert codes(decision.items[0]) == expected.get(state, [f"trigger-{state}"])


def test_the_declared_confidence_is_used() -> None:
    assert judge_sample(API, rate(30, 400)).state == "breached"
    assert judge_sample(replace(API, confidence=Share(0.999)), rate(30, 400)).state != "breached"


def test_why_a_sample_says_nothing() -> None:
    assert judge_sample(API, rate(5, 4)).text == "its sample has counts that cannot be"
    assert judge_sample(API, reach(5, 4)).text == "its sample has counts that cannot be"
    assert judge_sample(API, reach(-1, 4)).state == "inconclusive"
    without = replace(API, limit=None)
    assert judge_sample(without, rate(0, 400)).text == "it declares no limit for a rate"
    assert judge_sample(without, rate(0, 400)).state == "inconclusive"


def test_too_little_traffic_is_a_note_where_that_is_declared() -> None:
    decision = under(replace(API, when_idle="note"), rate(0, 3))
    assert decision.verdict is Verdict.GO
    assert decision.items[0].state is State.VERIFIED
    text = "api-errors: api.error_rate no traffic yet, n = 3 of 200"
    assert decision.items[0].reasons == (Reason("trigger-idle", text),)
    assert decision.triggers[0].text == "no traffic yet, n = 3 of 200"
    held = under(API, rate(0, 3)).items[0].reasons
    step = "wait for traffic, or declare `when_idle: note` on the trigger"
    assert held == (Reason("trigger-idle", text, step),)


def test_many_failures_of_few_trials_are_not_idle() -> None:
    """Too few to roll back for, and too many to call it no traffic."""
    decision = under(replace(API, when_idle="note"), rate(3, 3))
    assert (decision.triggers[0].state, decision.verdict) == ("inconclusive", Verdict.HOLD)


REACHES = [
    (reach(0, 1), "ok"),
    (reach(0, 0), "not measured"),
    (reach(3, 3), "breached"),
    (reach(3, 3, span=1.0), "breached"),
    (reach(3, 3, span=0.99), "inconclusive"),
    (reach(2, 2), "inconclusive"),
    (reach(3, 4), "inconclusive"),
    (reach(3, 3, witness=None), "inconclusive"),
]


@pytest.mark.parametrize(("sample", "state"), REACHES)
def test_reachability(sample: ReachSample, state: str) -> None:
    trigger = replace(API, limit=None, min_samples=1)
    decision = under(trigger, sample)
    assert decision.triggers[0].state == state
    verdicts = {"ok": Verdict.GO, "breached": Verdict.ROLLBACK}
    assert decision.verdict is verdicts.get(state, Verdict.HOLD)


def test_reachability_with_more_attempts_declared() -> None:
    trigger = replace(API, limit=None, min_samples=5)
    assert judge_sample(trigger, reach(4, 4)).state == "inconclusive"
    assert judge_sample(trigger, reach(5, 5)).state == "breached"


def test_what_is_said_about_reachability() -> None:
    trigger = replace(API, limit=None, min_samples=1)
    found = judge_sample(trigger, reach(3, 4))
    assert found.text == "3 of 4 attempts failed within 2.0 s, meanwhile service:api answered"
    assert (found.bad, found.total, found.low, found.high) == (3, 4, None, None)
    alone = judge_sample(trigger, reach(3, 3, witness=None))
    assert alone.text == (
        "3 of 3 attempts failed within 2.0 s, meanwhile nothing else answered either"
    )
    assert judge_sample(trigger, reach(0, 2)).text == "0 of 2 attempts failed within 2.0 s"


SAMPLES: list[tuple[list[Sample], str, int | None]] = [
    # A sample that grew: its last look counts.
    ([rate(20, 400), rate(40, 1200, looks=2)], "ok", 1200),
    # Two of the same size: the worse.
    ([rate(2, 400), rate(20, 400)], "inconclusive", 400),
    ([rate(2, 400), rate(3, 400)], "ok", 400),
    # A certain breach is not outvoted by a larger sample.
    ([rate(40, 400), rate(0, 1600)], "breached", 400),
    ([rate(40, 400), rate(160, 1600)], "breached", 1600),
    # Counts that cannot be are not outvoted either, but by a breach.
    ([rate(5, 4), rate(0, 1600)], "inconclusive", None),
    ([rate(5, 4), rate(40, 400)], "breached", 400),
    ([rate(1001, 1000), rate(40, 400)], "breached", 400),
    ([rate(2, 400), rate(10, 400)], "ok", 400),
    ([rate(10, 400), rate(9, 400, looks=50)], "inconclusive", 400),
    # A later success does not undo failed attempts.
    ([reach(2, 3), reach(0, 9)], "inconclusive", 3),
    ([reach(3, 3), reach(0, 9)], "breached", 3),
    # No order of arrival decides between equals.
    ([reach(0, 1), reach(0, 9)], "ok", 9),
    ([reach(0, 0), reach(0, 9)], "ok", 9),
]


@pytest.mark.parametrize(("samples", "state", "total"), SAMPLES)
def test_samples_that_differ(samples: list[Sample], state: str, total: int | None) -> None:
    trigger = replace(API, min_samples=1)
    for order in permutations(samples):
        found = judge_measure(trigger, order)
        assert (found.state, found.total) == (state, total)
    most = [one.bad for one in samples if isinstance(one, RateSample)]
    if most and state == "ok":
        assert judge_measure(trigger, samples).bad == max(most)


def test_of_attempts_that_failed_more_often_count() -> None:
    trigger = replace(API, limit=None, min_samples=1)
    for order in permutations([reach(2, 12), reach(10, 12), reach(9, 12)]):
        assert judge_measure(trigger, order).bad == 10


def test_of_two_kinds_of_samples_the_larger_rate_counts() -> None:
    trigger = replace(API, min_samples=2)
    for order in permutations([rate(0, 1), reach(0, 1)]):
        assert judge_measure(trigger, order).state == "idle"


def test_an_idle_trigger_that_is_a_note_leaves_the_state_alone() -> None:
    trigger = replace(API, when_idle="note")
    ground = ground_of(trigger, judge_sample(trigger, rate(0, 3)), item())
    assert ground is not None
    assert ground.state is State.VERIFIED


def test_samples_of_other_measures_say_nothing() -> None:
    other = replace(rate(0, 400), measure="web.error_rate")
    assert under(API, other).triggers[0].state == "not measured"


def test_only_samples_that_were_cited_in_the_last_attempt_count() -> None:
    given = Given(triggers=(API,))
    first, last = cited("early", attempt=1), cited("late", attempt=2)
    given.put(replace(passed(CHECK, first, last), attempts=2, passes=2))
    given.samples = {"m-early": rate(40, 400), "m-late": rate(0, 400)}
    assert given.decide().triggers[0].state == "ok"
    given.samples = {"m-early": rate(0, 400), "m-late": rate(40, 400)}
    assert given.decide().triggers[0].state == "breached"


def test_a_sample_cited_by_any_check_counts() -> None:
    """Also by one that did not pass, and by one that claims nothing."""
    given = Given(triggers=(API,))
    given.put(result("other.py::t", Outcome.SKIPPED, citations=(cited("other"),)))
    given.samples = {"m-other": rate(40, 400)}
    assert given.decide().verdict is Verdict.ROLLBACK
    given.lost = {"m-other"}
    assert given.decide().triggers[0].state == "not measured"


def test_a_citation_of_the_sample_without_a_judgement_is_enough() -> None:
    given = Given(triggers=(API,))
    unjudged = Citation("m-rate", "service:api", cited(1).judgement.NONE)
    given.put(passed(CHECK, cited(1), unjudged))
    given.samples = {"m-rate": rate(0, 400)}
    assert given.decide().verdict is Verdict.GO


def test_what_is_not_verified_anyway_gets_no_second_reason() -> None:
    given = Given(triggers=(API,))
    given.results = {}
    assert codes(given.first()) == ["check-not-run"]
    given.put(result(CHECK, Outcome.FAILED, citations=(cited(1),)))
    assert codes(given.first()) == ["check-failed"]
    assert given.decide().verdict is Verdict.NO_GO
    given.samples = {"m-1": rate(40, 400)}
    assert codes(given.first()) == ["check-failed", "trigger-breached"]
    assert given.decide().verdict is Verdict.ROLLBACK


def test_a_breach_beats_what_kept_the_item_from_being_verified() -> None:
    given = Given(triggers=(API,))
    given.put(result(CHECK, Outcome.SKIPPED, citations=(cited(1),)))
    given.samples = {"m-1": rate(40, 400)}
    first = given.first()
    assert (first.state, codes(first)) == (State.FAILED, ["trigger-breached", "check-skipped"])


def test_a_breach_whose_item_is_not_in_scope_is_not_passed_over() -> None:
    given = Given((item(), item("post.other")), triggers=(API,))
    given.scope = Scope("smoke", ("post.other",), complete=False)
    given.put(passed(check_of("post.other"), cited(1)))
    given.results.pop(CHECK)
    given.samples = {"m-1": rate(40, 400)}
    decision = given.decide()
    assert decision.verdict is Verdict.HOLD
    assert finding_codes(decision) == ["trigger-out-of-scope"]
    said = decision.findings[0].reason
    assert said.text == (
        "api-errors: api.error_rate 40 of 400 [7.2, 13.4] %, limit 5 %; its item is not in scope"
    )
    assert said.next_step == "run the whole stage, so that the trigger is judged"
    given.samples = {"m-1": rate(0, 400)}
    assert given.decide().verdict is Verdict.GO
    given.samples = {}
    assert given.decide().verdict is Verdict.GO


def test_a_trigger_whose_item_is_not_applicable() -> None:
    elsewhere = item(environments=("production",))
    given = Given((elsewhere, item("post.other")), triggers=(API,))
    assert given.decide().verdict is Verdict.GO
    assert given.decide().items[0].state is State.NOT_APPLICABLE
    given.put(passed(check_of("post.other"), cited(1)))
    given.samples = {"m-1": rate(40, 400)}
    assert finding_codes(given.decide()) == ["trigger-out-of-scope"]
    assert given.decide().items[0].state is State.NOT_APPLICABLE


SECURITY = Trigger(id="security", items=("post.orders", "post.access"), undo=("api", "web"))
ORDERS, ACCESS = item("post.orders"), item("post.access", severity=Severity.P3)


def test_named_items_that_hold() -> None:
    decision = Given((ORDERS, ACCESS), triggers=(SECURITY,)).decide()
    assert decision.verdict is Verdict.GO
    found = decision.triggers[0]
    assert (found.state, found.text) == ("ok", "2 of 2 items, none failed")
    assert (found.item, found.measure) == (None, "post.orders, post.access")


def test_a_named_item_that_failed() -> None:
    given = Given((ORDERS, ACCESS), triggers=(SECURITY,))
    given.put(result(check_of("post.access"), Outcome.FAILED))
    decision = given.decide()
    assert decision.verdict is Verdict.ROLLBACK
    found = decision.triggers[0]
    assert (found.state, found.item) == ("breached", "post.access")
    assert found.text == "failed: post.access"
    assert found.undo == ("api", "web")
    given.put(result(check_of("post.orders"), Outcome.FAILED))
    assert given.decide().triggers[0].text == "failed: post.orders, post.access"


@pytest.mark.parametrize("outcome", [Outcome.SKIPPED, Outcome.NOT_RUN, Outcome.BROKEN])
def test_a_named_item_that_is_only_not_verified(outcome: Outcome) -> None:
    given = Given((ORDERS, ACCESS), triggers=(SECURITY,))
    given.put(result(check_of("post.orders"), outcome))
    decision = given.decide()
    assert decision.verdict is Verdict.HOLD
    assert decision.triggers[0].state == "inconclusive"
    assert decision.triggers[0].text == "not verified: post.orders"
    given.put(result(check_of("post.access"), outcome))
    assert given.decide().triggers[0].text == "not verified: post.orders, post.access"


def test_named_items_that_are_out_of_scope_or_fail_before_a_deployment() -> None:
    given = Given((ORDERS, item("pre.audit", stage=Stage.PRE_DEPLOY)), triggers=(SECURITY,))
    given.scope = Scope("pre_deploy", ("pre.audit",), complete=True)
    found = given.decide().triggers[0]
    assert (found.state, found.text) == ("not measured", "none of its items is in scope")
    assert given.decide().verdict is Verdict.GO
    early = Given((replace(ORDERS, stage=Stage.PRE_DEPLOY),), triggers=(SECURITY,))
    early.put(result(check_of("post.orders"), Outcome.FAILED))
    assert early.decide().verdict is Verdict.NO_GO


def test_a_breached_rate_fails_an_item_that_another_trigger_names() -> None:
    named = Trigger(id="named", items=("post.health",))
    for triggers in ((API, named), (named, API)):
        given = Given(triggers=triggers)
        given.put(passed(CHECK, cited(1)))
        given.samples = {"m-1": rate(40, 400)}
        decision = given.decide()
        assert {one.id: one.state for one in decision.triggers} == {
            "api-errors": "breached",
            "named": "breached",
        }
        assert [one.id for one in decision.triggers] == [one.id for one in triggers]


def test_two_triggers_on_one_item() -> None:
    second = replace(API, id="second", measure="web.error_rate")
    given = Given(triggers=(API, second))
    given.put(passed(CHECK, cited(1), cited(2)))
    given.samples = {"m-1": rate(0, 400)}
    assert codes(given.first()) == ["trigger-not-measured"]
    given.samples["m-2"] = replace(rate(40, 400), measure="web.error_rate")
    assert given.decide().verdict is Verdict.ROLLBACK
