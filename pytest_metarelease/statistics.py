"""Intervals, percentiles and what samples can carry: exact where exact is possible.

Nothing here knows about requests, items or triggers, and nothing guesses: where a sample cannot
carry an answer, the answer is that it cannot. Standard library only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

Side = Literal["below", "between", "above"]
"""Where a rate lies against its limit; ``between`` means that more samples are needed."""

Answer = Literal["yes", "no", "unknown"]
"""Whether a limit is kept; ``unknown`` means that more samples are needed."""

_STEPS = 200  # a bisection of [0, 1] ends before: doubles have 53 bits and 1074 below 1


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval of shares, 0 to 1, that holds the true rate with the stated confidence."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class RateAssessment:
    """Where a rate lies against its limit, and the interval that says so."""

    side: Side
    interval: Interval


def regularized_beta(x: float, a: float, b: float) -> float:
    """Return I_x(a, b), the regularized incomplete beta function (DLMF 8.17).

    Relative error is about 1e-13 for parameters up to a million.
    """
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    # The continued fraction converges fast only on this side of the mean (DLMF 8.17.22).
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - _beta_side(1.0 - x, b, a)
    return _beta_side(x, a, b)


def _beta_side(x: float, a: float, b: float) -> float:
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front += a * math.log(x) + b * math.log1p(-x)
    return math.exp(front) * _beta_fraction(x, a, b) / a


def _beta_fraction(x: float, a: float, b: float) -> float:
    """Return the continued fraction of DLMF 8.17.22 by Lentz's method (DLMF 3.10.E1)."""
    tiny = 1e-300
    c, d = 1.0, 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0), tiny)
    value = d
    # The number of terms grows with the square root of the parameters.
    for m in range(1, 1000 + int(10 * math.sqrt(a + b))):
        change = 1.0
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1.0 / _away_from_zero(1.0 + term * d, tiny)
            c = _away_from_zero(1.0 + term / c, tiny)
            change = c * d
            value *= change
        if abs(change - 1.0) < 1e-15:
            break
    return value


def _away_from_zero(value: float, tiny: float) -> float:
    return value if abs(value) > tiny else tiny


def binomial_tail(most: int, trials: int, share: float) -> float:
    """Return the probability of at most ``most`` hits in ``trials`` with ``share`` each."""
    if most < 0:
        return 0.0
    if most >= trials:
        return 1.0
    return regularized_beta(1.0 - share, trials - most, most + 1.0)


def rate_interval(bad: int, total: int, confidence: float = 0.95) -> Interval:
    """Return the exact two-sided interval of Clopper and Pearson (1934) for a rate.

    Two-sided, each side with half of the error, because it carries two claims at once (the rate is
    beyond the limit; the rate is within it) and is what readers know as "the 95 % interval". The
    ends are rounded outwards, so the coverage is never below ``confidence``.

    Raises:
        ValueError: on counts that cannot be, or a confidence outside 0 to 1.
    """
    if not 0 <= bad <= total:
        raise ValueError(f"{bad} of {total} cannot be")
    side = (1.0 - _checked(confidence)) / 2.0
    low, high = 0.0, 1.0
    if bad > 0:
        # P(X >= bad | p) = I_p(bad, total - bad + 1) grows with p; low is where it is `side`.
        low = _crossing(side, bad, total - bad + 1.0)[0]
    if bad < total:
        # P(X <= bad | p) = 1 - I_p(bad + 1, total - bad); high is where it is `side`.
        high = _crossing(1.0 - side, bad + 1.0, total - bad)[1]
    return Interval(low, high)


