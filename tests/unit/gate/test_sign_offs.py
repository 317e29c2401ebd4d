"""Sign-offs: m of n of the declared signers, about this very item and release, here and now."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_metarelease.approvals.model import Approvals, GivenSignOff
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.gate.values import State, Verdict
from pytest_metarelease.manifest.model import EvidenceNeed, Trigger
from pytest_metarelease.manifest.scalars import Address, Seconds, Severity, Share
from pytest_metarelease.outcome import Outcome
from tests.unit.gate.given import check_of, codes, finding_codes, item, passed, result
from tests.unit.gate.vouching import SIGNERS, audit, release, signed, waiver


def test_nobody_signed() -> None:
    decision = release(audit()).decide()
    assert decision.items[0].state is State.NOT_VERIFIED
    assert codes(decision.items[0]) == ["sign-off-missing"]
    assert decision.verdict is Verdict.HOLD


def test_one_of_two_is_not_enough() -> None:
    decision = release(audit(), signed("a", audit())).decide()
    assert (decision.items[0].state, decision.verdict) == (State.NOT_VERIFIED, Verdict.HOLD)
    assert "only a did" in decision.items[0].reasons[0].text
    assert decision.items[0].sign_offs == ()


def test_two_of_three_sign() -> None:
    decision = release(audit(), signed("b", audit(), reason="read it"), signed("a", audit()))
    found = decision.decide().items[0]
    assert (found.state, found.verdict) == (State.SIGNED, Verdict.GO)
    assert codes(found) == ["signed", "signed"]
    assert "by b until 2026-12-23T12:00:00Z: read it" in found.reasons[1].text
    assert [one.sign_off.signer for one in found.sign_offs] == ["a", "b"]
    assert decision.decide().verdict is Verdict.GO


def test_nothing_has_to_run_where_everything_is_signed() -> None:
    both = (signed("a", audit()), signed("b", audit()))
    assert release(audit(), *both, record={"pytest_exit": 5}).decide().verdict is Verdict.GO
    unsigned = release(audit(), both[0], record={"pytest_exit": 5}).decide()
    assert (unsigned.verdict, finding_codes(unsigned)) == (Verdict.HOLD, [])
    locked = release(audit(), *both, record={"pytest_exit": 5})
    locked.lock = None
    assert "pytest-exit-5" in finding_codes(locked.decide())
    checked = release(audit(), *both, record={"pytest_exit": 5})
    checked.items = (audit(), item())
    assert "pytest-exit-5" in finding_codes(checked.decide())
    other = release(audit(), *both, record={"pytest_exit": 2}).decide()
    assert "pytest-exit-2" in finding_codes(other)


def test_one_signer_counts_once() -> None:
    twice = [signed("a", audit(), "1.yaml"), signed("a", audit(), "2.yaml", reason="again")]
    decision = release(audit(), *twice).decide()
    assert decision.items[0].state is State.NOT_VERIFIED
    assert "a signed already (1.yaml)" in decision.items[0].reasons[1].text


REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "another release": ("release Other", {"release": "Other"}),
    "another version": ("version 2.0.1", {"version": "2.0.1"}),
    "another commit": ("commit ddd", {"commit": "d" * 40}),
    "no commit": ("names no commit", {"commit": None}),
    "another environment": ("environment production", {"environment": "production"}),
    "another checklist": ("another checklist", {"item_digest": "0" * 64}),
    "expired": ("expired at", {"expires": "2026-11-23T12:00:00Z"}),
    "expiry unreadable": ("expired at", {"expires": "later"}),
    "signed tomorrow": ("still to come", {"signed_at": "2026-11-24T12:00:00Z"}),
    "signing time unreadable": ("still to come", {"signed_at": "once"}),
    "a forged signature": ("not shown to be signed", {"signed": Judgement.UNMET}),
    "a chain that is silent": ("not shown to be signed", {"signed": Judgement.UNKNOWN}),
    "nobody looked": ("not shown to be signed", {"signed": Judgement.NONE}),
    "another account": ("held against", {"account": Address("0x" + "9" * 40)}),
    "no account": ("held against None", {"account": None}),
    "another statement": ("another statement", {"digest": "0" * 64}),
    "not a signer": ("no signer of the manifest", {"signer": "z"}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_sign_off_about_anything_else_counts_for_nothing(name: str) -> None:
    text, changes = REFUSED[name]
    known = {"digest": changes["digest"]} if "digest" in changes else {}
    signer = changes.get("signer", "b")
    others = {key: one for key, one in changes.items() if key not in ("signer", "digest")}
    bad = signed(signer, audit(), **others, **known)
    decision = release(audit(), signed("a", audit()), bad).decide()
    assert decision.items[0].state is State.NOT_VERIFIED
    assert any(text in one.text for one in decision.items[0].reasons), decision.items[0].reasons
    assert decision.verdict is Verdict.HOLD


def test_the_same_refused_one_is_a_note_where_enough_others_signed() -> None:
    bad = signed("c", audit(), version="1.9.0")
    decision = release(audit(), signed("a", audit()), signed("b", audit()), bad).decide()
    assert decision.verdict is Verdict.GO
    assert [one.code for one in decision.notes] == ["sign-off-not-counted"]


def test_a_revoked_signer_does_not_count() -> None:
    given_both = (signed("a", audit()), signed("b", audit()))
    decision = release(audit(), *given_both, revoked=("b",)).decide()
    assert decision.items[0].state is State.NOT_VERIFIED
    assert any("b is revoked" in one.text for one in decision.items[0].reasons)


def test_a_signer_who_was_removed_does_not_count() -> None:
    run = release(audit(), signed("a", audit()), signed("b", audit()))
    run.signers = {"a": SIGNERS["a"]}
    assert run.decide().items[0].state is State.NOT_VERIFIED


def test_a_signer_of_another_item_does_not_count() -> None:
    small = audit(signers=("a", "b"))
    decision = release(small, signed("a", small), signed("c", small)).decide()
    assert any("none of its signers" in one.text for one in decision.items[0].reasons)
    assert decision.verdict is Verdict.HOLD


@pytest.mark.parametrize(
    ("signed_at", "counts"),
    [
        ("2026-11-22T12:00:01Z", True),
        ("2026-11-22T12:00:00Z", True),
        ("2026-11-22T11:59:59Z", False),
        ("2026-11-23T12:04:00Z", True),  # clocks differ by minutes
        ("2026-11-23T12:06:00Z", False),
    ],
)
def test_a_sign_off_grows_old(signed_at: str, *, counts: bool) -> None:
    one = audit(threshold=1, max_age=Seconds(86400.0))
    decision = release(one, signed("a", one, signed_at=signed_at)).decide()
    assert (decision.items[0].state is State.SIGNED) is counts


def test_what_binds_to_the_version_holds_for_its_commits() -> None:
    one = audit(threshold=1, binds="version")
    assert release(one, signed("a", one)).decide().verdict is Verdict.GO
    elsewhere = signed("a", one, commit="d" * 40)
    assert release(one, elsewhere).decide().verdict is Verdict.HOLD


def test_a_sign_off_of_an_unknown_item_is_hold() -> None:
    stray = signed("a", item("post.gone", verified_by="sign_off", signers=("a",)))
    decision = release(audit(threshold=1), signed("a", audit(threshold=1)), stray).decide()
    assert finding_codes(decision) == ["sign-off-unknown-item"]
    assert decision.verdict is Verdict.HOLD


def test_a_sign_off_verifies_nothing_that_checks_must() -> None:
    measured = item("post.audit", signers=())
    decision = release(measured, signed("a", measured)).decide()
    assert decision.items[0].state is State.NOT_VERIFIED
    assert [one.code for one in decision.notes] == ["sign-off-not-counted"]


def test_who_signs_does_not_hide_a_check_that_failed() -> None:
    one = audit(threshold=1)
    run = release(one, signed("a", one)).put(result(check_of(one.id), Outcome.FAILED))
    run.lock = None
    assert run.decide().items[0].state is State.FAILED


def test_evidence_that_is_declared_is_needed_as_well() -> None:
    one = audit(threshold=1, evidence=(EvidenceNeed(subject="service:api"),))
    run = release(one, signed("a", one))
    assert run.decide().items[0].state is State.NOT_VERIFIED


def test_a_trigger_that_is_open_stays_open() -> None:
    one = audit(threshold=1)
    rate = Trigger(id="rate", item=one.id, measure="api.error_rate", limit=Share(0.05))
    run = release(one, signed("a", one), triggers=(rate,)).put(passed(check_of(one.id)))
    run.lock = None
    assert run.decide().items[0].state is State.NOT_VERIFIED


def test_a_missing_sign_off_can_be_waived_and_a_given_one_needs_no_waiver() -> None:
    asked = waiver(item="post.audit")
    run = release(audit())
    run.approvals = Approvals(waivers=(asked,))
    assert run.decide().items[0].state is State.WAIVED
    run.approvals = Approvals(
        waivers=(asked,), sign_offs=(signed("a", audit()), signed("b", audit()))
    )
    decision = run.decide()
    assert decision.items[0].state is State.SIGNED
    assert [note.code for note in decision.notes] == ["waiver-unused"]


@pytest.mark.parametrize("severity", Severity)
def test_a_missing_one_is_hold_but_for_p3(severity: Severity) -> None:
    decision = release(audit(severity=severity)).decide()
    weight = Verdict.GO if severity is Severity.P3 else Verdict.HOLD
    assert decision.items[0].verdict is weight
    assert decision.verdict is Verdict.HOLD  # nothing else is in scope, and nobody signed


def test_the_order_of_sign_offs_never_matters() -> None:
    one = audit()
    some = [
        signed("a", one, "1.yaml"),
        signed("a", one, "2.yaml"),
        signed("b", one, "3.yaml", commit="d" * 40),
        signed("c", one, "4.yaml"),
    ]
    decided = [release(one, *each).decide() for each in permutations(some)]
    assert len({(each.verdict, each.items, each.notes) for each in decided}) == 1


def sign_offs() -> st.SearchStrategy[tuple[GivenSignOff, ...]]:
    bad = st.sampled_from(
        [{}, {}, *({k: v for k, v in one.items() if k != "signer"} for _t, one in REFUSED.values())]
    )
    one = st.builds(
        lambda signer, changes, number: signed(signer, audit(), f"{number}.yaml", **changes),
        st.sampled_from("abc"),
        bad,
        st.integers(0, 99),
    )
    return st.lists(one, max_size=5).map(tuple)


@given(sign_offs())
def test_signed_means_that_as_many_as_declared_signed_this(some: tuple[GivenSignOff, ...]) -> None:
    found = release(audit(), *some).decide().items[0]
    good = {
        one.sign_off.signer for one in some if one == signed(one.sign_off.signer, audit(), one.file)
    }
    assert (found.state is State.SIGNED) is (len(good) >= 2)


@given(sign_offs())
def test_a_sign_off_that_is_lost_or_over_never_improves(some: tuple[GivenSignOff, ...]) -> None:
    run = release(audit(), *some)
    before = run.decide().verdict.rank
    assert run.decide("2027-11-23T12:00:00Z").verdict.rank >= before
    assert release(audit(), *some[1:]).decide().verdict.rank >= before
