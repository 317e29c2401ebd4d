"""Carrying: what a packet of another environment may show, and everything for which it may not."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_metarelease.approvals.model import Approvals
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.gate.values import (
    Finding,
    GivenCarry,
    Identification,
    Reason,
    State,
    Target,
    Verdict,
)
from pytest_metarelease.manifest.model import AcceptFrom, EvidenceNeed, Trigger
from pytest_metarelease.manifest.scalars import Seconds, Share
from pytest_metarelease.outcome import Outcome
from tests.unit.gate.given import ELSEWHERE, Given, check_of, cited, codes, item, result
from tests.unit.gate.test_algebra import any_run, changed, runs
from tests.unit.gate.vouching import waiver

CHECK = check_of("post.health")
SKIPPED = result(CHECK, Outcome.SKIPPED)
UNMET = cited(1, Judgement.UNMET)


def accepting(**changes: Any) -> AcceptFrom:
    whole: dict[str, Any] = {"environment": ELSEWHERE, "max_age": Seconds(7 * 86400)}
    return AcceptFrom(**(whole | changes))


def there(run: Given | None = None, **changes: Any) -> GivenCarry:
    """The packet of a run elsewhere; healthy, unless a test says otherwise."""
    run = run or Given((item(accept_from=accepting()),))
    recorded = {"environment": ELSEWHERE, "run_id": "run-there"} | changes
    record = replace(run, record=recorded, results=run.results).recorded()
    return GivenCarry(folder="there", record=record)


def here(*carries: GivenCarry, accept: AcceptFrom | None = None, **changes: Any) -> Given:
    """A run whose one check was skipped, so that its item is not verified."""
    run = Given((item(accept_from=accept or accepting()),), carries=carries, **changes)
    return run.put(SKIPPED)


def carry_codes(run: Given) -> list[str]:
    return [one for one in codes(run.first()) if one.startswith("carry")]


def test_without_a_packet_nothing_is_carried() -> None:
    decision = here().decide()
    assert (decision.items[0].state, decision.verdict) == (State.NOT_VERIFIED, Verdict.HOLD)
    assert codes(decision.items[0]) == ["check-skipped", "carry-missing"]
    assert "--release-carry" in decision.items[0].reasons[1].next_step


def test_an_item_that_declares_nothing_is_not_carried() -> None:
    run = Given((item(),), carries=(there(Given((item(),))),)).put(SKIPPED)
    assert codes(run.first()) == ["check-skipped"]
    assert [one.code for one in run.decide().notes] == ["carry-unused"]


def test_what_was_verified_there_is_carried() -> None:
    decision = here(there()).decide()
    found = decision.items[0]
    assert (found.state, found.verdict, decision.verdict) == (State.CARRIED, *[Verdict.GO] * 2)
    assert found.reasons[0].text.startswith("verified on preview by run run-there, finished")
    assert [one.code for one in found.reasons] == ["carried", "check-skipped"]
    assert found.carried == there()
    assert decision.notes == ()


def test_what_is_verified_here_is_not_carried() -> None:
    run = Given((item(accept_from=accepting()),), carries=(there(),))
    assert (run.first().state, run.first().carried) == (State.VERIFIED, None)
    assert [one.code for one in run.decide().notes] == ["carry-unused"]


def failed_there() -> GivenCarry:
    run = Given((item(accept_from=accepting()),))
    return there(run.put(result(CHECK, Outcome.FAILED, citations=(UNMET,))))


def lost_evidence() -> GivenCarry:
    return there(Given((item(accept_from=accepting()),), lost={f"m-{CHECK}"}))


def stray_failure() -> GivenCarry:
    run = Given((item(accept_from=accepting()),))
    return there(run.put(result("stray.py::t", Outcome.FAILED)))


def finding() -> tuple[Finding, ...]:
    return (Finding(Verdict.HOLD, Reason("tree-dirty", "the tree is dirty", "commit")),)


REFUSED: dict[str, tuple[str, GivenCarry]] = {
    "commit": ("carry-other-commit", there(release_commit="d" * 40)),
    "no commit": ("carry-other-commit", there(release_commit="")),
    "version": ("carry-other-version", there(release_version="2.0.1")),
    "manifest": ("carry-other-manifest", there(manifest_digest="another")),
    "lock": ("carry-other-lock", there(lock_digest="another")),
    "no lock": ("carry-other-lock", there(lock_digest=None)),
    "environment": ("carry-other-environment", there(environment="staging")),
    "unknown environment": ("carry-other-environment", there(environment="elsewhere")),
    "too old": ("carry-too-old", there(finished_at="2026-11-16T11:59:59Z")),
    "future": ("carry-from-future", there(finished_at="2026-11-23T12:05:01Z")),
    "began in the future": ("carry-from-future", there(started_at="2026-11-23T12:05:01Z")),
    "no time": ("carry-from-future", there(finished_at="yesterday")),
    "rehearsal": ("carry-rehearsal", there(rehearsal=True)),
    "torn": ("carry-unreadable", GivenCarry(folder="there", problem="it is torn")),
    "nothing": ("carry-unreadable", GivenCarry(folder="there")),
    "carried on": ("carry-of-carried", replace(there(), carried=("post.health",))),
    "failed": ("carry-failed-there", failed_there()),
    "no evidence": ("carry-not-verified-there", lost_evidence()),
    "empty": ("carry-not-verified-there", there(results={})),
    "unfinished": ("carry-not-go", there(finished=False)),
    "interrupted": ("carry-not-go", there(pytest_exit=2)),
    "unexplained exit": ("carry-not-go", there(pytest_exit=1)),
    "finding": ("carry-not-go", there(findings=finding())),
    "stray failure": ("carry-not-go", stray_failure()),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_says_why_and_what_to_do(name: str) -> None:
    code, given = REFUSED[name]
    decision = here(given).decide()
    assert (decision.items[0].state, decision.verdict) == (State.NOT_VERIFIED, Verdict.HOLD)
    reason = decision.items[0].reasons[1]
    assert reason.code == code
    assert "there" in reason.text
    assert reason.next_step
    assert decision.items[0].carried is None


def test_a_rehearsal_is_carried_where_declared() -> None:
    accept = accepting(rehearsal=True)
    run = here(there(Given((item(accept_from=accept),)), rehearsal=True), accept=accept)
    assert run.first().state is State.CARRIED
    assert "(a rehearsal)" in run.first().reasons[0].text


def test_a_sandbox_is_a_rehearsal_whatever_its_record_says() -> None:
    assert carry_codes(here(there(), elsewhere={"sandbox": True})) == ["carry-rehearsal"]


def test_in_the_environment_itself_nothing_is_carried() -> None:
    accept = accepting(environment="staging")
    assert carry_codes(here(there(), accept=accept)) == ["carry-same-environment"]


def code(value: str) -> dict[str, Any]:
    return {"target": Target(code_hashes={"escrow": value})} if value else {}


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ("0xaa", "0xaa", ["carried"]),
        ("0xaa", "0xbb", ["carry-other-code"]),
        ("0xaa", "0xaa | 0xbb", ["carry-other-code"]),
        ("0xaa", "", ["carry-code-unknown"]),
        ("", "0xaa", ["carry-code-unknown"]),
        ("", "", ["carry-code-unknown"]),
    ],
)
def test_the_code_of_contracts_must_be_the_same(
    ours: str, theirs: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    declare_contract(monkeypatch)
    run = here(there(**code(theirs)), record=code(ours))
    assert [one for one in codes(run.first()) if one != "check-skipped"] == expected


def test_other_code_needs_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    declare_contract(monkeypatch)
    accept = accepting(other_code="the owner is an immutable")
    run = there(Given((item(accept_from=accept),)), **code("0xbb"))
    assert here(run, accept=accept, record=code("0xaa")).first().state is State.CARRIED


def declare_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every environment of the manifest declare one contract."""
    plain = Given.manifest

    def manifest(run: Given) -> Any:
        made = plain(run)
        declared = {
            name: replace(one, contracts=("escrow",)) for name, one in made.environments.items()
        }
        return replace(made, environments=declared)

    monkeypatch.setattr(Given, "manifest", manifest)


