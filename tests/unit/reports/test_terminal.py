from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_metarelease.checklist import Scope
from pytest_metarelease.gate.values import (
    Finding,
    ItemDecision,
    Reason,
    State,
    TriggerDecision,
    Verdict,
)
from pytest_metarelease.manifest.model import Item, Release
from pytest_metarelease.manifest.scalars import Severity, Stage
from pytest_metarelease.reports import packet_line, terminal
from pytest_metarelease.reports.text import columns, visible
from tests.unit.reports import samples


def text_of(name: str, width: int = 80) -> str:
    decision = samples.ALL[name]()
    return "\n".join(one.text for one in terminal.lines(decision, width, packet="evidence"))


def flat(text: str) -> str:
    return " ".join(text.split())


def test_nothing_in_scope_says_hold_and_why() -> None:
    text = text_of("empty")
    assert "release verdict: HOLD" in text
    assert "no item matches" in text
    assert "next: name a stage" in text
    assert "GO" not in text


@pytest.mark.parametrize("name", samples.ALL)
@pytest.mark.parametrize("width", [40, 80, 132])
def test_every_line_fits_and_is_visible(name: str, width: int) -> None:
    for line in terminal.lines(samples.ALL[name](), width, packet="release-evidence"):
        assert columns(line.text) <= width
        assert visible(line.text) == line.text
        assert "\n" not in line.text


@pytest.mark.parametrize(
    ("verdict", "style"),
    [
        (Verdict.GO, "green"),
        (Verdict.HOLD, "yellow"),
        (Verdict.NO_GO, "red"),
        (Verdict.ROLLBACK, "red"),
    ],
)
def test_the_first_line_is_the_title_in_its_colour(verdict: Verdict, style: str) -> None:
    decision = samples.decision(verdict, title=f"{verdict} for 4 of 18 post_deploy items")
    first = terminal.lines(decision, 80)[0]
    assert f" release verdict: {verdict} for 4 of 18 post_deploy items " in first.text
    assert (first.style, columns(first.text)) == (style, 80)


@pytest.mark.parametrize("name", ["hold", "no_go", "rollback"])
def test_each_item_that_is_not_verified_shows_reason_and_next_step(name: str) -> None:
    decision = samples.ALL[name]()
    text = flat(text_of(name))
    for item in decision.items:
        if item.state in (State.FAILED, State.NOT_VERIFIED):
            assert f"{item.id} {item.severity}" in text
            assert all(one.next_step in text for one in item.reasons)
    assert "test_orders did not run" in flat(text_of("hold"))


@pytest.mark.parametrize("name", ["go", "hold", "no_go", "rollback", "many", "empty"])
def test_nothing_is_said_twice(name: str) -> None:
    said = [one.text.strip() for one in terminal.lines(samples.ALL[name](), 80)]
    assert sorted(said) == sorted(set(said))


def unreached(name: str, *checks: str) -> ItemDecision:
    reasons = tuple(
        Reason(
            "check-broken", f"a/test_a.py::{check} broken: no answer from the chain", "look at it"
        )
        for check in checks
    )
    return samples.item(name, "T", State.NOT_VERIFIED, Verdict.HOLD, *reasons)


def test_what_was_said_of_one_check_is_not_said_of_the_next() -> None:
    decision = samples.decision(
        Verdict.HOLD,
        unreached("one", "test_a[x]", "test_b"),
        unreached("two", *(f"test_{number}" for number in range(6))),
    )
    text = flat("\n".join(one.text for one in terminal.lines(decision)))
    assert text.count("no answer from the chain") == 1
    assert "test_a[x] broken: no answer from the chain as above: test_b next: look at it" in text
    assert "as above: test_0, test_1, test_2, test_3 and 2 more: see decision.md" in text
    assert text.count("next: look at it") == 1
    assert "test_a.py" not in text


def test_a_breach_is_told_by_its_trigger_and_not_again_by_its_item() -> None:
    text = text_of("rollback")
    assert text.count("8.2 %") == 1
    assert "next: undo api and frontend" in text


