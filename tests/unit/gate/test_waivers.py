"""Waivers: what a good one covers, and that a bad one is HOLD and covers nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_metarelease.approvals.model import Approvals, GivenWaiver, Unreadable
from pytest_metarelease.evidence import Citation, Judgement, RateSample
from pytest_metarelease.gate.values import Decision, State, Verdict
from pytest_metarelease.gate.waivers import same_person
from pytest_metarelease.manifest.model import Trigger
from pytest_metarelease.manifest.scalars import Severity, Share, Stage
from pytest_metarelease.outcome import Outcome
from tests.unit.gate.given import Given, check_of, cited, finding_codes, item, result
from tests.unit.gate.test_algebra import NAMES, any_run, changed, runs
from tests.unit.gate.vouching import waiver

FAILED = result(check_of("post.health"), Outcome.FAILED, citations=(cited(1, Judgement.UNMET),))


def failing(*waivers: GivenWaiver, **changes: Any) -> Given:
    run = Given((item(**changes),), approvals=Approvals(waivers=waivers))
    return run.put(FAILED)


def note_codes(decision: Decision) -> list[str]:
    return [one.code for one in decision.notes]


def test_without_a_waiver_nothing_is_waived() -> None:
    decision = failing().decide()
    assert decision.items[0].state is State.FAILED
    assert decision.verdict is Verdict.NO_GO


@pytest.mark.parametrize(
    "outcome", [Outcome.FAILED, Outcome.BROKEN, Outcome.SKIPPED, Outcome.NOT_RUN]
)
def test_a_good_waiver_covers_what_is_open(outcome: Outcome) -> None:
    decision = failing(waiver()).put(result(check_of("post.health"), outcome)).decide()
    found = decision.items[0]
    assert (found.state, found.verdict, decision.verdict) == (State.WAIVED, *[Verdict.GO] * 2)
    assert found.reasons[0].code == "waived"
    assert "until 2026-11-30T12:00:00Z by Ann, asked for by Bob: DBA-12" in found.reasons[0].text
    assert len(found.reasons) > 1, "what is waived stays on record"
    assert found.waiver == waiver()


BAD: dict[str, tuple[str, dict[str, Any]]] = {
    "expired": ("waiver-expired", {"expires": "2026-11-23T11:59:59Z"}),
    "expires now": ("waiver-expired", {"expires": "2026-11-23T12:00:00Z"}),
    "expired in another zone": ("waiver-expired", {"expires": "2026-11-23T13:30:00+02:00"}),
    "no time": ("waiver-expired", {"expires": "some day"}),
    "a date only": ("waiver-expired", {"expires": "2026-11-30"}),
    "no zone": ("waiver-expired", {"expires": "2026-11-30T12:00:00"}),
    "unknown item": ("waiver-unknown-item", {"item": "post.helth"}),
    "no reason": ("waiver-incomplete", {"reason": " "}),
    "no approver": ("waiver-incomplete", {"approver": ""}),
    "no author": ("waiver-incomplete", {"author": "\n"}),
    "one person": ("waiver-self-approved", {"author": "Ann"}),
    "one person in capitals": ("waiver-self-approved", {"author": " ANN "}),
    "one person with spaces": ("waiver-self-approved", {"author": "a n\tn"}),
    "one person, hidden": ("waiver-self-approved", {"author": "A\u200bnn"}),
    "one person, wide": ("waiver-self-approved", {"author": "\uff21nn"}),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_waiver_is_hold_and_covers_nothing(name: str) -> None:
    code, changes = BAD[name]
    decision = failing(waiver(**changes)).decide()
    assert decision.items[0].state is State.FAILED
    assert decision.verdict is Verdict.NO_GO
    assert code in finding_codes(decision)
    healthy = Given(approvals=Approvals(waivers=(waiver(**changes),))).decide()
    assert healthy.verdict is Verdict.HOLD, "also where nobody needed it"


def test_what_may_not_be_waived_is_not() -> None:
    decision = failing(waiver(), waivable=False).decide()
    assert decision.items[0].state is State.FAILED
    assert finding_codes(decision) == ["waiver-not-allowed"]


def test_an_unreadable_file_is_hold() -> None:
    broken = Unreadable(file="release-approvals/x.yaml", text="release-approvals/x.yaml:1:1: no")
    decision = Given(approvals=Approvals(unreadable=(broken,))).decide()
    assert finding_codes(decision) == ["approval-unreadable"]
    assert decision.verdict is Verdict.HOLD


def test_a_waiver_of_another_version_covers_nothing_and_is_a_note() -> None:
    decision = failing(waiver(version="2.0.1", expires="2026-11-23T11:59:59Z")).decide()
    assert (decision.items[0].state, decision.verdict) == (State.FAILED, Verdict.NO_GO)
    assert note_codes(decision) == ["waiver-other-release"]
    left = Approvals(waivers=(waiver(version="2.0.1"),))
    assert Given(approvals=left).decide().verdict is Verdict.GO


def test_a_waiver_that_nobody_needs_is_a_note() -> None:
    decision = Given(approvals=Approvals(waivers=(waiver(),))).decide()
    assert (decision.items[0].state, decision.verdict) == (State.VERIFIED, Verdict.GO)
    assert note_codes(decision) == ["waiver-unused"]
    assert decision.items[0].waiver is None


def test_of_two_good_waivers_the_first_file_counts() -> None:
    first, second = waiver("1.yaml"), waiver("2.yaml", approver="Eve")
    for order in ((first, second), (second, first)):
        decision = failing(*order).decide()
        assert decision.items[0].waiver == first
        assert note_codes(decision) == ["waiver-unused"]


def test_a_waiver_out_of_scope_is_a_note() -> None:
    run = failing(waiver(item="post.other"))
    run.items = (item(), item("post.other"))
    run.put(result(check_of("post.other"), citations=(cited(2),)))
    scope = replace(run.decide().scope, items=("post.health",), complete=False)
    assert note_codes(changed(run, scope=scope).decide()) == ["waiver-unused"]


def test_a_fingerprint_covers_one_failure_only() -> None:
    found = failing().decide().items[0].fingerprint
    assert len(found) == 16
    covered = failing(waiver(fingerprint=found)).decide()
    assert covered.items[0].state is State.WAIVED
    assert covered.items[0].fingerprint == found
    other = failing(waiver(fingerprint="0" * 16)).decide()
    assert other.items[0].state is State.FAILED
    assert note_codes(other) == ["waiver-other-failure"]


def test_a_fingerprint_says_what_failed_and_not_by_how_much() -> None:
    def of(outcome: Outcome = Outcome.FAILED, **changes: Any) -> str:
        fields = {"expected": "arbiter is A", "actual": "arbiter is B"} | changes
        one = Citation("m-1", "contract:escrow", Judgement.UNMET, **fields)
        text = f"it was {fields['actual']}"
        return (
            failing()
            .put(result(check_of("post.health"), outcome, text=text, citations=(one,)))
            .first()
            .fingerprint
        )

    assert of() == of(actual="arbiter is C")
    assert of() != of(expected="arbiter is D")
    assert of() != of(Outcome.BROKEN)
    assert Given().first().fingerprint == ""


RATE = Trigger(id="rate", item="post.health", measure="api.error_rate", limit=Share(0.05))
NAMED = Trigger(id="named", items=("post.health",))


@pytest.mark.parametrize("trigger", [RATE, NAMED], ids=lambda one: one.id)
def test_no_waiver_hides_a_breached_trigger(trigger: Trigger) -> None:
    breached = failing(waiver())
    breached.triggers = (trigger,)
    breached.samples = {"m-1": RateSample(measure="api.error_rate", bad=200, total=400)}
    decision = breached.decide()
    assert decision.verdict is Verdict.ROLLBACK
    assert decision.items[0].state is State.FAILED
    assert note_codes(decision) == ["waiver-not-for-rollback"]


def test_no_waiver_covers_a_breach_before_the_deployment() -> None:
    decision = changed(failing(waiver(), stage=Stage.PRE_DEPLOY), triggers=(NAMED,)).decide()
    assert decision.verdict is Verdict.NO_GO


def test_no_waiver_covers_a_failure_that_is_to_be_rolled_back() -> None:
    assert failing(waiver(), on_failure="rollback").decide().verdict is Verdict.ROLLBACK
    unknown = failing(waiver(), on_failure="rollback")
    unknown.put(result(check_of("post.health"), Outcome.BROKEN))
    assert unknown.decide().verdict is Verdict.GO


def test_time_that_cannot_be_read_lets_no_waiver_count() -> None:
    decision = failing(waiver()).decide(now="yesterday")
    assert "waiver-expired" in finding_codes(decision)
    assert decision.items[0].state is State.FAILED


@pytest.mark.parametrize(
    ("one", "other"), [("Ann", "Bob"), ("Ann Lee", "Ann Li"), ("Ann", "Ann Lee")]
)
def test_different_people_are_different(one: str, other: str) -> None:
    assert not same_person(one, other)


def waivers() -> st.SearchStrategy[tuple[GivenWaiver, ...]]:
    """Waivers of the three items of any run, good and bad."""
    bad = st.sampled_from([{}, *(changes for _code, changes in BAD.values())])
    one = st.builds(
        lambda name, changes, file: waiver(file, **({"item": name} | changes)),
        st.sampled_from(NAMES),
        bad,
        st.sampled_from(["1.yaml", "2.yaml", "3.yaml"]),
    )
    return st.lists(one, max_size=3).map(tuple)


@given(runs(), waivers(), waivers())
def test_the_order_of_waivers_never_matters(
    run: Given, some: tuple[GivenWaiver, ...], more: tuple[GivenWaiver, ...]
) -> None:
    def decided(found: tuple[GivenWaiver, ...]) -> tuple[Any, ...]:
        # Two files of one folder have two names.
        named = {one.file: one for one in found}
        decision = changed(run, approvals=Approvals(waivers=tuple(named.values()))).decide()
        return decision.verdict, decision.items, decision.findings, decision.notes

    named = tuple({one.file: one for one in (*some, *more)}.values())
    assert decided(named) == decided(tuple(reversed(named)))


@given(st.integers(0, 2**32), st.sampled_from(NAMES), st.sampled_from(sorted(BAD)))
def test_a_bad_waiver_never_improves(seed: int, name: str, bad: str) -> None:
    run = any_run(seed)
    given_bad = waiver(**({"item": name} | BAD[bad][1]))
    with_it = changed(run, approvals=Approvals(waivers=(given_bad,))).decide()
    assert with_it.verdict is not Verdict.GO
    assert with_it.verdict.rank >= run.decide().verdict.rank
    assert with_it.items == run.decide().items


@given(st.integers(0, 2**32), waivers())
def test_when_waivers_expire_the_verdict_never_improves(
    seed: int, some: tuple[GivenWaiver, ...]
) -> None:
    run = changed(any_run(seed), approvals=Approvals(waivers=some))
    assert run.decide("2027-11-23T12:00:00Z").verdict.rank >= run.decide().verdict.rank


@given(runs(), waivers())
def test_only_a_waiver_on_record_waives(run: Given, some: tuple[GivenWaiver, ...]) -> None:
    before = run.decide()
    after = changed(run, approvals=Approvals(waivers=some)).decide()
    for one, other in zip(before.items, after.items, strict=True):
        if other.state is State.WAIVED:
            assert other.waiver in some
            assert one.state in (State.FAILED, State.NOT_VERIFIED)
            assert one.verdict is not Verdict.ROLLBACK
        else:
            assert other == one


@given(runs(), st.sampled_from(list(Severity)))
def test_a_rollback_stays_a_rollback(run: Given, severity: Severity) -> None:
    every = tuple(waiver(f"{name}.yaml", item=name) for name in NAMES)
    before = run.decide().verdict
    if before is Verdict.ROLLBACK:
        after = changed(run, approvals=Approvals(waivers=every)).decide().verdict
        assert after is Verdict.ROLLBACK
