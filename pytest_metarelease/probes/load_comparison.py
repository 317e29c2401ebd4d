"""A load of this release against the same load of the release before.

It refuses to compare two loads that were not the same, and takes neither silence nor few samples
for a proof that nothing became slower.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease import statistics
from pytest_metarelease.errors import ProbeError, TooFewSamplesError, UnmetError, UsageError
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.probes.reading import failure
from pytest_metarelease.ranks import TAIL, Change, compare

if TYPE_CHECKING:
    from pytest_metarelease.manifest.measuring import EarlierLoad
    from pytest_metarelease.probes.load_record import LoadRecord
    from pytest_metarelease.probes.load_sample import LoadSample

_LAG_SHARE = 0.2
_JUDGEMENTS = {"yes": Judgement.MET, "no": Judgement.UNMET, "unknown": Judgement.UNKNOWN}


def expect_no_slower(
    sample: LoadSample,
    now: LoadRecord,
    before: LoadRecord,
    declared: EarlierLoad,
    *,
    which: str,
    next_step: str = "",
) -> None:
    """Judge that a load is not slower than that of the release before, by more than matters.

    Args:
        sample: The load of this release, on record.
        now: Its record.
        before: The record of the release before.
        declared: What matters.
        which: What the release before is called, for people.
        next_step: What to do where it is slower.

    Raises:
        UnmetError: It is slower, certainly and by more than matters.
        TooFewSamplesError: The samples cannot tell.
        ProbeError: The loads were not the same, or our own clock was too late.
        UsageError: The sample is not on record.
    """
    if sample.measurement is None or sample.recorder is None:
        raise UsageError("record the sample before it is compared")
    other = before.differences(now)
    if other:
        problem: ProbeError = ProbeError(
            f"the load of {which} was another one ({other}), so nothing was compared; "
            "the next release can be compared with this one"
        )
        text, answer = str(problem), "unknown"
    else:
        text, answer = _compared(sample, now, before, declared)
        problem = TooFewSamplesError(text)
    expected = (
        f"at most {declared.rise:.0%} or {1000 * declared.least:g} ms slower than {which}, "
        "whichever is more"
    )
    judgement = _JUDGEMENTS[answer]
    step = "" if judgement is Judgement.MET else next_step
    sample.recorder.judge(
        sample.measurement,
        judgement,
        expected=expected,
        actual=text,
        where=sample.measurement.asked,
        next_step=step,
    )
    if judgement is Judgement.UNMET:
        raise UnmetError(
            failure(
                expected=expected,
                actual=text,
                read=sample.measurement.asked,
                next_step=step,
                redact=sample.recorder.redact,
            )
        )
    if judgement is Judgement.UNKNOWN:
        raise problem


def _compared(
    sample: LoadSample, now: LoadRecord, before: LoadRecord, declared: EarlierLoad
) -> tuple[str, str]:
    """Return the text and the answer: yes where it kept the margin, no, or unknown."""
    few = [one.counted for one in (before, now) if one.counted < declared.min_samples]
    if few:
        return f"{few[0]} samples are less than {declared.min_samples}", "unknown"
    found = compare(
        before.latencies,
        now.latencies,
        rise=declared.rise,
        least=declared.least,
        confidence=declared.confidence,
    )
    if found is None:
        return "too few samples to compare", "unknown"
    text = _text(found, before.counted, now.counted)
    lag = statistics.percentile([trial.lag for trial in sample.trials], TAIL)
    if lag > _LAG_SHARE * max(declared.least, declared.rise * found.tails[0]):
        return f"{text}, but our own clock was {1000 * lag:.1f} ms late", "unknown"
    return text, found.answer


def _text(found: Change, before: int, now: int) -> str:
    (first, second), (third, fourth) = found.medians, found.tails
    kept = {"yes": "within that", "no": "slower", "unknown": "not clear yet"}
    return (
        f"p50 {1000 * first:.1f} -> {1000 * second:.1f} ms, {kept[found.bulk]}; "
        f"p95 {1000 * third:.1f} -> {1000 * fourth:.1f} ms, {kept[found.tail]}; "
        f"{found.ranks.superiority:.0%} of pairs slower now, by chance with p = "
        f"{found.ranks.larger:.2g}; {before} and {now} samples"
    )