def test_triggers_that_do_not_fit_into_columns_are_laid_out_in_two_lines() -> None:
    long = replace(samples.TRIGGERS[2], id="critical-security-finding", text="word " * 12)
    decision = samples.decision(Verdict.GO, triggers=(samples.TRIGGERS[0], long))
    text = [one.text for one in terminal.lines(decision)]
    at = next(at for at, one in enumerate(text) if "critical-security-finding" in one)
    assert text[at].endswith("critical-security-finding  ok")
    assert text[at + 1].strip() == ("word " * 12).strip()
    assert "api-errors  ok  0.25 % of 1,200 [0.1, 0.7]  limit 5 %" in "\n".join(text)


def test_a_group_in_which_each_has_a_step_of_its_own_says_where_they_are() -> None:
    items = tuple(
        samples.item(
            f"n{number}",
            "T",
            State.NOT_VERIFIED,
            Verdict.HOLD,
            Reason("check-not-run", "did not run", f"do {number}"),
        )
        for number in range(9)
    )
    text = flat("\n".join(o.text for o in terminal.lines(samples.decision(Verdict.HOLD, *items))))
    assert "next: each has its own in decision.md" in text


def test_a_long_step_of_the_plan_goes_on_below_its_own_start() -> None:
    step = replace(samples.PLAN[0], run=("x" * 40, "y" * 40), proposed=True)
    decision = replace(samples.rollback(), rollback=(step,))
    text = [one.text for one in terminal.lines(decision)]
    first = next(one for one in text if "1. frontend" in one)
    second = next(one for one in text if "yyy" in one)
    assert second.index("y") == first.index("frontend")


def test_worst_comes_first_and_counts_after() -> None:
    text = text_of("no_go")
    order = ["failed ", "unclaimed ", "not verified ", "waived ", "verified   ", "triggers ",
             "rollback ", "packet "]  # fmt: skip
    places = [text.index(f"\n  {label}") for label in order]
    assert places == sorted(places)


def test_addresses_are_short_because_the_packet_has_them_whole() -> None:
    text = text_of("no_go")
    assert "0x7099...79C8, not 0x5aFE...eEEe" in text
    assert samples.STRANGER not in text
    assert "evidence/decision.json  sha256" in text


def test_forty_items_with_one_reason_are_one_block() -> None:
    text = text_of("many")
    assert "40 items (20 P0, 20 P2): not-ready" in text
    assert text.count("did not become healthy") == 1
    assert text.count("next: look at the log of api") == 1
    assert "mend thing 4" in text
    assert "155 of 200 items" in text
    assert len(text.splitlines()) < 40


def test_items_in_a_group_may_have_different_texts_and_then_one_is_an_example() -> None:
    items = tuple(
        samples.item(
            f"n{number}",
            "T",
            State.NOT_VERIFIED,
            Verdict.HOLD,
            Reason("check-not-run", f"test_{number} did not run", "run it"),
        )
        for number in range(9)
    )
    text = flat("\n".join(o.text for o in terminal.lines(samples.decision(Verdict.HOLD, *items))))
    assert "such as: test_0 did not run" in text
    assert "test_1 did" not in text
    assert "post.n8" in text


def test_eight_with_one_reason_are_still_shown_one_by_one() -> None:
    decision = samples.many(failed=0, not_run=8, total=8)
    heads = [one.text for one in terminal.lines(decision) if "not verified" in one.text]
    assert len(heads) == 8


def test_triggers_show_share_count_interval_and_limit() -> None:
    text = flat(text_of("no_go"))
    assert "api-errors ok 0.25 % of 1,200 [0.1, 0.7] limit 5 %" in text
    assert "tx-failures idle no traffic yet, n = 3 limit 10 %" in text


def test_a_rollback_shows_the_breach_first_and_the_plan_in_order() -> None:
    text = text_of("rollback")
    lines = text.splitlines()
    assert "api-errors" in lines[1]
    assert "BREACHED" in lines[1]
    plan = text[text.index("PROPOSED") :]
    assert plan.index("1. frontend: vercel --prod rollback") < plan.index("2. api: kubectl")
    assert "--context 'prod eu'" in flat(plan)
    assert "declared, not proven" in plan


