"""How a journey that was walked is judged: unknown unless every step came to pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import (
    ForbiddenError,
    TooFewSamplesError,
    UnmetError,
    UnsupportedError,
)
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.journeys import Journey, JourneyStep
from pytest_metarelease.manifest.scalars import ValuePath
from pytest_metarelease.probes.browser import BrowsedPage
from pytest_metarelease.probes.browser_seen import Seen
from pytest_metarelease.probes.journey import Walk, WalkedJourney, _Walker, described
from pytest_metarelease.probes.wallet import Wallet

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY = "0x" + "51" * 32


def journey(
    walk: Walk,
    seen: Seen | None = None,
    wallet: Wallet | None = None,
    limits: Mapping[str, float | None] | None = None,
) -> WalkedJourney:
    recorder = Notebook()
    recorder.check = "journey"
    measurement = recorder.measured(
        subject="service:shop", probe="browser", asked="it", at="", duration=0.0, answer=""
    )
    page = BrowsedPage((), limits or {}, seen or Seen(status=200), measurement, recorder)
    return WalkedJourney(page, walk, wallet)


def judgements(one: WalkedJourney) -> list[Judgement]:
    recorder = one.page.recorder
    assert isinstance(recorder, Notebook)
    return [cited.judgement for cited in recorder.citations["journey"]][1:]


def test_a_step_that_did_not_come_to_pass_is_unmet() -> None:
    one = journey(Walk(met=["step 1"], expected="step 2", problem="not seen"))
    with pytest.raises(UnmetError, match="not seen"):
        one.expect_walked()
    assert judgements(one) == [Judgement.MET, Judgement.UNMET]


def test_what_the_page_complains_of_is_told_with_the_step() -> None:
    seen = Seen(status=200, errors=["no wallet"], failed=["POST /orders: 422"])
    one = journey(Walk(expected="step 1", problem="not seen"), seen)
    with pytest.raises(UnmetError, match=r"not seen; the page complains: POST /orders: 422; the"):
        one.expect_walked()


def test_where_it_stopped_is_unknown() -> None:
    one = journey(Walk(met=["step 1"], expected="step 2", stopped="ended before step 2"))
    with pytest.raises(ForbiddenError, match="carry it"):
        one.expect_walked()
    assert judgements(one) == [Judgement.MET, Judgement.UNKNOWN]


def test_what_our_wallet_cannot_do_is_unknown() -> None:
    wallet = Wallet(KEY, 1, {}, may_sign=True, unsupported=["eth_call"])
    one = journey(Walk(expected="step 1", problem="not seen"), wallet=wallet)
    with pytest.raises(UnsupportedError, match="for what ours does not do: eth_call"):
        one.expect_walked()
    assert judgements(one) == [Judgement.MET, Judgement.UNKNOWN]
    # A page that went on without it is as good as any.
    journey(Walk(met=["step 1"]), wallet=wallet).expect_walked()


def test_what_must_not_be_asked_for_is_unmet_whatever_came_of_it() -> None:
    wallet = Wallet(KEY, 1, {}, may_sign=True, wrong=["the page asked to sign Permit"])
    one = journey(Walk(met=["step 1"]), wallet=wallet)
    with pytest.raises(UnmetError, match="asked to sign Permit"):
        one.expect_walked()
    assert judgements(one)[-1] is Judgement.UNMET


def test_what_was_not_measured_is_unknown() -> None:
    one = journey(Walk(met=["step 1"]), limits={"INP": 0.2, "CLS": None})
    with pytest.raises(TooFewSamplesError, match="INP was not measured"):
        one.expect_walked().expect_sound().expect_fast()
    assert judgements(one)[-1] is Judgement.UNKNOWN


@pytest.mark.parametrize(("inp", "met"), [(0.2, True), (0.201, False)])
def test_limits_are_kept_or_not(inp: float, met: bool) -> None:
    one = journey(Walk(), Seen(status=200, inp=inp), limits={"INP": 0.2})
    if met:
        one.expect_fast()
    else:
        with pytest.raises(UnmetError, match=r"INP at most 0\.2"):
            one.expect_fast()
    assert judgements(one) == [Judgement.MET if met else Judgement.UNMET]


def test_on_read_only_a_step_that_submits_is_not_done() -> None:
    """Nothing of a page is touched: there is none."""
    declared = Journey(steps=(JourneyStep(click="#buy", submits=True), JourneyStep(visible="p")))
    walker = _Walker(declared, "http://127.0.0.1:9", None, may_write=False)
    walker.walk(None)  # type: ignore[arg-type]
    assert walker.done.stopped == "ended before step 1, which submits"
    assert walker.done.met == []


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (JourneyStep(open="/a"), "open /a"),
        (JourneyStep(click="#a"), "click #a"),
        (JourneyStep(fill="#a", typed="a password"), "fill #a"),
        (JourneyStep(visible="#a", text="Hi"), "see #a with 'Hi'"),
        (JourneyStep(request="POST /a", status=(201, 202)), "POST /a answered 201 or 202"),
        (JourneyStep(signed={ValuePath("message.n"): 2}), "signed message.n 2"),
    ],
)
def test_a_step_is_told_without_what_is_typed(step: JourneyStep, text: str) -> None:
    assert described(step) == text
