"""What reports of one check amount to."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pytest_metarelease.outcome
from pytest_metarelease.evidence import Citation, Judgement
from pytest_metarelease.outcome import CheckResult, Outcome, Phase, assemble

CLEAN = (Phase("setup", "passed"), Phase("call", "passed"), Phase("teardown", "passed"))
SETUP, CALL, TEARDOWN = CLEAN
MET = Citation("m-1", "service:api", Judgement.MET)


def seen(*phases: Phase, citations: tuple[Citation, ...] = ()) -> tuple[Outcome, str]:
    found = assemble("a.py::t", phases, citations)
    return found.outcome, found.code


def attempt(number: int, call: str = "passed", **more: Any) -> tuple[Phase, ...]:
    """One numbered attempt, as the rerun plugin reports it: a rerun ends it."""
    changed = Phase("call", call, rerun=number, **more)
    if call == "rerun":
        return (Phase("setup", "passed", rerun=number), changed)
    return (
        Phase("setup", "passed", rerun=number),
        changed,
        Phase("teardown", "passed", rerun=number),
    )


def test_trivially_not_run() -> None:
    assert assemble("a.py::t", ()) == CheckResult(
        nodeid="a.py::t",
        outcome=Outcome.NOT_RUN,
        code="check-not-run",
        text="no report of it arrived",
        attempts=1,
        passes=0,
    )


def test_the_clean_case() -> None:
    phases = [replace(one, duration=0.5) for one in CLEAN]
    assert assemble("a.py::t", phases, [MET]) == CheckResult(
        nodeid="a.py::t",
        outcome=Outcome.PASSED,
        code="passed",
        attempts=1,
        passes=1,
        duration=1.5,
        citations=(MET,),
    )


def test_the_clean_case_needs_no_close_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand clean checks are assembled at the end of a run: the short way must be taken."""

    def refused(*_: object) -> None:
        raise AssertionError("looked at closely")

    monkeypatch.setattr(pytest_metarelease.outcome, "_attempts", refused)
    assert assemble("a.py::t", CLEAN, [MET]).outcome is Outcome.PASSED
    with pytest.raises(AssertionError, match="looked at closely"):
        assemble("a.py::t", CLEAN[:2])


@pytest.mark.parametrize("order", list(itertools.permutations(CLEAN)))
def test_the_order_of_phases_does_not_matter(order: tuple[Phase, ...]) -> None:
    assert seen(*order) == (Outcome.PASSED, "passed")


def test_passing_subtests_are_clean() -> None:
    subtest = Phase("call", "passed", kind="subtest")
    assert seen(SETUP, subtest, subtest, CALL, TEARDOWN) == (Outcome.PASSED, "passed")


ONE_PHASE = [
    ({"outcome": "skipped"}, Outcome.SKIPPED, "check-skipped"),
    ({"outcome": "skipped", "wasxfail": True}, Outcome.SKIPPED, "check-xfail"),
    ({"outcome": "passed", "wasxfail": True}, Outcome.SKIPPED, "check-xfail"),
    ({"outcome": "failed"}, Outcome.FAILED, "check-failed"),
    ({"outcome": "failed", "wasxfail": True}, Outcome.FAILED, "check-failed"),
    ({"outcome": "failed", "fault": "broken"}, Outcome.BROKEN, "check-broken"),
    ({"outcome": "failed", "fault": "not run"}, Outcome.NOT_RUN, "not-ready"),
    ({"outcome": "error"}, Outcome.BROKEN, "check-broken"),
    ({"kind": "other"}, Outcome.BROKEN, "check-broken"),
]


@pytest.mark.parametrize(("change", "outcome", "code"), ONE_PHASE)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_phase_that_is_not_clean(
    place: int, change: dict[str, Any], outcome: Outcome, code: str
) -> None:
    phases = list(CLEAN)
    phases[place] = replace(phases[place], **change)
    if change.get("kind") == "other":
        phases.append(CLEAN[place])
    assert seen(*phases) == (outcome, code)


