"""Ranks: against published values, and what a comparison may never say."""

from __future__ import annotations

import math
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_metarelease.ranks import compare, rank_sum

_TIMES = st.lists(st.integers(0, 50).map(float), min_size=1, max_size=30)


def spread(times: int, start: float = 0.1, step: float = 0.0001) -> list[float]:
    return [start + step * number for number in range(times)]


def test_trivially_unknown() -> None:
    assert rank_sum([], []) == rank_sum([1.0], []) == rank_sum([], [1.0])
    assert (rank_sum([], []).larger, rank_sum([], []).smaller) == (1.0, 1.0)
    assert compare([], [], rise=0.2) is None
    assert compare(spread(19), spread(500), rise=0.2) is None
    assert compare(spread(500), spread(19), rise=0.2) is None


def test_ranks_that_are_published() -> None:
    # Mann-Whitney of Concepts of Biostatistics: U = 17 of 20, two-sided 0.11134688653314041.
    men, women = [19.0, 22, 16, 29, 24], [20.0, 11, 17, 12]
    found = rank_sum(women, men)
    assert (found.u, found.superiority) == (17.0, 0.85)
    assert 2 * found.larger == pytest.approx(0.11134688653314041, rel=1e-12)
    turned = rank_sum(men, women)
    assert turned.u == 3.0
    assert turned.smaller == pytest.approx(found.larger)


def test_ties_are_shared_and_make_the_variance_smaller() -> None:
    # By hand: ranks 1, 3, 3 | 3, 5.5, 5.5; U = 14 - 6 = 8; variance 9/12 (7 - 30/30) = 4.5.
    found = rank_sum([1.0, 2, 2], [2.0, 3, 3])
    assert found.u == 8.0
    expected = 0.5 * math.erfc((8 - 4.5 - 0.5) / math.sqrt(4.5) / math.sqrt(2))
    assert found.larger == pytest.approx(expected, rel=1e-12)


def test_one_value_only_says_nothing() -> None:
    found = rank_sum([1.0] * 50, [1.0] * 50)
    assert (found.superiority, found.larger, found.smaller) == (0.5, 1.0, 1.0)


def test_what_is_no_number_has_no_rank() -> None:
    with pytest.raises(ValueError, match="no rank"):
        rank_sum([math.nan], [1.0])


@given(_TIMES, _TIMES)
def test_u_counts_pairs_and_turns_with_the_sides(before: list[float], after: list[float]) -> None:
    found = rank_sum(before, after)
    pairs = [1.0 if b < a else 0.5 if b == a else 0.0 for b in before for a in after]
    assert found.u == pytest.approx(sum(pairs))
    assert 0.0 <= found.larger <= 1.0
    assert rank_sum(after, before).smaller == pytest.approx(found.larger)


def test_the_order_of_samples_never_matters() -> None:
    before, after = spread(40), spread(40, 0.2)
    found = {compare([*start, *before[3:]], after, rise=0.2) for start in permutations(before[:3])}
    assert len(found) == 1


@pytest.mark.parametrize(
    ("factor", "answer"), [(1.0, "yes"), (1.1, "yes"), (1.2, "unknown"), (1.3, "no"), (3.0, "no")]
)
def test_a_difference_counts_from_the_size_that_matters(factor: float, answer: str) -> None:
    before = spread(400)
    found = compare(before, [value * factor for value in before], rise=0.2)
    assert found is not None
    assert found.bulk == answer
    # Significant it is from the first percent on: that alone is no regression.
    assert (found.ranks.larger < 1e-6) == (factor > 1.0)


def test_a_large_difference_of_few_samples_is_no_proof() -> None:
    before = spread(20, step=0.02)
    found = compare(before, [value * 1.25 for value in before], rise=0.2)
    assert found is not None
    assert found.answer == "unknown"


def test_what_is_little_in_milliseconds_does_not_count() -> None:
    before = spread(400, 0.001, 0.000001)
    after = [value * 2 for value in before]
    slower = compare(before, after, rise=0.2)
    within = compare(before, after, rise=0.2, least=0.005)
    assert slower is not None
    assert within is not None
    assert (slower.answer, within.answer) == ("no", "yes")


def test_a_tail_that_grew_is_seen_where_the_bulk_is_the_same() -> None:
    before = spread(400)
    after = [*before[:350], *(value * 10 for value in before[350:])]
    found = compare(before, after, rise=0.2)
    assert found is not None
    assert (found.bulk, found.tail, found.answer) == ("yes", "no", "no")


def test_a_tail_that_may_be_luck_is_unknown() -> None:
    before = spread(400)
    after = [*before[:378], *(value * 10 for value in before[378:])]
    found = compare(before, after, rise=0.2)
    assert found is not None
    assert (found.bulk, found.tail, found.answer) == ("yes", "unknown", "unknown")


@pytest.mark.parametrize("wrong", [{"rise": -0.1}, {"rise": math.nan}, {"least": -1.0}])
def test_margins_that_cannot_be(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="no margin"):
        compare(spread(30), spread(30), **{"rise": 0.2, **wrong})
