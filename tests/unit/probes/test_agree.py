"""Two sides that move while they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import ProbeError, UnmetError
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.probes.agree import Agree
from pytest_metarelease.probes.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


@pytest.fixture
def notebook() -> Notebook:
    book = Notebook()
    book.check = "check"
    return book


@pytest.fixture
def side(notebook: Notebook) -> Callable[..., Callable[[], Any]]:
    """Make a side that asks, and says its values in turn, the last one for ever."""

    def make(subject: str, *values: Any) -> Callable[[], Any]:
        left = list(values)

        def read() -> Any:
            notebook.measured(
                subject=subject, probe="p", asked=f"ask {subject}", at="", duration=0, answer=""
            )
            return left.pop(0) if len(left) > 1 else left[0]

        return read

    return make


def judged(notebook: Notebook) -> list[tuple[str, Judgement]]:
    cited = notebook.citations.get("check", ())
    return [(one.subject, one.judgement) for one in cited if one.expected]


def test_two_sides_that_ask_nothing_verify_nothing(notebook: Notebook) -> None:
    assert Agree(notebook)(lambda: 1, lambda: 1) == 1
    assert judged(notebook) == []


def test_what_agrees_is_met_on_both_sides(
    notebook: Notebook, side: Callable[..., Callable[[], Any]]
) -> None:
    assert Agree(notebook)(side("api", {1, 2}), side("database", {2, 1})) == {1, 2}
    assert judged(notebook) == [("api", Judgement.MET), ("database", Judgement.MET)]
    assert len(notebook.measurements) == 3


def test_a_difference_that_lasts_is_unmet(
    notebook: Notebook, side: Callable[..., Callable[[], Any]]
) -> None:
    left, right = side("api", {"a", "b", *map(str, range(9))}), side("database", {"a", "c"})
    with pytest.raises(UnmetError) as failed:
        Agree(notebook)(left, right, names=("API", "database"))
    lines = str(failed.value).splitlines()
    assert lines[0] == "expected  API and database agree"
    assert lines[1].startswith("actual    only in API: ")
    assert lines[1].endswith(" and 5 more; only in database: 'c'")
    assert judged(notebook) == [("api", Judgement.UNMET), ("database", Judgement.UNMET)]


def test_a_right_side_that_never_stands_still_is_unknown(
    notebook: Notebook, side: Callable[..., Callable[[], Any]]
) -> None:
    with pytest.raises(ProbeError, match="stood still in 0 of 3 looks"):
        Agree(notebook)(side("api", 0), side("database", *range(1, 9)))
    assert judged(notebook) == [("api", Judgement.UNKNOWN), ("database", Judgement.UNKNOWN)]


def test_what_moves_in_between_is_looked_at_again(
    notebook: Notebook, side: Callable[..., Callable[[], Any]]
) -> None:
    # The first bracket sees an order that the second side has only in the second bracket.
    right = side("database", {1}, {1}, {1, 2})
    assert Agree(notebook)(side("api", {1, 2}), right) == {1, 2}
    assert {judgement for _, judgement in judged(notebook)} == {Judgement.MET}


def test_differences_that_change_each_time_are_unknown(
    notebook: Notebook, side: Callable[..., Callable[[], Any]]
) -> None:
    with pytest.raises(ProbeError, match="no difference lasted"):
        Agree(notebook)(side("api", {1, 2}, {1, 3}, {1, 4}), side("database", {1}))


def test_one_of_several_differences_lasts(
    notebook: Notebook, side: Callable[..., Callable[[], Any]]
) -> None:
    left = side("api", {1, 2, 9}, {1, 3, 9}, {1, 4, 9})
    with pytest.raises(UnmetError, match="actual    only in left: 9\n"):
        Agree(notebook)(left, side("database", {1}))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ([1, 2], (1, 2)),
        ({"0xAB"}, {"0xab"}),
        ({1, 2}, [2, 1]),
        ({b"\xab"}, {"0xAB"}),
        ({1.0}, {1}),
        (set(), []),
        ({"a": 1}, {"a": 1}),
        ("0xAB", "0xab"),
    ],
)
def test_the_same_in_other_words(left: Any, right: Any, notebook: Notebook) -> None:
    Agree(notebook)(lambda: left, lambda: right)


@pytest.mark.parametrize(
    ("left", "right", "text"),
    [
        ([1, 2], [2, 1], "different: the same elements in another order"),
        ([1, 1], [1], "only in left: 1"),
        ({"a": 1, "b": 2}, {"a": 2}, "only in left: 'b'; different: a: 1 / 2"),
        (1, 2, "different: 1 / 2"),
        (True, 1, "different: True / 1"),
        ({"7"}, {7}, "only in left: '7'; only in right: 7"),
        ({True}, {1}, "only in left: True; only in right: 1"),
        ([], None, "different: "),
    ],
)
def test_what_differs_is_named(left: Any, right: Any, text: str, notebook: Notebook) -> None:
    with pytest.raises(UnmetError) as failed:
        Agree(notebook)(lambda: left, lambda: right)
    assert f"actual    {text}" in str(failed.value)


def test_an_iterator_is_read_once(notebook: Notebook) -> None:
    with pytest.raises(UnmetError, match="only in left: 2"):
        Agree(notebook)(lambda: iter([1, 2]), lambda: iter([1]))


def test_readings_are_their_values(notebook: Notebook) -> None:
    asked = notebook.measured(subject="s", probe="p", asked="a", at="", duration=0, answer="")
    reading = Reading([1], "n", asked, notebook)
    assert Agree(notebook)(lambda: [1], lambda: reading) == [1]


def test_a_side_may_ask_for_the_cutoff(notebook: Notebook) -> None:
    seen: list[datetime] = []

    def right(cutoff: datetime) -> int:
        seen.append(cutoff)
        return 1

    Agree(notebook)(lambda: 1, right)
    assert len(seen) == 2
    assert len(set(seen)) == 1
    assert seen[0].tzinfo is not None


def test_what_a_side_raises_is_not_hidden(notebook: Notebook) -> None:
    def broken() -> None:
        raise ProbeError("no answer")

    with pytest.raises(ProbeError, match="no answer"):
        Agree(notebook)(lambda: 1, broken)
