"""Whether one sample's values are larger than another's, by their ranks alone.

Nothing here assumes a distribution, and nothing calls a difference of no size a difference. It
assumes independent values: a stall that slows many neighbours makes the answer too certain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from pytest_metarelease.statistics import Answer, percentile, percentile_verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

TAIL = 0.95
_LEAST = 20  # from here on the normal approximation of U holds (Mann and Whitney 1947)


@dataclass(frozen=True, slots=True)
class RankSum:
    """The test of Mann and Whitney (1947), with the corrections for ties and continuity.

    ``u`` counts the pairs in which the later value is the larger, ties half; ``superiority`` is
    its share of all pairs, 0 to 1, the effect size A of Vargha and Delaney (2000). ``larger`` and
    ``smaller`` are one-sided: how likely such ranks are if the later values were not so.
    """

    u: float
    superiority: float
    larger: float
    smaller: float


def rank_sum(before: Sequence[float], after: Sequence[float]) -> RankSum:
    """Return whether ``after`` is larger than ``before``; without values, that nothing is known.

    Raises:
        ValueError: A value is not a number, which has no rank.
    """
    if any(math.isnan(value) for value in (*before, *after)):
        raise ValueError("a value is not a number and has no rank")
    first, second = len(before), len(after)
    pairs, count = first * second, first + second
    if not pairs:
        return RankSum(0.0, 0.5, 1.0, 1.0)
    ranks, ties = _later_ranks(before, after)
    u = ranks - second * (second + 1) / 2
    variance = pairs / 12 * ((count + 1) - ties / (count * (count - 1)))
    if variance <= 0:  # all values are one and the same
        return RankSum(u, u / pairs, 1.0, 1.0)
    deviation, away = math.sqrt(variance), u - pairs / 2
    return RankSum(
        u, u / pairs, _upper((away - 0.5) / deviation), _upper((-away - 0.5) / deviation)
    )


def _later_ranks(before: Sequence[float], after: Sequence[float]) -> tuple[float, int]:
    """Return the sum of the ranks of ``after``, ties sharing theirs, and the sum of t^3 - t."""
    marked = sorted([(value, 0) for value in before] + [(value, 1) for value in after])
    passed, ranks, ties = 0, 0.0, 0
    for _value, group in groupby(marked, key=lambda one: one[0]):
        later = [whose for _, whose in group]
        size = len(later)
        ranks += sum(later) * (passed + (size + 1) / 2)
        ties += size**3 - size
        passed += size
    return ranks, ties


def _upper(z: float) -> float:
    """Return the probability that a standard normal value is at least ``z``."""
    return min(1.0, 0.5 * math.erfc(z / math.sqrt(2.0)))


@dataclass(frozen=True, slots=True)
class Change:
    """How one sample compares with an earlier one.

    ``bulk`` says whether the values as a whole kept the margin, ``tail`` whether the percentile
    ``TAIL`` did: yes, no, unknown. Times are in the values' unit; ``ranks`` are without margin.
    """

    bulk: Answer
    tail: Answer
    medians: tuple[float, float]
    tails: tuple[float, float]
    ranks: RankSum

    @property
    def answer(self) -> Answer:
        """Yes where both kept it, no where either certainly did not, else unknown."""
        if "no" in (self.bulk, self.tail):
            return "no"
        return "yes" if (self.bulk, self.tail) == ("yes", "yes") else "unknown"


def compare(
    before: Sequence[float],
    after: Sequence[float],
    *,
    rise: float,
    least: float = 0.0,
    confidence: float = 0.95,
) -> Change | None:
    """Return whether ``after`` is larger than ``before`` by more than matters.

    What matters is the larger of ``rise``, a share of the earlier value, and ``least``, in its
    unit. The bulk is judged by the ranks of ``after`` against every earlier value raised by that:
    so a *no* is significant and large at once, and a *yes* is as certain, not merely the lack of
    proof. The tail, which ranks hardly see, is kept where the measured one is, and exceeded where
    that is certain by the exact binomial. None where either sample is too small to be compared.

    Raises:
        ValueError: on a margin below zero, a value that is no number, or a confidence out of range.
    """
    if not (rise >= 0 and least >= 0 and 0 < confidence < 1):
        raise ValueError(f"no margin of {rise} or {least} at a confidence of {confidence}")
    if min(len(before), len(after)) < _LEAST:
        return None
    # Two claims are made, each of which may be wrong (Bonferroni).
    error = (1.0 - confidence) / 2
    shifted = rank_sum([_raised(value, rise, least) for value in before], after)
    bulk: Answer = "unknown"
    if shifted.larger <= error:
        bulk = "no"
    elif shifted.smaller <= error:
        bulk = "yes"
    tails = percentile(before, TAIL), percentile(after, TAIL)
    return Change(
        bulk=bulk,
        tail=_tail(tails, after, _raised(tails[0], rise, least), 1.0 - error),
        medians=(percentile(before, 0.5), percentile(after, 0.5)),
        tails=tails,
        ranks=rank_sum(before, after),
    )


def _raised(value: float, rise: float, least: float) -> float:
    return max(value * (1.0 + rise), value + least)


def _tail(
    tails: tuple[float, float], after: Sequence[float], limit: float, confidence: float
) -> Answer:
    if tails[1] <= limit:
        return "yes"
    slow = sum(value > limit for value in after)
    found = percentile_verdict(slow, len(after), TAIL, confidence)
    return "no" if found == "no" else "unknown"
