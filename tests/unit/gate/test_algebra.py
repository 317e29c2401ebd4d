"""What must hold of every decision (DESIGN 4, algebra), for any run."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import assume, given
from hypothesis import strategies as st

from pytest_metarelease.checklist import Lock
from pytest_metarelease.evidence import Citation, Judgement, RateSample
from pytest_metarelease.gate.values import (
    Decision,
    Finding,
    Identification,
    Reason,
    State,
    Verdict,
)
from pytest_metarelease.manifest.model import Attempts, EvidenceNeed, Item, Trigger
from pytest_metarelease.manifest.scalars import Severity, Share, Stage
from pytest_metarelease.outcome import CheckResult, Outcome, Phase, assemble
from tests.unit.gate.given import Given, check_of, item

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = ("a.one", "b.two", "c.three")
SUBJECTS = ("service:api", "service:web", "contract:escrow")
STRAY = "stray.py::t"
JUDGED = (Judgement.MET, Judgement.NONE, Judgement.UNKNOWN, Judgement.UNMET)


def any_items(pick: random.Random) -> tuple[Item, ...]:
    return tuple(
        item(
            name,
            stage=pick.choice([Stage.PRE_DEPLOY, Stage.POST_DEPLOY, Stage.ROLLBACK]),
            severity=pick.choice(list(Severity)),
            on_failure=pick.choice([None, "rollback"]),
            attempts=pick.choice([Attempts(), Attempts(passes=1, of=2)]),
            evidence=pick.choice([(), (EvidenceNeed(subject="service:*"),)]),
        )
        for name in NAMES
    )


class Luck:
    """Choices from a seed; a lucky one makes the first choice nine times in ten."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lucky = self.random.choice([True, True, False])

    def mostly(self, *choices: Any) -> Any:
        """Return the first, which is the healthy one, or any."""
        if self.lucky and self.random.randrange(10):
            return choices[0]
        return self.random.choice(choices)


def any_result(luck: Luck, nodeid: str) -> CheckResult:
    """A result as ``assemble`` makes it, from one or two attempts."""
    phases: list[Phase] = []
    attempts = luck.mostly(1, 2)
    for number in range(attempts):
        last = number == attempts - 1
        call = luck.mostly("passed", "passed", "failed", "skipped") if last else "rerun"
        fault = luck.mostly("failed", "broken", "not run")
        phases += [
            Phase("setup", "passed", rerun=number),
            Phase("call", call, fault=fault, rerun=number),
        ]
        if last:
            phases.append(Phase("teardown", "passed", rerun=number))
    numbers = {luck.mostly(0, 1, 2), *(luck.random.randrange(6) for _ in range(2))}
    cited = [
        Citation(f"m-{one}", SUBJECTS[one % 3], luck.mostly(*JUDGED), attempt=attempts)
        for one in sorted(numbers)
    ]
    return assemble(nodeid, phases, luck.mostly(cited, cited, []))


RATE = Trigger(id="rate", item=NAMES[0], measure="api.error_rate", limit=Share(0.05), undo=("api",))
NAMED = Trigger(id="named", items=NAMES[1:])


def any_run(seed: int) -> Given:
    """A run with anything that may happen to three items, their checks and one stray test.

    Made from a seed and not by strategies: a hundred times as many runs in the same time.
    """
    luck = Luck(seed)
    met, unmet = (_identified(one) for one in (Judgement.MET, Judgement.UNMET))
    bad = luck.mostly(luck.random.randrange(9), luck.random.randrange(60))
    run = Given(
        any_items(luck.random),
        triggers=luck.random.choice([(), (RATE,), (NAMED,), (RATE, NAMED)]),
        identities=luck.random.choice([(), ("api",)]),
        bindings={"unlocked.py::t": (NAMES[2],)},
        identifications=luck.mostly((met,), (), (unmet,)),
        samples={"m-0": RateSample(measure="api.error_rate", bad=bad, total=400)},
        record={"pytest_exit": luck.mostly(0, 1, 2)},
    )
    checks = [*map(check_of, NAMES), "unlocked.py::t", *luck.random.choice([(), (STRAY,)])]
    run.results = {one: any_result(luck, one) for one in checks if luck.mostly(True, False)}
    return run


def runs() -> st.SearchStrategy[Given]:
    return st.integers(0, 2**32).map(any_run)


def _identified(judgement: Judgement) -> Identification:
    return Identification(
        subject="service:api", judgement=judgement, expected="2.0.0", actual="2.0.0"
    )


def changed(run: Given, **changes: Any) -> Given:
    """The same run with something else in it; ``results`` may become empty."""
    made = replace(run, **changes)
    made.results = changes.get("results", run.results)
    return made


def outcome_of(decision: Decision) -> tuple[Any, ...]:
    """Everything that a decision says, apart from the record that it was made from."""
    return (
        decision.verdict,
        decision.title,
        decision.items,
        decision.triggers,
        decision.rollback,
        decision.unclaimed,
        decision.findings,
        decision.notes,
    )


def shuffled(found: dict[str, Any], seed: int) -> dict[str, Any]:
    keys = list(found)
    random.Random(seed).shuffle(keys)
    return {key: found[key] for key in keys}


def test_trivially_not_go() -> None:
    run = Given(tuple(map(item, NAMES)))
    run.results = {}
    assert run.decide().verdict is Verdict.HOLD


@given(runs(), st.integers(0, 1000))
def test_the_order_of_results_never_matters(run: Given, seed: int) -> None:
    other = changed(
        run,
        results=shuffled(run.results, seed),
        bindings=shuffled(run.bindings, seed),
        samples=shuffled(run.samples, seed),
        identifications=tuple(reversed(run.identifications)),
    )
    assert outcome_of(run.decide()) == outcome_of(other.decide())


