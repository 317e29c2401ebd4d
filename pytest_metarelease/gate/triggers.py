"""How each declared trigger stands, by the samples that checks cited.

Rates are judged by their exact interval, reachability by failed attempts over time while another
target answered. Nothing here asks for more samples, and nothing uncertain is a breach.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pytest_metarelease.evidence import RateSample, ReachSample, Sample
from pytest_metarelease.gate.states import Ground
from pytest_metarelease.gate.values import Reason, State, TriggerDecision
from pytest_metarelease.gate.words import reason
from pytest_metarelease.statistics import Side, assess_rate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_metarelease.gate.states import Assessment
    from pytest_metarelease.gate.values import Record
    from pytest_metarelease.manifest.model import Item, Trigger

_LEAST_ATTEMPTS = 3
_LEAST_SPAN = 1.0  # seconds; a single dropped packet is over sooner

TriggerState = Literal["ok", "breached", "inconclusive", "idle", "not measured"]

_BY_SIDE: dict[Side, TriggerState] = {
    "below": "ok",
    "between": "inconclusive",
    "above": "breached",
}


def samples_of(record: Record) -> tuple[Sample, ...]:
    """Return every sample that a check cited in its last attempt."""
    cited = {
        citation.measurement for result in record.results.values() for citation in result.judged
    }
    measured = (record.measurements.get(name) for name in cited)
    return tuple(one.sample for one in measured if one is not None and one.sample is not None)


def judge_measure(trigger: Trigger, samples: Sequence[Sample]) -> TriggerDecision:
    """Return how a trigger stands by the samples of its measure, in whatever order they come.

    A breach wins, then a sample that cannot be, then the largest one.
    """
    own = [one for one in samples if one.measure == trigger.measure]
    if not own:
        return _decision(trigger, "not measured", "no check recorded a sample of it")
    return judge_sample(trigger, max(own, key=lambda one: _weight(trigger, one)))


def _weight(trigger: Trigger, sample: Sample) -> tuple[bool, bool, tuple[int, ...], bool, int, str]:
    """Return the order of samples, the one that counts last; the text settles what is equal."""
    decision = judge_sample(trigger, sample)
    breached, impossible = decision.state == "breached", not _possible(sample)
    # A rate's sample grows, and all its looks but the last are inconclusive: the largest counts.
    # Attempts to reach something do not: a later success does not undo an earlier failure.
    size: tuple[int, ...] = ()
    if isinstance(sample, RateSample):
        size, bad = (sample.total,), sample.bad
    else:
        bad = sample.failed
    return breached, impossible, size, decision.state == "inconclusive", bad, decision.text


def judge_sample(trigger: Trigger, sample: Sample) -> TriggerDecision:
    """Return how ``trigger`` stands by one sample; also for checks that judge it themselves."""
    if not _possible(sample):
        return _decision(trigger, "inconclusive", "its sample has counts that cannot be")
    if isinstance(sample, ReachSample):
        return _judge_reach(trigger, sample)
    if trigger.limit is None:
        return _decision(trigger, "inconclusive", "it declares no limit for a rate")
    return _judge_rate(trigger, sample, trigger.limit)


def _possible(sample: Sample) -> bool:
    if isinstance(sample, RateSample):
        return 0 <= sample.bad <= sample.total and sample.looks >= 1
    return 0 <= sample.failed <= sample.attempts


def _judge_rate(trigger: Trigger, sample: RateSample, limit: float) -> TriggerDecision:
    found = assess_rate(sample.bad, sample.total, limit, trigger.confidence, sample.looks)
    interval = found.interval
    state: TriggerState
    if sample.total < trigger.min_samples:
        # Too few to act on; yet what is certainly over the limit is not "no traffic".
        state = "inconclusive" if found.side == "above" else "idle"
    else:
        state = _BY_SIDE[found.side]
    text = (
        f"{sample.bad:,} of {sample.total:,} "
        f"[{100 * interval.low:.1f}, {100 * interval.high:.1f}] %, limit {100 * limit:g} %"
    )
    if state == "idle":
        text = f"no traffic yet, n = {sample.total:,} of {trigger.min_samples:,}"
    return _decision(
        trigger,
        state,
        text,
        bad=sample.bad,
        total=sample.total,
        low=interval.low,
        high=interval.high,
    )


def _judge_reach(trigger: Trigger, sample: ReachSample) -> TriggerDecision:
    """Silence counts only from several attempts over time, while another target answered."""
    certain = (
        sample.failed == sample.attempts
        and sample.attempts >= max(_LEAST_ATTEMPTS, trigger.min_samples)
        and sample.span >= _LEAST_SPAN
        and sample.witness is not None
    )
    state: TriggerState = "breached" if certain else "inconclusive"
    if not sample.attempts:
        state = "not measured"
    elif not sample.failed:
        state = "ok"
    meanwhile = f"{sample.witness} answered" if sample.witness else "nothing else answered either"
    text = f"{sample.failed} of {sample.attempts} attempts failed within {sample.span:.1f} s"
    if sample.failed:
        text += f", meanwhile {meanwhile}"
    return _decision(trigger, state, text, bad=sample.failed, total=sample.attempts)


def judge_items(trigger: Trigger, assessments: Mapping[str, Assessment]) -> TriggerDecision:
    """Return how a trigger over named items stands: breached where one of them failed."""
    states = {one: assessments[one].state for one in trigger.items if one in assessments}
    failed = [one for one, state in states.items() if state is State.FAILED]
    if failed:
        return _decision(trigger, "breached", f"failed: {', '.join(failed)}", item=failed[0])
    open_items = [one for one, state in states.items() if state is State.NOT_VERIFIED]
    if open_items:
        return _decision(trigger, "inconclusive", f"not verified: {', '.join(open_items)}")
    if not states:
        return _decision(trigger, "not measured", "none of its items is in scope")
    return _decision(trigger, "ok", f"{len(states)} of {len(trigger.items)} items, none failed")


def _decision(
    trigger: Trigger,
    state: TriggerState,
    text: str,
    *,
    item: str | None = None,
    bad: int | None = None,
    total: int | None = None,
    low: float | None = None,
    high: float | None = None,
) -> TriggerDecision:
    return TriggerDecision(
        id=trigger.id,
        item=item or trigger.item,
        measure=trigger.measure or ", ".join(trigger.items),
        state=state,
        text=text,
        limit=trigger.limit,
        bad=bad,
        total=total,
        low=low,
        high=high,
        undo=trigger.undo,
    )


def ground_of(trigger: Trigger, decision: TriggerDecision, item: Item) -> Ground | None:
    """Return what a trigger's decision says about the item that shows its measure."""
    text = f"{trigger.id}: {decision.measure} {decision.text}"
    if decision.state == "ok":
        return None
    if decision.state == "breached":
        return Ground(State.FAILED, reason("trigger-breached", text, item.next))
    if decision.state == "idle" and trigger.when_idle == "note":
        return Ground(State.VERIFIED, Reason("trigger-idle", text))
    code = f"trigger-{decision.state.replace(' ', '-')}"
    return Ground(State.NOT_VERIFIED, reason(code, text))