@pytest.mark.parametrize(
    "seen",
    [
        result(CHECK, Outcome.FAILED, citations=(UNMET,)),
        result(CHECK, Outcome.FAILED),
        result(CHECK, Outcome.BROKEN, citations=(UNMET,)),
        result(CHECK, Outcome.BROKEN, "check-flaky", attempts=2, passes=1),
    ],
)
def test_a_failure_here_wins(seen: Any) -> None:
    run = here(there()).put(seen)
    assert run.first().state in (State.FAILED, State.NOT_VERIFIED)
    assert run.decide().verdict is not Verdict.GO
    if run.first().state is State.NOT_VERIFIED:
        assert carry_codes(run) == ["carry-failed-here"]


def test_nothing_is_carried_to_another_release() -> None:
    one = item(accept_from=accepting(), evidence=(EvidenceNeed(subject="service:api"),))
    seen = Identification(
        subject="service:api", judgement=Judgement.UNMET, expected="2.0.0", actual="1.9.0"
    )
    run = Given(
        (one,), identities=("api",), identifications=(seen,), carries=(there(Given((one,))),)
    )
    assert codes(run.first()) == ["identity-unverified", "carry-unidentified-here"]


def test_what_a_trigger_measures_is_not_carried() -> None:
    rate = Trigger(id="rate", item="post.health", measure="api.error_rate", limit=Share(0.05))
    run = here(there(), triggers=(rate,))
    assert carry_codes(run) == ["carry-under-trigger"]


