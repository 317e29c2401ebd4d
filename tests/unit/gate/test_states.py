"""The state of one item: lock, checks, attempts, evidence, identity."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_metarelease.checklist import Checklist, Lock
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.gate.identity import unidentified_subjects
from pytest_metarelease.gate.values import Identification, Reason, State, Verdict
from pytest_metarelease.manifest.model import Attempts, EvidenceNeed
from pytest_metarelease.manifest.scalars import Severity, Stage
from pytest_metarelease.outcome import CheckResult, Outcome
from tests.unit.gate.given import (
    ENVIRONMENT,
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

HEALTH = "post.health"
CHECK = check_of(HEALTH)


def test_trivially_not_verified() -> None:
    """Silence verifies nothing."""
    given = Given()
    given.results = {}
    first = given.first()
    assert first.state is State.NOT_VERIFIED
    assert first.verdict is Verdict.HOLD
    assert first.met == 0
    assert first.reasons == (
        Reason(
            "check-not-run",
            f"{CHECK} not run: no report of it arrived",
            "run the whole stage: nothing but -m may make it smaller. "
            f'Again: pytest -m post_deploy --release-env {ENVIRONMENT} "verification/{CHECK}"',
        ),
    )
    assert first.checks == (
        CheckResult(
            nodeid=CHECK,
            outcome=Outcome.NOT_RUN,
            code="check-not-run",
            text="no report of it arrived",
            attempts=0,
        ),
    )


def test_one_met_measurement_of_one_clean_check_verifies() -> None:
    first = Given((item(owner="devops", severity=Severity.P1),)).first()
    assert (first.state, first.verdict, first.reasons) == (State.VERIFIED, Verdict.GO, ())
    assert (first.id, first.title, first.owner) == (HEALTH, "post.health is well", "devops")
    assert (first.stage, first.severity, first.met) == (Stage.POST_DEPLOY, Severity.P1, 1)
    assert first.checks == (passed(CHECK),)


def test_declared_not_applicable_is_a_note() -> None:
    elsewhere = item(environments=("production", "canary"))
    given = Given((elsewhere,))
    given.results = {}
    first = given.first()
    assert (first.state, first.verdict) == (State.NOT_APPLICABLE, Verdict.GO)
    assert first.reasons == (Reason("not-applicable", "declared for production, canary only"),)
    assert (first.checks, first.met) == ((), 0)
    here = Given((item(environments=("production", ENVIRONMENT)),)).first()
    assert here.state is State.VERIFIED
    nothing = Given((item(not_applicable="no frontend"),)).first()
    assert nothing.reasons == (Reason("not-applicable", "no frontend"),)


def test_a_sign_off_that_nobody_gave() -> None:
    asked = item(verified_by="sign_off", signers=("security", "cto"), threshold=2)
    given = Given((asked,), lock=Lock({}, "lock-digest"))
    first = given.first()
    assert (first.state, first.verdict) == (State.NOT_VERIFIED, Verdict.HOLD)
    assert first.reasons == (
        Reason(
            "sign-off-missing",
            "2 of these must sign: security, cto; no sign-off was given",
            "ask the signers; until they have signed the item stays open",
        ),
    )
    given.items = (replace(asked, severity=Severity.P3, signers=()),)
    assert given.first().verdict is Verdict.GO
    assert given.first().reasons[0].text == "2 of these must sign: anybody; no sign-off was given"


def test_an_intake_that_nobody_gave() -> None:
    given = Given((item(verified_by="intake"),), lock=Lock({}, "lock-digest"))
    assert given.first().reasons == (
        Reason(
            "intake-missing",
            "no result of its tool was handed in",
            "hand in the result of the tool; until then the item stays open",
        ),
    )
    given.bindings = {CHECK: (HEALTH,)}
    given.put(result(CHECK, Outcome.FAILED))
    assert given.first().state is State.FAILED


def test_a_missing_lock() -> None:
    decision = Given(lock=Lock(), record={"lock_digest": None}).decide()
    assert codes(decision.items[0]) == ["lock-missing"]
    assert decision.items[0].reasons[0].text == "there is no checks.lock: nothing is demanded"
    assert finding_codes(decision) == ["lock-missing"]
    assert decision.verdict is Verdict.HOLD


def test_a_lock_that_names_no_check() -> None:
    given = Given()
    given.lock = with_checks(given, HEALTH)
    first = given.first()
    assert codes(first) == ["no-check-locked"]
    assert first.reasons[0].text == f"checks.lock names no check of it for {ENVIRONMENT}"
    given.lock = Lock({}, "lock-digest")
    assert codes(given.first()) == ["no-check-locked"]


def test_a_lock_of_another_version_of_the_item() -> None:
    given = Given()
    given.lock = given.locked()
    given.items = (item(title="changed"),)
    first = given.first()
    assert codes(first) == ["lock-stale"]
    assert first.reasons[0].text == "the item changed after checks.lock was written"
    given.put(result(CHECK, Outcome.FAILED))
    assert given.first().state is State.FAILED
    assert codes(given.first()) == ["check-failed", "lock-stale"]


def test_every_locked_check_must_be_clean() -> None:
    given = Given()
    given.lock = with_checks(given, HEALTH, "b.py::t", CHECK, "a.py::t", "a.py::t")
    given.put(passed("b.py::t"), result("a.py::t", Outcome.SKIPPED, text="no browser"))
    first = given.first()
    assert first.state is State.NOT_VERIFIED
    assert [one.nodeid for one in first.checks] == ["a.py::t", "b.py::t", CHECK]
    assert [one.text for one in first.reasons] == ["a.py::t skipped: no browser"]
    given.put(passed("a.py::t"))
    assert given.first().state is State.VERIFIED
    assert given.first().met == 3


def test_reasons_come_worst_first() -> None:
    given = Given()
    given.lock = with_checks(given, HEALTH, "a.py::t", "b.py::t", "c.py::t", "d.py::t")
    given.put(
        result("a.py::t", Outcome.SKIPPED),
        result("b.py::t", Outcome.FAILED),
        result("c.py::t", Outcome.BROKEN),
        result("d.py::t", Outcome.FAILED),
    )
    order = [(one.code, one.text[:1]) for one in given.first().reasons]
    assert order == [
        ("check-failed", "b"),
        ("check-failed", "d"),
        ("check-skipped", "a"),
        ("check-broken", "c"),
    ]


def test_what_to_do_next() -> None:
    given = Given()
    given.put(result(CHECK, Outcome.FAILED, "mystery"))
    again = f'pytest -m post_deploy --release-env {ENVIRONMENT} "verification/{CHECK}"'
    said = given.first().reasons[0]
    assert said == Reason(
        "mystery",
        f"{CHECK} failed: nothing was said about why",
        f"find out why, then run it again. Again: {again}",
    )
    given.put(result(CHECK, Outcome.FAILED, text="boom", next_step="restart it"))
    assert given.first().reasons[0].next_step == f"restart it. Again: {again}"
    given.items = (item(next="call devops"),)
    assert given.first().reasons == (
        Reason("check-failed", f"{CHECK} failed: boom", "call devops"),
    )


def flaky(attempts: int, passes: int) -> CheckResult:
    found: CheckResult = result(
        CHECK,
        Outcome.BROKEN,
        "check-flaky",
        attempts=attempts,
        passes=passes,
        citations=(cited(1, attempt=attempts),),
    )
    return found


@pytest.mark.parametrize(
    ("declared", "attempts", "passes", "state"),
    [
        ((1, 1), 2, 1, State.NOT_VERIFIED),
        ((1, 2), 2, 1, State.VERIFIED),
        ((1, 2), 3, 1, State.NOT_VERIFIED),
        ((2, 3), 2, 1, State.NOT_VERIFIED),
        ((2, 3), 3, 2, State.VERIFIED),
        ((2, 3), 4, 3, State.NOT_VERIFIED),
    ],
)
def test_flaky_counts_only_as_declared(
    declared: tuple[int, int], attempts: int, passes: int, state: State
) -> None:
    given = Given((item(attempts=Attempts(passes=declared[0], of=declared[1])),))
    given.put(flaky(attempts, passes))
    first = given.first()
    assert first.state is state
    assert codes(first) == ["check-flaky"]
    if state is State.VERIFIED:
        text = f"{CHECK} passed in {passes} of {attempts} attempts, as declared"
        assert first.reasons == (Reason("check-flaky", text),)
    else:
        assert first.reasons[0].next_step.startswith("find out why it does not always pass")
        assert "pytest -m post_deploy " in first.reasons[0].next_step


def test_one_pass_is_too_few_where_two_are_declared() -> None:
    given = Given((item(attempts=Attempts(passes=2, of=3)),))
    first = given.first()
    assert (first.state, codes(first)) == (State.NOT_VERIFIED, ["too-few-attempts"])
    text = f"{CHECK} passed 1 times of the 2 that the item declares"
    assert first.reasons[0].text == text
    assert first.reasons[0].next_step.startswith("run the check as often as the item declares")
    assert "pytest -m post_deploy " in first.reasons[0].next_step
    given.put(passed(CHECK, cited(1, attempt=2)))
    given.put(replace(given.results[CHECK], attempts=2, passes=2))
    assert given.first().state is State.VERIFIED
    assert given.first().reasons == ()


def test_met_measurements_of_earlier_attempts_do_not_count() -> None:
    given = Given((item(attempts=Attempts(passes=1, of=2)),))
    given.put(replace(flaky(2, 1), citations=(cited(1, attempt=1),)))
    assert codes(given.first()) == ["check-without-evidence", "check-flaky"]


def test_a_check_outside_the_lock_counts_only_against() -> None:
    given = Given(bindings={"new.py::t": (HEALTH,)})
    given.put(passed("new.py::t", cited(7)))
    first = given.first()
    assert first.state is State.VERIFIED
    assert first.met == 1
    assert [one.nodeid for one in first.checks] == [CHECK, "new.py::t"]
    assert first.reasons == (
        Reason(
            "check-not-locked",
            "new.py::t passed, but it is not in checks.lock and verifies nothing",
            "run `metarelease lock` and have the change reviewed. "
            f'Again: pytest --release-env {ENVIRONMENT} "verification/new.py::t"',
        ),
    )
    for outcome in (Outcome.SKIPPED, Outcome.NOT_RUN):
        given.put(result("new.py::t", outcome))
        assert given.first().state is State.VERIFIED
        assert codes(given.first()) == ["check-not-locked"]
    given.put(result("new.py::t", Outcome.BROKEN))
    assert given.first().state is State.NOT_VERIFIED
    assert codes(given.first()) == ["check-broken"]
    given.put(result("new.py::t", Outcome.FAILED))
    assert given.first().state is State.FAILED
    assert "pytest -m post_deploy " in given.first().reasons[0].next_step


def test_a_passing_check_outside_the_lock_verifies_nothing() -> None:
    given = Given(bindings={"new.py::t": (HEALTH,), "unknown.py::t": ("no.such.item",)})
    given.results = {"new.py::t": passed("new.py::t")}
    assert codes(given.first()) == ["check-not-run", "check-not-locked"]
    given.lock = Lock({}, "lock-digest")
    assert codes(given.first()) == ["no-check-locked", "check-not-locked"]


def test_a_binding_that_is_in_the_lock_is_nothing_new() -> None:
    given = Given(bindings={CHECK: (HEALTH, HEALTH)})
    assert given.first().checks == (passed(CHECK),)
    given.lock = Lock({}, "lock-digest")
    assert given.first().checks == (passed(CHECK),)


def test_a_locked_check_that_claims_other_items_now() -> None:
    """The mark was moved and the lock was not: nobody meant this pass for this item."""
    given = Given((item(), item("post.b")), bindings={CHECK: ("post.b", "post.c")})
    first = given.first()
    assert (first.state, codes(first)) == (State.NOT_VERIFIED, ["check-moved"])
    said = first.reasons[0]
    assert said.text == f"{CHECK} verifies post.b, post.c now, and this item no longer"
    assert said.next_step == (
        "restore the mark, or run `metarelease lock` and have the change reviewed. "
        f'Again: pytest -m post_deploy --release-env {ENVIRONMENT} "verification/{CHECK}"'
    )
    given.bindings = {CHECK: ("post.b", HEALTH)}
    assert given.first().state is State.VERIFIED
    given.bindings = {CHECK: ()}
    assert codes(given.first()) == ["check-moved"]
    given.put(result(CHECK, Outcome.FAILED))
    assert codes(given.first()) == ["check-failed"]


@pytest.mark.parametrize(("silent", "told"), [(50, 50), (51, 51), (60, 51)])
def test_of_very_many_silent_checks_the_first_are_told(silent: int, told: int) -> None:
    given = Given()
    names = [f"silent{number:02}.py::t" for number in range(silent)]
    given.lock = with_checks(given, HEALTH, CHECK, *names)
    given.put(*(result(one) for one in names))
    first = given.first()
    assert codes(first) == ["check-without-evidence"] * told
    assert len(first.checks) == silent + 1
    assert first.reasons[49].text.startswith("silent49.py::t ")
    if silent > 50:
        text = f"and {silent - 50} more checks of it are without evidence as well"
        assert first.reasons[50].text == text


@pytest.mark.parametrize("judgement", [Judgement.NONE, Judgement.UNKNOWN, Judgement.UNMET])
def test_only_met_is_evidence(judgement: Judgement) -> None:
    given = Given().put(passed(CHECK, cited(1, judgement)))
    first = given.first()
    assert (first.state, codes(first)) == (State.NOT_VERIFIED, ["check-without-evidence"])
    text = f"{CHECK} passed, but not one measurement on record met an expectation"
    assert first.reasons[0].text == text
    assert first.reasons[0].next_step.startswith("let the check ask through a probe")
    assert "pytest -m post_deploy " in first.reasons[0].next_step
    assert first.met == 0


def test_a_citation_whose_measurement_was_lost_is_no_evidence() -> None:
    given = Given(lost={f"m-{CHECK}"})
    assert codes(given.first()) == ["check-without-evidence"]


def test_a_citation_about_something_else_than_was_measured_is_no_evidence() -> None:
    given = Given()
    given.put(passed(CHECK, cited(1, subject="service:web"), cited(1, subject="service:api")))
    assert given.first().met == 1
    given.items = (item(evidence=(EvidenceNeed(subject="service:web"),)),)
    assert codes(given.first()) == ["no-evidence"]


def test_each_check_needs_evidence_of_its_own() -> None:
    given = Given()
    given.lock = with_checks(given, HEALTH, CHECK, "silent.py::t")
    given.put(result("silent.py::t"))
    first = given.first()
    assert codes(first) == ["check-without-evidence"]
    assert first.reasons[0].text.startswith("silent.py::t ")


@pytest.mark.parametrize(
    ("subjects", "expected"),
    [
        (["contract:escrow"], ["no-evidence"]),
        (["service:api"], ["too-little-evidence"]),
        (["service:api", "service:api"], []),
        (["service:api", "service:web"], []),
    ],
)
def test_evidence_about_the_declared_subjects(subjects: list[str], expected: list[str]) -> None:
    given = Given((item(evidence=(EvidenceNeed(subject="service:*", min=2),)),))
    given.put(passed(CHECK, *(cited(n, subject=one) for n, one in enumerate(subjects))))
    first = given.first()
    assert codes(first) == expected
    assert first.met == len(subjects)
    found = sum(one.startswith("service:") for one in subjects)
    if expected:
        text = f"{found} of 2 measurements about service:* met an expectation"
        assert first.reasons[0].text == text


def test_one_measurement_counts_once_however_often_it_is_cited() -> None:
    given = Given((item(evidence=(EvidenceNeed(subject="service:api", min=2),)),))
    given.put(passed(CHECK, cited(1), cited(1)))
    assert codes(given.first()) == ["too-little-evidence"]
    assert given.first().met == 1
    given.lock = with_checks(given, HEALTH, CHECK, "b.py::t")
    given.put(passed("b.py::t", cited(1)))
    assert codes(given.first()) == ["too-little-evidence"]
    given.put(passed("b.py::t", cited(2)))
    assert given.first().state is State.VERIFIED


def test_every_need_is_told() -> None:
    needs = (EvidenceNeed(subject="chain"), EvidenceNeed(subject="database:*"))
    assert codes(Given((item(evidence=needs),)).first()) == ["no-evidence", "no-evidence"]


API = Identification(
    subject="service:api", judgement=Judgement.MET, expected="2.0.0", actual="2.0.0"
)


@pytest.mark.parametrize("judgement", [Judgement.NONE, Judgement.UNKNOWN, Judgement.UNMET])
def test_nothing_about_a_service_that_is_not_the_release(judgement: Judgement) -> None:
    other = replace(API, judgement=judgement, actual="1.9.0")
    given = Given(identifications=(other,))
    first = given.first()
    assert (first.state, codes(first)) == (State.NOT_VERIFIED, ["identity-unverified"])
    assert first.reasons[0].text == "service:api is not shown to be 2.0.0: it says 1.9.0"
    given.put(result(CHECK, Outcome.FAILED, citations=(cited(1),)))
    assert codes(given.first()) == ["check-failed"]


def test_items_about_other_subjects_do_not_wait_for_the_identity() -> None:
    given = Given(identifications=(replace(API, judgement=Judgement.UNMET),))
    given.put(passed(CHECK, cited(1, subject="contract:escrow")))
    assert given.first().state is State.VERIFIED
    given.put(passed(CHECK, cited(1, subject="contract:escrow"), cited(2, Judgement.NONE)))
    assert codes(given.first()) == ["identity-unverified"]


def test_items_that_need_evidence_about_the_subject_wait_for_it() -> None:
    unmet = replace(API, judgement=Judgement.UNMET, subject="service:web")
    need = EvidenceNeed(subject="service:*")
    given = Given((item(evidence=(need,)),), identifications=(API, unmet))
    assert codes(given.first()) == ["identity-unverified"]


def test_a_verified_identity_is_no_obstacle() -> None:
    assert Given(identifications=(API,), identities=("api",)).first().state is State.VERIFIED


def test_of_two_answers_the_one_that_differs_counts() -> None:
    given = Given(identifications=(replace(API, judgement=Judgement.UNMET), API))
    assert codes(given.first()) == ["identity-unverified"]


def test_no_identity_is_declared_for_an_environment_that_nobody_declared() -> None:
    given = Given(identities=("api",))
    elsewhere = Checklist.of(given.manifest(), "elsewhere")
    assert unidentified_subjects(elsewhere, given.recorded()) == {}


def test_a_declared_identity_that_was_never_asked() -> None:
    """A lost answer must not look better than a wrong one."""
    first = Given(identities=("api",)).first()
    assert codes(first) == ["identity-unverified"]
    assert first.reasons[0].text == "service:api was not asked which release it is"


def test_the_items_own_next_step_is_for_what_was_seen_to_be_wrong() -> None:
    """Where nobody could ask it would send people to repair what nobody looked at."""
    given = Given((item(next="ask devops"),), identities=("api",))
    step = "deploy the release that is judged everywhere, then run it again"
    assert given.first().reasons[0].next_step == step
    given.put(result(CHECK, Outcome.SKIPPED))
    assert given.first().reasons[0].next_step.startswith("supply what it lacks")
    given.put(result(CHECK, Outcome.FAILED, "evidence-unmet"))
    assert given.first().reasons[0].next_step == "ask devops"
