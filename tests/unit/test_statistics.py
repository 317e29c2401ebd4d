"""Intervals, percentiles and means: against exact fractions and published values."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_metarelease.statistics import (
    Answer,
    Interval,
    assess_rate,
    binomial_tail,
    mean_bound,
    mean_verdict,
    percentile,
    percentile_verdict,
    rate_interval,
    regularized_beta,
    rise_interval,
)


def exact_tail(most: int, trials: int, share: Fraction) -> Fraction:
    """P(X <= most), summed in fractions: no rounding anywhere."""
    return sum(
        (math.comb(trials, k) * share**k * (1 - share) ** (trials - k) for k in range(most + 1)),
        Fraction(0),
    )


def test_trivially_undecided() -> None:
    found = assess_rate(0, 0, 0.05)
    assert (found.side, found.interval) == ("between", Interval(0.0, 1.0))
    assert percentile_verdict(0, 0, 0.99) == "unknown"
    assert mean_verdict([], 1.0, 5.0) == "unknown"
    assert mean_verdict([0.0], 1.0, 5.0) == "unknown"


# Two-sided 95 % intervals as published: Clopper-Pearson tables, and the rule of three's exact form.
PUBLISHED = [
    (0, 10, 0.0, 0.3085),
    (1, 10, 0.0025, 0.4450),
    (5, 10, 0.1871, 0.8129),
    (10, 10, 0.6915, 1.0),
    (10, 100, 0.0490, 0.1762),
    (50, 100, 0.3983, 0.6017),
    (0, 240, 0.0, 0.0153),
]


@pytest.mark.parametrize(("bad", "total", "low", "high"), PUBLISHED)
def test_intervals_are_the_published_ones(bad: int, total: int, low: float, high: float) -> None:
    found = rate_interval(bad, total)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@pytest.mark.parametrize(
    ("bad", "total", "confidence"),
    [(0, 1, 0.95), (1, 1, 0.5), (3, 40, 0.95), (32, 400, 0.95), (39, 40, 0.99), (200, 400, 0.9)],
)
def test_the_ends_have_exactly_the_declared_error(bad: int, total: int, confidence: float) -> None:
    found = rate_interval(bad, total, confidence)
    side = (1 - confidence) / 2
    if bad < total:
        assert float(exact_tail(bad, total, Fraction(found.high))) == pytest.approx(side, rel=1e-9)
    if bad > 0:
        above = 1 - exact_tail(bad - 1, total, Fraction(found.low))
        assert float(above) == pytest.approx(side, rel=1e-9)


@given(st.integers(1, 200), st.data())
def test_the_binomial_tail_is_exact(trials: int, data: st.DataObject) -> None:
    most = data.draw(st.integers(0, trials - 1))
    share = data.draw(st.integers(1, 99))
    exact = float(exact_tail(most, trials, Fraction(share, 100)))
    assert binomial_tail(most, trials, share / 100) == pytest.approx(exact, rel=1e-10, abs=1e-14)


def test_tails_at_the_ends() -> None:
    assert binomial_tail(-1, 10, 0.5) == 0.0
    assert binomial_tail(10, 10, 0.5) == 1.0
    assert binomial_tail(11, 10, 0.5) == 1.0
    assert regularized_beta(0.0, 2.0, 3.0) == 0.0
    assert regularized_beta(1.0, 2.0, 3.0) == 1.0
    assert regularized_beta(-0.1, 2.0, 3.0) == 0.0
    assert regularized_beta(1.1, 2.0, 3.0) == 1.0


@pytest.mark.parametrize("x", [0.1, 0.4, 0.5, 0.6, 0.9])
def test_the_beta_function_mirrors_itself(x: float) -> None:
    """DLMF 8.17.4; and I_x(1, 1) is x, the uniform distribution."""
    assert regularized_beta(x, 3.0, 7.0) + regularized_beta(1 - x, 7.0, 3.0) == pytest.approx(1.0)
    assert regularized_beta(x, 1.0, 1.0) == pytest.approx(x, rel=1e-14)
    assert regularized_beta(x, 2.0, 1.0) == pytest.approx(x * x, rel=1e-14)


def test_large_samples_still_converge() -> None:
    found = rate_interval(50_000, 1_000_000)
    # The normal approximation is good to four digits here.
    half = 1.959964 * math.sqrt(0.05 * 0.95 / 1_000_000)
    assert found.low == pytest.approx(0.05 - half, abs=2e-6)
    assert found.high == pytest.approx(0.05 + half, abs=2e-6)


@given(st.integers(1, 300), st.data())
def test_intervals_hold_the_observed_rate_and_grow_with_confidence(
    total: int, data: st.DataObject
) -> None:
    bad = data.draw(st.integers(0, total))
    narrow, wide = rate_interval(bad, total, 0.9), rate_interval(bad, total, 0.99)
    assert 0 <= wide.low <= narrow.low <= bad / total <= narrow.high <= wide.high <= 1


@given(st.integers(1, 200), st.data())
def test_one_more_bad_trial_moves_the_interval_up(total: int, data: st.DataObject) -> None:
    bad = data.draw(st.integers(0, total - 1))
    less, more = rate_interval(bad, total), rate_interval(bad + 1, total)
    assert less.low < more.low
    assert less.high < more.high or more.high == 1.0


SIDES = [
    (0, 400, 0.05, 1, "below"),
    (32, 400, 0.05, 1, "above"),
    (20, 400, 0.05, 1, "between"),
    (128, 1600, 0.05, 3, "above"),
    (0, 10, 0.05, 1, "between"),
    (10, 10, 1.0, 1, "below"),
    (0, 400, 0.0, 1, "between"),
    (1, 400, 0.0, 1, "above"),
]


@pytest.mark.parametrize(("bad", "total", "limit", "looks", "side"), SIDES)
def test_a_rate_against_its_limit(
    bad: int, total: int, limit: float, looks: int, side: str
) -> None:
    assert assess_rate(bad, total, limit, 0.95, looks).side == side


def test_the_limit_itself_is_within() -> None:
    """The rule is a rate *over* the limit; an interval that ends on it lies within."""
    interval = rate_interval(10, 100)
    assert assess_rate(10, 100, interval.high).side == "below"
    assert assess_rate(10, 100, math.nextafter(interval.high, 0)).side == "between"
    assert assess_rate(10, 100, interval.low).side == "between"
    assert assess_rate(10, 100, math.nextafter(interval.low, 0)).side == "above"


def test_each_look_costs_confidence() -> None:
    assert assess_rate(30, 400, 0.05, 0.95, 1).side == "above"
    assert assess_rate(30, 400, 0.05, 0.95, 4).side == "between"
    assert assess_rate(30, 400, 0.05, 0.95, 4).interval == rate_interval(30, 400, 1 - 0.05 / 4)
    # The confidence is 95 % unless told.
    assert assess_rate(30, 400, 0.05).interval == rate_interval(30, 400, 0.95)
    assert rate_interval(30, 400) == rate_interval(30, 400, 0.95)


@pytest.mark.parametrize(("bad", "total"), [(-1, 10), (11, 10), (1, 0)])
def test_counts_that_cannot_be(bad: int, total: int) -> None:
    with pytest.raises(ValueError, match=f"^{bad} of {total} cannot be$"):
        rate_interval(bad, total)
    with pytest.raises(ValueError, match=f"^{bad} of {total} over the percentile 0.9 cannot be$"):
        percentile_verdict(bad, total, 0.9)


@pytest.mark.parametrize("confidence", [0.0, 1.0, -0.5, 1.5, math.nan])
def test_confidences_that_cannot_be(confidence: float) -> None:
    with pytest.raises(ValueError, match=r"^a confidence lies between 0 and 1, not"):
        rate_interval(1, 10, confidence)
    with pytest.raises(ValueError, match=r"^a sample is looked at least once, not 0 times$"):
        assess_rate(1, 10, 0.5, 0.95, looks=0)


def test_percentiles_are_nearest_rank() -> None:
    values = [float(one) for one in range(100, 0, -1)]
    assert percentile(values, 0.5) == 50.0
    assert percentile(values, 0.99) == 99.0
    assert percentile(values, 1.0) == 100.0
    assert percentile(values, 0.001) == 1.0
    assert percentile(values, 0.07) == 7.0  # in binary 0.07 * 100 is more than 7
    assert percentile([3.0], 0.01) == 3.0


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1])
def test_no_percentile_of_nothing(share: float) -> None:
    with pytest.raises(ValueError, match=f"^no percentile {share} of 2 values$"):
        percentile([1.0, 2.0], share)
    with pytest.raises(ValueError, match=r"^no percentile 0.5 of 0 values$"):
        percentile([], 0.5)
    with pytest.raises(ValueError, match="cannot be"):
        percentile_verdict(0, 10, share)
    with pytest.raises(ValueError, match="cannot be"):
        percentile_verdict(0, 10, 1.0)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60), st.integers(1, 100))
def test_a_percentile_is_the_least_value_that_covers_its_share(
    values: list[float], hundredths: int
) -> None:
    found = percentile(values, hundredths / 100)
    covered = sum(value <= found for value in values)
    below = sum(value < found for value in values)
    assert 100 * covered >= hundredths * len(values)
    assert 100 * below < hundredths * len(values)


LEAST = [(0.99, 299), (0.95, 59), (0.999, 2995), (0.5, 5)]


@pytest.mark.parametrize(("share", "least"), LEAST)
def test_a_percentile_says_nothing_below_its_least_sample(share: float, least: int) -> None:
    assert percentile_verdict(0, least - 1, share) == "unknown"
    assert percentile_verdict(0, least, share) == "yes"


P99 = [(0, "yes"), (4, "yes"), (5, "unknown"), (15, "unknown"), (16, "no"), (1000, "no")]


@pytest.mark.parametrize(("slow", "answer"), P99)
def test_p99_of_a_thousand(slow: int, answer: Answer) -> None:
    assert percentile_verdict(slow, 1000, 0.99) == answer


def test_percentile_verdicts_pay_for_looks_and_confidence() -> None:
    assert percentile_verdict(4, 1000, 0.99, 0.95, looks=2) == "unknown"
    assert percentile_verdict(16, 1000, 0.99, 0.95, looks=2) == "unknown"
    assert percentile_verdict(4, 1000, 0.99, 0.99) == "unknown"
    assert percentile_verdict(1, 1, 0.99) == "no"


@given(st.integers(1, 150), st.sampled_from([0.5, 0.9, 0.95, 0.99]), st.data())
def test_percentile_verdicts_are_the_exact_binomial(
    total: int, share: float, data: st.DataObject
) -> None:
    slow = data.draw(st.integers(0, total))
    allowed = 1 - Fraction(str(share))
    error = Fraction(5, 100)
    expected = "unknown"
    if exact_tail(slow, total, allowed) <= error:
        expected = "yes"
    elif 1 - exact_tail(slow - 1, total, allowed) <= error:
        expected = "no"
    assert percentile_verdict(slow, total, share) == expected


def test_the_bound_on_a_mean_is_the_published_formula() -> None:
    values = [0.0, 1.0] * 50
    log = math.log(2 / 0.05)
    variance = 25 / 99  # 100 values at a distance of one half
    expected = math.sqrt(2 * variance * log / 100) + 7 * 3.0 * log / (3 * 99)
    assert mean_bound(values, 3.0, 0.05) == pytest.approx(expected, rel=1e-12)
    assert mean_bound([1.0], 3.0, 0.05) == math.inf
    assert mean_bound([1.0, 1.0], 3.0, 0.05) == pytest.approx(7.0 * log)


MEANS: list[tuple[list[float], Answer]] = [
    ([0.005] * 400, "yes"),
    ([0.6] * 400, "unknown"),
    ([0.7] * 400, "no"),
    ([0.4] * 400, "unknown"),
    ([0.005] * 20, "unknown"),
]


@pytest.mark.parametrize(("values", "answer"), MEANS)
def test_a_mean_against_its_limit(values: list[float], answer: Answer) -> None:
    assert mean_verdict(values, 0.5, 5.0) == answer


def test_the_limit_of_a_mean_itself_is_kept() -> None:
    values = [1.0] * 400
    bound = mean_bound(values, 5.0, 1 - 0.95)
    assert mean_verdict(values, 1.0 + bound, 5.0) == "yes"
    assert mean_verdict(values, math.nextafter(1.0 + bound, 0), 5.0) == "unknown"
    assert mean_verdict(values, 1.0 - bound, 5.0) == "unknown"
    assert mean_verdict(values, math.nextafter(1.0 - bound, 0), 5.0) == "no"


def test_means_pay_for_looks() -> None:
    values = [1.0] * 400
    bound = mean_bound(values, 5.0, 1 - 0.95)
    assert mean_verdict(values, 1.0 + bound, 5.0, looks=2) == "unknown"
    assert mean_verdict(values, 1.0 + bound, 5.0, 0.99) == "unknown"


def test_a_value_beyond_the_largest_is_never_a_yes() -> None:
    assert mean_verdict([0.005] * 400 + [5.0], 0.5, 5.0) == "yes"
    assert mean_verdict([0.005] * 400 + [5.1], 0.5, 5.0) == "unknown"
    assert mean_verdict([9.0] * 400, 0.5, 5.0) == "no"


@pytest.mark.parametrize("value", [-0.1, math.nan])
def test_values_that_cannot_be(value: float) -> None:
    with pytest.raises(ValueError, match=r"^a value is negative or not a number$"):
        mean_verdict([1.0, value], 1.0, 5.0)


def test_half_the_samples_from_a_known_distribution_never_contradict_it() -> None:
    """Exactly spaced draws from the uniform on 0 to 1, whose mean is one half."""
    values = [(one + 0.5) / 2000 for one in range(2000)]
    assert mean_verdict(values, 0.49, 1.0) != "yes"
    assert mean_verdict(values, 0.51, 1.0) != "no"


# ---------------------------------------------------------------------- rises


def test_nothing_known_of_either_side_may_be_any_rise() -> None:
    assert rise_interval((0, 0), (0, 0)) == (-1.0, 1.0)


@pytest.mark.parametrize(
    ("before", "after", "low", "high"),
    [
        # Of 0 in 100 the upper end is 1 - 0.0125 ** (1 / 100): each side has a quarter of 5 %.
        ((0, 100), (0, 100), -0.0429, 0.0429),
        ((0, 100), (40, 100), 0.2480, 0.5170),
        ((50, 100), (50, 100), -0.2325, 0.2325),
    ],
)
def test_a_rise_lies_between_the_ends_of_both_intervals(
    before: tuple[int, int], after: tuple[int, int], low: float, high: float
) -> None:
    assert rise_interval(before, after) == pytest.approx((low, high), abs=0.003)


def test_a_rise_backwards_is_a_fall() -> None:
    low, high = rise_interval((3, 50), (9, 70))
    assert rise_interval((9, 70), (3, 50)) == pytest.approx((-high, -low))