def test_a_waived_item_there_shows_nothing() -> None:
    run = Given((item(accept_from=accepting()),), approvals=Approvals(waivers=(waiver(),)))
    assert carry_codes(here(there(run.put(SKIPPED)))) == ["carry-not-verified-there"]


def test_a_waiver_still_covers_what_was_not_carried() -> None:
    run = here(there(release_commit="d" * 40), approvals=Approvals(waivers=(waiver(),)))
    assert run.first().state is State.WAIVED
    assert run.first().fingerprint == here().first().fingerprint, "packets are no part of it"


def test_of_several_packets_the_newest_good_one_counts() -> None:
    newest = replace(there(release_commit="d" * 40), folder="newest")
    newer = replace(there(finished_at="2026-11-22T12:00:00Z", run_id="newer"), folder="newer")
    older = replace(there(finished_at="2026-11-21T12:00:00Z", run_id="older"), folder="older")
    torn = GivenCarry(folder="torn", problem="it is torn")
    decisions = [
        here(*order).decide() for order in itertools.permutations((newest, newer, older, torn))
    ]
    assert {one.items[0].carried and one.items[0].carried.folder for one in decisions} == {"newer"}
    assert len({repr((one.items, one.notes, one.verdict)) for one in decisions}) == 1


SEEDS = st.integers(0, 2**32)
IMPROVED = (State.NOT_VERIFIED, State.CARRIED)


def carrying(run: Given, seed: int) -> Given:
    """The run with every item accepting, and a packet of any run of the same items elsewhere."""
    items = tuple(replace(one, accept_from=accepting()) for one in run.items)
    other = changed(any_run(seed), items=items, triggers=(), identities=())
    recorded = there(other, pytest_exit=0)
    return changed(run, items=items, carries=(recorded,))


@given(runs(), SEEDS)
def test_a_packet_only_improves_what_is_not_verified(run: Given, seed: int) -> None:
    carried = carrying(run, seed)
    before, after = changed(carried, carries=()).decide(), carried.decide()
    for was, now in zip(before.items, after.items, strict=True):
        assert was.state is now.state or (was.state, now.state) == IMPROVED
    assert after.verdict.rank <= before.verdict.rank
    assert before.findings == after.findings or after.verdict.rank < before.verdict.rank


@given(runs(), SEEDS, SEEDS)
def test_a_lost_packet_never_improves(run: Given, first: int, second: int) -> None:
    carried = carrying(run, first)
    both = changed(carried, carries=(*carried.carries, *carrying(run, second).carries))
    assert both.decide().verdict.rank <= carried.decide().verdict.rank
    torn = GivenCarry(folder="there", problem="it is torn")
    assert carried.decide().verdict.rank <= changed(carried, carries=(torn,)).decide().verdict.rank