# Ends of one sample are asked for by the trigger, by its weight and by every report of both.
@lru_cache(maxsize=256)
def _crossing(level: float, a: float, b: float) -> tuple[float, float]:
    """Return the bracket of neighbouring doubles in which I_x(a, b) reaches ``level``."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        if middle in (low, high):
            break
        if regularized_beta(middle, a, b) < level:
            low = middle
        else:
            high = middle
    return low, high


def _checked(confidence: float, looks: int = 1) -> float:
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"a confidence lies between 0 and 1, not {confidence}")
    if looks < 1:
        raise ValueError(f"a sample is looked at least once, not {looks} times")
    return 1.0 - (1.0 - confidence) / looks


def assess_rate(
    bad: int, total: int, limit: float, confidence: float = 0.95, looks: int = 1
) -> RateAssessment:
    """Return where the rate ``bad / total`` lies against ``limit`` (a share, 0 to 1).

    ``above`` where the whole interval lies beyond the limit, ``below`` where none of it does. A
    sample that grew and was looked at ``looks`` times pays for each look (Bonferroni): the error of
    all looks together stays within ``1 - confidence``. No trials are ``between`` any two claims.

    Raises:
        ValueError: on counts that cannot be, or a confidence outside 0 to 1.
    """
    interval = rate_interval(bad, total, _checked(confidence, looks))
    side: Side = "between"
    if interval.low > limit:
        side = "above"
    elif interval.high <= limit:
        side = "below"
    return RateAssessment(side, interval)


def rise_interval(
    before: tuple[int, int], after: tuple[int, int], confidence: float = 0.95
) -> tuple[float, float]:
    """Return between which bounds the rate of ``after`` lies above that of ``before``, in points.

    Each is (bad, total); a negative bound says that it fell. Both exact intervals hold together
    with ``confidence`` (Bonferroni), so their difference does: wider than an asymptotic interval
    (Newcombe 1998), and never too narrow, also where nothing at all went wrong.

    Raises:
        ValueError: on counts that cannot be, or a confidence outside 0 to 1.
    """
    each = _checked(confidence, 2)
    first, second = rate_interval(*before, each), rate_interval(*after, each)
    return second.low - first.high, second.high - first.low


def percentile(values: Sequence[float], share: float) -> float:
    """Return the exact nearest-rank percentile: the least value that ``share`` do not exceed.

    ``share`` is read as its decimal text (0.07 of 100 is rank 7, though 0.07 * 100 > 7 in binary).

    Raises:
        ValueError: on no values, or a share outside 0 to 1.
    """
    if not values or not 0.0 < share <= 1.0:
        raise ValueError(f"no percentile {share} of {len(values)} values")
    rank = math.ceil(Fraction(str(share)) * len(values))
    return sorted(values)[rank - 1]


def percentile_verdict(
    slow: int, total: int, share: float, confidence: float = 0.95, looks: int = 1
) -> Answer:
    """Return whether the percentile ``share`` keeps its limit, ``slow`` of ``total`` being over.

    By the exact binomial: yes where so few slow ones would be unlikely if more than ``1 - share``
    of all were slow, no where so many would be unlikely if fewer were. One-sided each, since the
    truth lies on one side only and so only one of the two claims can be wrong. With 95 % confidence
    p99 needs 299 samples to be a yes at all, p95 needs 59.

    Raises:
        ValueError: on counts that cannot be, or a confidence or share outside 0 to 1.
    """
    if not 0 <= slow <= total or not 0.0 < share < 1.0:
        raise ValueError(f"{slow} of {total} over the percentile {share} cannot be")
    error = 1.0 - _checked(confidence, looks)
    allowed = float(1 - Fraction(str(share)))
    if total and binomial_tail(slow, total, allowed) <= error:
        return "yes"
    # P(X >= slow) by its own tail: 1 - P(X < slow) would lose all digits where it is small.
    if slow and regularized_beta(allowed, slow, total - slow + 1.0) <= error:
        return "no"
    return "unknown"


def mean_bound(values: Sequence[float], largest: float, error: float) -> float:
    """Return how far the true mean may lie from the sample's, to one side, in the values' unit.

    The empirical Bernstein bound of Maurer and Pontil (2009, theorem 4) for independent values in
    0 to ``largest``: holds for every distribution, with probability at least ``1 - error``. It is
    wider than a bootstrap or a normal interval, which are too narrow for the long tails that
    latencies have. Infinite below two values.
    """
    count = len(values)
    if count < 2:
        return math.inf
    mean = math.fsum(values) / count
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    log = math.log(2.0 / error)
    return math.sqrt(2.0 * variance * log / count) + 7.0 * largest * log / (3.0 * (count - 1))


def mean_verdict(
    values: Sequence[float],
    limit: float,
    largest: float,
    confidence: float = 0.95,
    looks: int = 1,
) -> Answer:
    """Return whether the mean of what ``values`` were drawn from keeps ``limit``.

    ``largest`` is the most that a value can be, such as the time-out of a request. A value beyond
    it breaks that assumption: then the answer is never yes, while a no still holds, because cutting
    values down only lowers their mean. Assumes independent values; a slowdown that comes and goes
    within the window makes the interval too narrow, which no bound on the mean can see.

    Raises:
        ValueError: on negative values, or a confidence outside 0 to 1.
    """
    error = 1.0 - _checked(confidence, looks)
    if not values:
        return "unknown"
    # Written so that a NaN, of which every comparison is false, is refused as well.
    if not all(value >= 0.0 for value in values):
        raise ValueError("a value is negative or not a number")
    cut = [min(value, largest) for value in values]
    mean = math.fsum(cut) / len(cut)
    bound = mean_bound(cut, largest, error)
    if mean - bound > limit:
        return "no"
    if mean + bound <= limit and max(values) <= largest:
        return "yes"
    return "unknown"
