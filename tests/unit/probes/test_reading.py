"""Typed comparisons: what states nothing meets nothing, and each bound counts."""

from __future__ import annotations

from typing import Any
from unittest.mock import ANY

import pytest

from pytest_metarelease.errors import UnmetError
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.model import Expectation
from pytest_metarelease.probes.document import Missing
from pytest_metarelease.probes.reading import Reading, mismatch, same


def equals(value: Any) -> Expectation:
    return Expectation(equals=value, states_equals=True)


@pytest.mark.parametrize(
    ("wanted", "actual", "problem"),
    [
        (Expectation(), 1, "the expectation states nothing"),
        (Expectation(unchecked="why"), 1, "the expectation states nothing"),
        (equals(None), Missing("gone"), "is not equal"),
        (equals(None), 0, "is not equal"),
        (equals(1), True, "is not equal"),
        (
            equals("12"),
            12,
            "is not equal: 12 is a number, and a text is expected; remove the quotes",
        ),
        (
            equals(["a", "12"]),
            ("a", 12),
            "is not equal: 12 is a number, and a text is expected; remove the quotes",
        ),
        (equals("12"), 13, "is not equal"),
        (equals(["12"]), "12", "is not equal"),
        (Expectation(one_of=()), 1, "is none of them"),
        (Expectation(one_of=(1, "a")), "b", "is none of them"),
        (Expectation(type="number"), True, "is no number"),
        (Expectation(type="number"), Missing("gone"), "is no number"),
        (Expectation(matches="a+"), "ab", "does not match"),
        (Expectation(matches=".*"), 5, "does not match"),
        (Expectation(length=1), [], "has fewer than 1 elements"),
        (Expectation(length=0), 5, "has fewer than 0 elements"),
        (Expectation(min=1), 0.5, "is too small"),
        (Expectation(max=1), float("nan"), "is too large"),
        (Expectation(min=0), None, "is no number"),
        (Expectation(max="1 ether"), 10**18 + 1, "is too large"),
        (Expectation(min=1, max=3), 4, "is too large"),
        (Expectation(type="string", min=1), 0, "is no string; is too small"),
    ],
    ids=repr,
)
def test_what_does_not_hold_is_named(wanted: Expectation, actual: Any, problem: str) -> None:
    assert mismatch(wanted, actual) == problem


@pytest.mark.parametrize(
    ("wanted", "actual"),
    [
        (equals(None), None),
        (equals("0xAB"), b"\xab"),
        (equals("1 ether"), 10**18),
        (equals([1, 2]), (1, 2)),
        (Expectation(one_of=(0, 1)), 1),
        (Expectation(type="null"), None),
        (Expectation(matches="[a-z]+", length=2), "ab"),
        (Expectation(min=1, max=1), 1),
        (Expectation(min="1 gwei"), "1 ether"),
    ],
    ids=repr,
)
def test_what_holds_is_met(wanted: Expectation, actual: Any) -> None:
    assert mismatch(wanted, actual) is None


class _Anything(int):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


@pytest.mark.parametrize(
    ("expected", "actual"),
    [(ANY, 3), (3, _Anything(4)), ([ANY], [3]), ({"a": ANY}, {"a": 3}), (ANY, ANY)],
)
def test_what_equals_anything_equals_nothing(expected: Any, actual: Any) -> None:
    assert not same(expected, actual)


def test_a_comparison_is_on_record_and_raises() -> None:
    book = Notebook()
    book.check = "check"
    asked = book.measured(subject="s", probe="p", asked="GET /", at="", duration=0, answer="")
    reading = Reading(5, "total", asked, book, "http://x")
    assert reading.at_most(5) == 5
    with pytest.raises(UnmetError) as failed:
        reading.at_most(4, next_step="look")
    assert str(failed.value) == (
        "expected  total: at most 4\nactual    5 (is too large)\nread      GET / http://x\n"
        "next      look"
    )
    judged = [one.judgement for one in book.citations["check"]]
    assert judged == [Judgement.NONE, Judgement.MET, Judgement.UNMET]
