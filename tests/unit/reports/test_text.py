from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_metarelease.reports.text import (
    brief,
    columns,
    counted,
    one_line,
    short_hex,
    shorten,
    visible,
    wrap,
)

anything = st.text(st.characters(), max_size=200)


def test_nothing_stays_nothing() -> None:
    assert (visible(""), one_line(""), shorten("", 5), wrap("", 5)) == ("", "", "", [])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\u202egnp", r"a\u202egnp"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("line\u2028separator", r"line\u2028separator"),
        ("\x9b2J", r"\x9b2J"),
        ("nul\x00", r"nul\x00"),
        ("\ud800", r"\ud800"),
        ("naïve 日本 ✅", "naïve 日本 ✅"),
        ("tab\tand\nnewline", "tab\tand\nnewline"),
    ],
)
def test_what_acts_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(anything)
def test_one_line_is_one_visible_line(text: str) -> None:
    shown = one_line(text)
    assert not {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} & set(map(unicodedata.category, shown))
    shown.encode()


def test_ten_megabytes_become_one_bounded_line_that_says_so() -> None:
    assert one_line("x" * 10_000_000, 100) == f"{'x' * 100}... (10,000,000 characters)"
    assert len(brief("0x" + "ab" * 5_000_000)) < 1_000


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("at 0x5aFE3855358E112B5647B952709E6165e1c1eEEe", "at 0x5aFE...eEEe"),
        ("9f2c1ab0d9e3b4c5a6978877665544332211aabb", "9f2c1ab...aabb"),
        ("0x1234", "0x1234"),
        ("deadbeef", "deadbeef"),
    ],
)
def test_only_long_hexadecimal_is_shortened(text: str, short: str) -> None:
    assert short_hex(text) == short


@given(anything, st.integers(4, 90))
def test_nothing_is_wider_than_it_may_be(text: str, width: int) -> None:
    line = one_line(text)
    assert columns(shorten(line, width)) <= width
    assert all(columns(one) <= width for one in wrap(line, width))
    assert len(wrap(line, width, 3)) <= 3


@given(anything)
def test_wrapping_loses_nothing_but_spaces(text: str) -> None:
    line = one_line(text)
    assert "".join("".join(wrap(line, 12)).split()) == "".join(line.split())


def test_wide_characters_take_two_columns() -> None:
    assert columns("日本") == 4
    assert shorten("日本日本日本", 9) == "日本日..."


def test_numbers_agree_with_their_nouns() -> None:
    assert [counted(number, "item") for number in (0, 1, 1200)] == [
        "0 items",
        "1 item",
        "1,200 items",
    ]