def test_a_rollback_without_a_plan_says_so() -> None:
    decision = replace(samples.rollback(), rollback=())
    text = "\n".join(one.text for one in terminal.lines(decision))
    assert "no plan declared" in text
    assert "next: declare it" in text


def test_a_plan_that_is_not_proposed_is_one_line() -> None:
    assert "not proposed; plan declared, not proven: frontend, api" in text_of("go")


def test_a_breach_outside_the_verdict_is_never_hidden() -> None:
    breach = TriggerDecision(id="t", item=None, measure="m", state="breached", text="gone")
    text = "\n".join(
        one.text for one in terminal.lines(samples.decision(Verdict.ROLLBACK, triggers=(breach,)))
    )
    assert "BREACHED  gone" in text


def test_long_lists_are_cut_and_say_so() -> None:
    findings = tuple(
        Finding(Verdict.HOLD, Reason("x", f"finding {number}")) for number in range(20)
    )
    notes = tuple(Reason("n", f"note {number}") for number in range(20))
    stray = tuple(
        replace(samples.no_go().unclaimed[0], nodeid=f"test_{number}") for number in range(20)
    )
    decision = samples.decision(
        Verdict.NO_GO, findings=findings, notes=notes, unclaimed=stray, triggers=()
    )
    text = "\n".join(one.text for one in terminal.lines(decision))
    assert "12 more findings" in text
    assert "12 more notes" in text
    assert "12 more checks" in text


def an_item(name: str, severity: Severity) -> Item:
    return Item(id=name, title=name, stage=Stage.POST_DEPLOY, severity=severity)


def test_the_header_says_what_is_judged_where_and_over_what() -> None:
    text = terminal.header(
        release=Release(name="Meta Aggregator", version="2.0.0", commit="9f2c1ab" + "0" * 33),
        environment="production",
        manifest="verification/release.yaml",
        access="read-only",
        targets=[
            ("api", "https://api.example.org", "2.0.0 (9f2c1ab)"),
            ("frontend", "https://example.org", ""),
        ],
        chain=("https://rpc.example.org/***", "1, block 21540012"),
        scope=Scope("post_deploy", ("a", "b"), complete=True),
        items=[an_item("a", Severity.P0), an_item("b", Severity.P1), an_item("c", Severity.P0)],
        gate="-m names a stage",
    )
    assert text[0].startswith("release  Meta Aggregator 2.0.0 (9f2c1ab) -> production (read-only)")
    joined = flat("\n".join(text))
    assert "api https://api.example.org 2.0.0 (9f2c1ab)" in joined
    assert "chain https://rpc.example.org/*** 1, block 21540012" in joined
    assert "scope post_deploy: 2 items, 1 P0, 1 P1" in joined
    assert all(columns(one) <= 80 for one in text)


def test_a_hostile_header_is_one_visible_line_each() -> None:
    text = terminal.header(
        release=Release(name=samples.HOSTILE, version=samples.HOSTILE, commit=""),
        environment="e",
        manifest="m" * 200,
        access="transact",
        targets=[(samples.HOSTILE, samples.HOSTILE, samples.HOSTILE)],
        chain=None,
        scope=Scope("", (), complete=False),
        items=[],
    )
    assert all(columns(one) <= 80 and visible(one) == one and "\n" not in one for one in text)
    assert "a part of its stage" in text[-1]


@pytest.mark.parametrize("name", samples.ALL)
def test_a_packet_is_one_line_that_starts_with_its_title(name: str) -> None:
    decision = samples.ALL[name]()
    line = packet_line.render(decision)
    assert line.startswith(f"{decision.title}: ")
    assert "\n" not in line
    assert visible(line) == line


def test_the_packet_line_says_release_reason_and_run() -> None:
    line = packet_line.render(samples.no_go())
    assert "Meta Aggregator 2.0.0 (9f2c1ab) -> production" in line
    assert "post.contracts: escrow: arbiter is 0x7099...79C8" in line
    assert "run r-20261123-4f1d" in line
    assert "3 of 4 items of post_deploy verified" in packet_line.render(samples.go())