SUBTESTS = [
    ({"outcome": "failed"}, Outcome.FAILED, "check-failed"),
    ({"outcome": "failed", "fault": "broken"}, Outcome.BROKEN, "check-broken"),
    ({"outcome": "skipped"}, Outcome.SKIPPED, "subtest-skipped"),
    ({"outcome": "skipped", "wasxfail": True}, Outcome.SKIPPED, "subtest-skipped"),
    ({"outcome": "passed", "wasxfail": True}, Outcome.SKIPPED, "subtest-skipped"),
    ({"outcome": "mystery"}, Outcome.BROKEN, "check-broken"),
]


@pytest.mark.parametrize(("change", "outcome", "code"), SUBTESTS)
def test_a_subtest_counts_by_itself(change: dict[str, Any], outcome: Outcome, code: str) -> None:
    subtest = replace(Phase("call", "passed", kind="subtest"), **change)
    assert seen(SETUP, subtest, CALL, TEARDOWN) == (outcome, code)


def test_a_subtest_is_no_call() -> None:
    subtest = Phase("call", "passed", kind="subtest")
    assert seen(SETUP, subtest, TEARDOWN) == (Outcome.BROKEN, "check-interrupted")


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_phase_that_never_came(missing: int) -> None:
    phases = [one for number, one in enumerate(CLEAN) if number != missing]
    found = assemble("a.py::t", phases)
    assert (found.outcome, found.code) == (Outcome.BROKEN, "check-interrupted")
    assert found.text == f"no report arrived of: {CLEAN[missing].when}"


def test_all_phases_that_never_came_are_named() -> None:
    assert assemble("t", [SETUP]).text == "no report arrived of: call, teardown"


@pytest.mark.parametrize("twice", [0, 1, 2])
def test_a_phase_that_came_twice(twice: int) -> None:
    found = assemble("a.py::t", [*CLEAN, CLEAN[twice]])
    assert (found.outcome, found.code) == (Outcome.BROKEN, "check-repeated")
    assert found.text == f"reported more than once in one attempt: {CLEAN[twice].when}"


def test_a_whole_second_run_is_a_repetition() -> None:
    found = assemble("a.py::t", [*CLEAN, *(replace(one, process="gw1") for one in CLEAN)])
    assert found.code == "check-repeated"
    assert found.text == "reported more than once in one attempt: setup, call, teardown"


@pytest.mark.parametrize("outcome", ["skipped", "failed"])
def test_no_call_is_due_after_a_setup_that_did_not_pass(outcome: str) -> None:
    found = assemble("a.py::t", [Phase("setup", outcome, text="why"), TEARDOWN])
    assert found.text == "why"
    assert assemble("a.py::t", [Phase("setup", "skipped")]).code == "check-interrupted"


@pytest.mark.parametrize(
    "before", [(), (SETUP,), (SETUP, CALL), CLEAN], ids=["nothing", "setup", "call", "all"]
)
def test_a_crash_is_broken_whatever_came_before(before: tuple[Phase, ...]) -> None:
    crash = Phase("???", "failed", text="worker 'gw0' crashed")
    found = assemble("a.py::t", [*before, crash])
    assert (found.outcome, found.code, found.text) == (
        Outcome.BROKEN,
        "check-crashed",
        "worker 'gw0' crashed",
    )


def test_an_unknown_kind_of_report_is_named() -> None:
    assert assemble("t", [*CLEAN, Phase("later", "passed")]).text == "unknown kind of report: later"
    crash = assemble("t", [Phase("???", "failed")])
    assert crash.text == "its process crashed"
    mystery = assemble("t", [SETUP, Phase("call", "mystery"), TEARDOWN])
    assert mystery.text == "unknown outcome: mystery"


def test_reasons_and_next_steps_travel() -> None:
    for outcome in ("skipped", "failed"):
        phase = replace(CALL, outcome=outcome, text="no browser", next_step="install one")
        found = assemble("t", [SETUP, phase, TEARDOWN])
        assert (found.text, found.next_step) == ("no browser", "install one")
    part = Phase("call", "skipped", kind="subtest", text="half", next_step="do")
    found = assemble("t", [SETUP, part, CALL, TEARDOWN])
    assert (found.text, found.next_step) == ("half", "do")
    xfail = assemble("t", [SETUP, replace(CALL, wasxfail=True), TEARDOWN])
    assert xfail.text == "expected to fail"
    known = assemble("t", [SETUP, replace(CALL, wasxfail=True, text="bug 7"), TEARDOWN])
    assert known.text == "bug 7"


