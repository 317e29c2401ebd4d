from __future__ import annotations

import re
from dataclasses import replace

import pytest

from pytest_metarelease.gate.values import Finding, Reason, Verdict
from pytest_metarelease.reports import markdown
from pytest_metarelease.reports.markdown_escape import cell, code, prose
from tests.unit.reports import samples

OURS = re.compile(r"</?(details|summary|code)>|<br>")


def test_an_empty_scope_is_hold_with_its_reason() -> None:
    text = markdown.render(samples.empty())
    assert text.startswith("# ⏸️ HOLD: ")
    assert "no item matches" in text
    assert "| lock | <code>missing</code> |" in text


@pytest.mark.parametrize("name", samples.ALL)
def test_nothing_of_a_target_becomes_markup(name: str) -> None:
    text = markdown.render(samples.ALL[name]())
    assert "<" not in OURS.sub("", text)
    assert "https://evil" not in text
    assert "@everyone" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert not re.search(r"(?<!\\)\]\(", text)
    text.encode()


@pytest.mark.parametrize("name", samples.ALL)
def test_every_row_has_as_many_cells_as_its_table(name: str) -> None:
    expected = 0
    for line in markdown.render(samples.ALL[name]()).splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line))
        if not line.startswith("|"):
            expected = 0
        else:
            expected = expected or cells
            assert cells == expected, line


@pytest.mark.parametrize("name", samples.ALL)
def test_every_fold_is_closed_also_where_the_page_is_cut(name: str) -> None:
    decision = samples.ALL[name]()
    for limit in (1_000, 2_000, 3_000, 5_000, markdown.LIMIT):
        text = markdown.render(decision, limit)
        assert text.count("<details>") == text.count("</details>")


def test_the_order_is_worst_first() -> None:
    text = markdown.render(samples.no_go())
    order = ["# ⛔ NO-GO: Meta Aggregator 2.0.0", "post.contracts: escrow: arbiter", "**Next**",
             "## Not verified or failed", "## About the run", "## Triggers",
             "3 of 6 items verified", "exception", "What was judged"]  # fmt: skip
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_a_failed_item_shows_expected_actual_and_where_in_full() -> None:
    (row,) = (
        one
        for one in markdown.render(samples.no_go()).splitlines()
        if one.startswith("| **post.contracts**")
    )
    assert f"<code>{samples.ARBITER}</code> | <code>{samples.STRANGER}</code>" in row
    assert row.endswith("release.yaml:41 |")
    assert "P0 (contracts)" in row


def test_next_steps_are_listed_once_each_with_what_they_are_for() -> None:
    text = markdown.render(samples.many())
    assert text.count("look at the log of api") == 1
    assert "(post.many-5, post.many-7, post.many-9 and 37 more)" in text


def test_a_rollback_names_the_plan_in_order() -> None:
    text = markdown.render(samples.rollback())
    assert "## Breached triggers" in text
    assert text.index("1. frontend: <code>vercel --prod") < text.index("2. api: <code>kubectl")
    none = markdown.render(replace(samples.rollback(), rollback=()))
    assert "No plan is declared" in none


def test_waivers_and_notes_are_in_a_fold() -> None:
    text = markdown.render(samples.go())
    assert "2 exceptions, 1 note" in text
    assert "DBA-12" in text
    assert "worker gw1 was lost" in text


def test_the_page_is_cut_worst_first_and_says_so() -> None:
    findings = tuple(
        Finding(Verdict.HOLD, Reason("x", f"{number} {'y' * 900}")) for number in range(2_000)
    )
    text = markdown.render(replace(samples.no_go(), findings=findings))
    assert len(text.encode()) <= markdown.LIMIT
    assert "**Cut here**" in text
    assert "post.contracts" in text
    assert "What was judged" not in text


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a | b", r"a \| b"),
        ("# heading", r"\# heading"),
        ("1. list", r"1\. list"),
        ("- list", r"\- list"),
        ("two\nlines", "two lines"),
        ("<b>", "&lt;b&gt;"),
        ("&lt;", "&amp;lt;"),
        ("`x`", r"\`x\`"),
        ("[a](b)", r"\[a\](b)"),
        ("see https://a.b", "see https&#58;//a.b"),
        ("www.a.b", "www&#46;a.b"),
        ("mail me@a.b", "mail me&#64;a.b"),
        ("issue #12", "issue &#35;12"),
        ("", ""),
    ],
)
def test_what_markdown_would_act_on_is_escaped(text: str, escaped: str) -> None:
    assert prose(text) == escaped
    assert cell(text) == escaped
    assert code(text) == (f"<code>{escaped}</code>" if text else "")