@given(runs(), st.data())
def test_a_further_failure_never_improves(run: Given, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([*map(check_of, NAMES), "unlocked.py::t", STRAY, "new.py::t"]))
    failed = CheckResult(nodeid=name, outcome=Outcome.FAILED, code="check-failed")
    before = run.results.get(name)
    if before is not None:
        failed = replace(failed, citations=before.citations, attempts=before.attempts)
    # What exit code 1 alone gave away is now explained: that HOLD may turn into a note.
    assume("unexplained-exit" not in {one.reason.code for one in run.decide().findings})
    worse = changed(run, results={**run.results, name: failed})
    assert worse.decide().verdict.rank >= run.decide().verdict.rank


@given(runs())
def test_a_result_that_is_lost_never_improves(run: Given) -> None:
    """Of locked checks; what a failure showed is lost with it, which the next property is about."""
    before = run.decide().verdict
    for name in map(check_of, NAMES):
        lost = run.results.get(name)
        if lost is None or lost.outcome is Outcome.FAILED or _shows_a_sample(lost, run):
            continue
        left = {key: one for key, one in run.results.items() if key != name}
        assert changed(run, results=left).decide().verdict.rank >= before.rank


def _shows_a_sample(result: CheckResult, run: Given) -> bool:
    return any(one.measurement in run.samples for one in result.judged)


@given(runs(), st.data())
def test_a_lost_result_is_never_go_where_it_was_not(run: Given, data: st.DataObject) -> None:
    """Also a failure that gets lost leaves its items open."""
    name = data.draw(st.sampled_from(NAMES))
    left = {key: one for key, one in run.results.items() if key != check_of(name)}
    decision = changed(run, results=left).decide()
    states = {one.id: (one.state, one.severity) for one in decision.items}
    assert states[name][0] is not State.VERIFIED
    if states[name][1] is not Severity.P3:
        assert decision.verdict is not Verdict.GO


@given(runs(), st.data())
def test_a_lost_measurement_never_verifies(run: Given, data: st.DataObject) -> None:
    """A sample that is lost takes its breach with it, never the item's need of it."""
    lost = data.draw(st.sampled_from([f"m-{number}" for number in range(6)]))
    before, after = run.decide(), changed(run, lost={lost}).decide()
    for one, other in zip(before.items, after.items, strict=True):
        if other.state is State.VERIFIED and not any(
            trigger.item == one.id and trigger.state == "breached" for trigger in before.triggers
        ):
            assert one.state is State.VERIFIED


WORSE: list[Callable[[Given], Given]] = [
    lambda run: changed(run, lock=Lock(), record={**run.record, "lock_digest": None}),
    lambda run: changed(run, record={**run.record, "finished": False}),
    lambda run: changed(run, record={**run.record, "manifest_digest": "other"}),
    lambda run: changed(run, identifications=()),
    lambda run: changed(run, identifications=(*run.identifications, _identified(Judgement.UNMET))),
    lambda run: changed(
        run, findings=(*run.findings, Finding(Verdict.HOLD, Reason("torn", "it is torn")))
    ),
]


@given(runs(), st.sampled_from(WORSE))
def test_nothing_that_goes_missing_improves(run: Given, worse: Callable[[Given], Given]) -> None:
    declared = "api" in run.identities
    assume(declared or worse is not WORSE[3])  # an identity that nobody declared is not needed
    # Without a lock nothing is demanded of a check, so what it saw counts as unclaimed.
    assert worse(run).decide().verdict.rank >= run.decide().verdict.rank or worse is WORSE[0]
    assert worse(run).decide().verdict is not Verdict.GO or run.decide().verdict is Verdict.GO


@given(runs())
def test_only_a_met_measurement_verifies(run: Given) -> None:
    for one in run.decide().items:
        if one.state is State.VERIFIED:
            locked = next(each for each in one.checks if each.nodeid == check_of(one.id))
            assert locked.outcome is Outcome.PASSED or locked.code == "check-flaky"
            assert locked.met
            assert one.met >= 1


@given(runs())
def test_go_means_that_every_item_is_verified_or_a_note(run: Given) -> None:
    decision = run.decide()
    if decision.verdict is Verdict.GO:
        for one in decision.items:
            assert one.state is State.VERIFIED or one.severity is Severity.P3
        assert not decision.findings


@given(runs())
def test_the_verdict_is_the_worst_of_its_parts(run: Given) -> None:
    decision = run.decide()
    parts = [*(one.verdict for one in decision.items), *(one.verdict for one in decision.findings)]
    assert decision.verdict is max(parts, key=lambda one: one.rank)


@given(runs())
def test_a_rollback_has_a_cause_that_is_certain(run: Given) -> None:
    """Unknown is HOLD, never ROLLBACK."""
    decision = run.decide()
    if decision.verdict is Verdict.ROLLBACK:
        causes = [one for one in decision.items if one.verdict is Verdict.ROLLBACK]
        assert causes
        assert all(one.state is State.FAILED for one in causes)
        assert all(one.stage is Stage.POST_DEPLOY for one in causes)


@given(runs())
def test_every_reason_has_a_code_a_sentence_and_a_next_step(run: Given) -> None:
    decision = run.decide()
    for one in decision.items:
        assert one.reasons or one.state is State.VERIFIED
        for reason in one.reasons:
            assert reason.code
            assert reason.text
            note = one.state is State.VERIFIED or reason.code in ("check-flaky", "trigger-idle")
            assert reason.next_step or note
    for finding in decision.findings:
        assert finding.reason.next_step