EVIDENCE: list[tuple[Judgement, Outcome, str]] = [
    (Judgement.NONE, Outcome.PASSED, "passed"),
    (Judgement.MET, Outcome.PASSED, "passed"),
    (Judgement.UNKNOWN, Outcome.BROKEN, "evidence-unknown"),
    (Judgement.UNMET, Outcome.FAILED, "evidence-unmet"),
]


@pytest.mark.parametrize(("judgement", "outcome", "code"), EVIDENCE)
def test_evidence_wins_over_a_report_that_says_passed(
    judgement: Judgement, outcome: Outcome, code: str
) -> None:
    assert seen(*CLEAN, citations=(MET, replace(MET, judgement=judgement))) == (outcome, code)


def test_an_unmet_expectation_is_told_in_full() -> None:
    unmet = Citation(
        "m", "contract:escrow", Judgement.UNMET, "arbiter 0x5a", "0x70", "Escrow.arbiter()", "redo"
    )
    failed = replace(CALL, outcome="failed", text="AssertionError")
    found = assemble("t", [SETUP, failed, TEARDOWN], [unmet])
    assert found.text == "expected arbiter 0x5a, actual 0x70 (Escrow.arbiter())"
    assert (found.code, found.next_step) == ("evidence-unmet", "redo")
    assert assemble("t", CLEAN, [replace(unmet, where="")]).text == (
        "expected arbiter 0x5a, actual 0x70"
    )


def test_a_crash_says_more_than_an_unknown_answer() -> None:
    unknown = replace(MET, judgement=Judgement.UNKNOWN)
    assert assemble("t", [SETUP, Phase("???", "failed")], [unknown]).code == "check-crashed"


def test_citations_without_any_report_still_count() -> None:
    unmet = replace(MET, judgement=Judgement.UNMET)
    assert seen(citations=(unmet,)) == (Outcome.FAILED, "evidence-unmet")


FAULTS: list[Literal["failed", "broken", "not run"]] = ["failed", "broken", "not run"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_rerun_that_passed_is_flaky(fault: Literal["failed", "broken", "not run"]) -> None:
    found = assemble("t", [*attempt(0, "rerun", fault=fault, text="boom"), *attempt(1)])
    assert (found.outcome, found.code) == (Outcome.BROKEN, "check-flaky")
    assert (found.attempts, found.passes) == (2, 1)
    assert found.text == "1 of 2 attempts passed; before that: boom"


def test_a_flaky_check_without_a_text_says_its_code() -> None:
    found = assemble("t", [*attempt(0, "rerun"), *attempt(1)])
    assert found.text == "1 of 2 attempts passed; before that: check-failed"


def test_of_flaky_attempts_all_are_counted() -> None:
    ended = attempt(0, "rerun", text="boom", next_step="look at the log")
    found = assemble("t", [*ended, *attempt(1, "rerun"), *attempt(2)])
    assert found.text == "1 of 3 attempts passed; before that: boom"
    assert found.next_step == "look at the log"


def test_reruns_of_a_plugin_that_does_not_number_them() -> None:
    ended = (SETUP, replace(CALL, outcome="rerun"))
    found = assemble("t", [*ended, *ended, *CLEAN])
    assert (found.code, found.attempts, found.passes) == ("check-flaky", 3, 1)


def test_a_rerun_that_hides_a_broken_teardown() -> None:
    ended = (SETUP, CALL, replace(TEARDOWN, outcome="rerun"))
    assert assemble("t", [*ended, *attempt(1)]).code == "check-flaky"


def test_attempts_that_all_passed_are_passed() -> None:
    found = assemble("t", [*attempt(0), *attempt(1)])
    assert (found.outcome, found.attempts, found.passes) == (Outcome.PASSED, 2, 2)


def test_no_attempt_passed_so_the_worst_stands() -> None:
    found = assemble("t", [*attempt(0, "rerun"), *attempt(1, "failed", fault="broken")])
    assert (found.outcome, found.code, found.passes) == (Outcome.FAILED, "check-failed", 0)


def test_a_pass_does_not_outlive_a_later_failure() -> None:
    found = assemble("t", [*attempt(0), *attempt(1, "failed")])
    assert (found.outcome, found.attempts, found.passes) == (Outcome.FAILED, 2, 1)


def test_a_rerun_whose_next_attempt_never_came() -> None:
    found = assemble("t", attempt(0, "rerun", fault="broken"))
    assert (found.outcome, found.code) == (Outcome.BROKEN, "check-broken")
    setup_missing = assemble("t", [Phase("call", "rerun", fault="not run")])
    assert setup_missing.code == "check-interrupted"


def test_an_attempt_that_was_lost_altogether_is_not_forgotten() -> None:
    found = assemble("t", attempt(1))
    assert (found.code, found.attempts, found.passes) == ("check-flaky", 2, 1)
    assert "no report of it arrived" in found.text


def test_only_the_last_attempt_is_judged_by_its_citations() -> None:
    unmet = replace(MET, judgement=Judgement.UNMET, attempt=1)
    met = replace(MET, attempt=2)
    found = assemble("t", [*attempt(0, "rerun"), *attempt(1)], [unmet, met])
    assert (found.outcome, found.code) == (Outcome.BROKEN, "check-flaky")
    assert found.citations == (unmet, met)
    assert found.judged == (met,)
    assert found.met == (met,)
    again = assemble("t", [*attempt(0, "rerun"), *attempt(1)], [replace(unmet, attempt=2)])
    assert again.outcome is Outcome.FAILED


def test_an_attempt_that_passed_against_its_evidence_did_not_pass() -> None:
    unmet = replace(MET, judgement=Judgement.UNMET, attempt=1)
    found = assemble("t", [*attempt(0), *attempt(1)], [unmet])
    assert (found.code, found.passes) == ("check-flaky", 1)


@pytest.mark.parametrize("number", [0, 1, 5])
def test_a_citation_of_an_attempt_nobody_reported_counts_to_the_nearest(number: int) -> None:
    unmet = replace(MET, judgement=Judgement.UNMET, attempt=number)
    assert seen(*CLEAN, citations=(unmet,)) == (Outcome.FAILED, "evidence-unmet")
    assert assemble("t", CLEAN, [replace(MET, attempt=number)]).met


def test_met_leaves_out_what_was_not_judged() -> None:
    none = replace(MET, judgement=Judgement.NONE)
    assert assemble("t", CLEAN, [none, MET]).met == (MET,)


def test_outcomes_are_ordered_worst_last() -> None:
    order = [
        Outcome.PASSED,
        Outcome.SKIPPED,
        Outcome.NOT_RUN,
        Outcome.BROKEN,
        Outcome.FAILED,
    ]
    assert sorted(Outcome, key=lambda one: one.rank) == order


phases = st.builds(
    Phase,
    when=st.sampled_from(["setup", "call", "teardown", "???"]),
    outcome=st.sampled_from(["passed", "failed", "skipped", "rerun", "mystery"]),
    kind=st.sampled_from(["test", "subtest", "other"]),
    fault=st.sampled_from(FAULTS),
    wasxfail=st.booleans(),
    rerun=st.integers(0, 1),
)


@given(st.lists(phases, max_size=4))
def test_only_one_shape_is_ever_passed(found: list[Phase]) -> None:
    outcome = assemble("t", found).outcome
    plain = sorted((one for one in found if one.kind == "test"), key=lambda one: one.rerun)
    if outcome is Outcome.PASSED:
        assert {one.when for one in plain} == {"setup", "call", "teardown"}
        assert all(one.outcome == "passed" and not one.wasxfail for one in found)
        assert all(one.kind != "other" for one in found)


@given(st.sampled_from(["setup", "call", "teardown"]), st.sampled_from(FAULTS))
def test_one_more_failed_report_never_improves(
    when: str, fault: Literal["failed", "broken", "not run"]
) -> None:
    for base in (CLEAN, (*attempt(0, "rerun"), *attempt(1))):
        before = assemble("t", base)
        more = Phase(when, "failed", fault=fault, rerun=base[-1].rerun)
        assert assemble("t", [*base, more]).outcome.rank >= before.outcome.rank


def test_the_teardown_of_an_attempt_that_is_rerun_belongs_to_it() -> None:
    first = (*attempt(0, "rerun", text="boom"), Phase("teardown", "passed", rerun=0))
    assert assemble("t", [*first, *attempt(1)]).attempts == 2
    unnumbered = (*first, *attempt(0))
    found = assemble("t", unnumbered)
    assert (found.code, found.attempts, found.passes) == ("check-flaky", 2, 1)
