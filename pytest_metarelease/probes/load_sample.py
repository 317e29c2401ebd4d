"""What sampling a service has shown: every trial, and what they amount to.

It refuses to count what says nothing about the service (a 429 to our own sampler, our own lag) and
to give an answer that the samples cannot carry.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_metarelease import statistics
from pytest_metarelease.errors import TooFewSamplesError, UnmetError, UsageError
from pytest_metarelease.evidence import Judgement, Measurement, RateSample, Recorder
from pytest_metarelease.probes.reading import failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.manifest.measuring import ResponseTime

_CONFIDENCE = 0.95
_LAG_SHARE = 0.2
_SHOWN = (0.5, 0.9, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Trial:
    """One request of a sample; all times in seconds.

    ``offset`` is when it was due, from the start of the sample; ``latency`` counts from then,
    ``service`` from when it was sent; ``lag`` is how late our own scheduler was. ``status`` is
    None where no whole answer came in time, and ``error`` then says why.
    """

    number: int
    offset: float
    latency: float
    service: float
    lag: float
    status: int | None
    error: str | None = None

    @property
    def excluded(self) -> bool:
        """Whether it says nothing about the service: it limited our own rate."""
        return self.status == 429

    @property
    def bad(self) -> bool:
        """Whether it went wrong: no whole answer in time, or any status from 400 on but 429.

        Only declared endpoints are sampled, by GET, so a 404 is a broken promise as a 500 is.
        """
        return self.status is None or (self.status >= 400 and not self.excluded)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSample:
    """All trials of one or several rounds. ``at`` and ``span`` are those of all rounds together.

    ``measurement`` and ``recorder`` are there once it was ``recorded``.
    """

    url: str
    paths: tuple[str, ...]
    at: str
    span: float
    timeout: float
    trials: tuple[Trial, ...]
    looks: int = 1
    measurement: Measurement | None = None
    recorder: Recorder | None = None

    def __len__(self) -> int:
        return len(self.trials)

    def joined(self, other: LoadSample) -> LoadSample:
        """Return this sample with the trials of a later round of the same service."""
        return replace(self, span=self.span + other.span, trials=self.trials + other.trials)

    @property
    def excluded(self) -> int:
        """How many trials were limited by rate."""
        return sum(trial.excluded for trial in self.trials)

    @property
    def bad(self) -> int:
        """How many trials went wrong."""
        return sum(trial.bad for trial in self.trials)

    def rate_sample(self, measure: str, looks: int = 1) -> RateSample:
        """Return how many went wrong of those that count, looked at ``looks`` times."""
        counted = len(self) - self.excluded
        return RateSample(
            measure=measure, bad=self.bad, total=counted, excluded=self.excluded, looks=looks
        )

    @property
    def latencies(self) -> list[float]:
        """Seconds from the intended start of each trial that counts.

        An answer that never came counts as the time-out at least: a refused connection is quick
        but not fast. An error status does not count: failing quickly must not improve the mean.
        """
        return self._times(lambda trial: trial.latency)

    @property
    def service_times(self) -> list[float]:
        """Seconds from the sending of each trial that counts, in the order of ``latencies``."""
        return self._times(lambda trial: trial.service)

    def _times(self, of: Callable[[Trial], float]) -> list[float]:
        return [
            max(of(trial), self.timeout) if trial.status is None else of(trial)
            for trial in self.trials
            if not trial.excluded and not (trial.bad and trial.status is not None)
        ]

    @property
    def mean(self) -> float:
        """Mean latency in seconds; NaN without trials that count."""
        return _mean(self.latencies)

    def percentile(self, share: float) -> float:
        """Return the exact nearest-rank percentile of the latency in seconds, ``share`` 0 to 1.

        Raises:
            ValueError: No trial counts, or the share is out of range.
        """
        return statistics.percentile(self.latencies, share)

    def recorded(
        self,
        recorder: Recorder,
        subject: str,
        measure: str,
        looks: int = 1,
        *,
        marked: str = "",
    ) -> LoadSample:
        """Put the sample on record as one measurement and return it with that.

        ``marked`` is said at the end of the summary, such as the digest of all latencies.
        """
        measurement = recorder.measured(
            subject=subject,
            probe="load",
            asked=f"GET {self.url} {' '.join(self.paths)}: {len(self)} requests",
            at=self.at,
            duration=self.span,
            answer=f"{self.summary}; {marked}" if marked else self.summary,
            sample=self.rate_sample(measure, looks),
        )
        return replace(self, measurement=measurement, recorder=recorder, looks=looks)

    @property
    def summary(self) -> str:
        """Counts, times and what went wrong, in one line."""
        parts = [f"{self.bad} of {len(self) - self.excluded} went wrong"]
        if self.excluded:
            parts.append(f"{self.excluded} were limited by rate")
        times = self.latencies
        if times:
            shown = [(f"p{share:.0%}"[:-1], self.percentile(share)) for share in _SHOWN]
            said = [("mean", self.mean), *shown, ("most", max(times))]
            parts.append(", ".join(f"{name} {1000 * value:.0f} ms" for name, value in said))
        parts.append(f"own lag at most {1000 * max(trial.lag for trial in self.trials):.0f} ms")
        why = Counter(str(trial.status or trial.error) for trial in self.trials if trial.bad)
        parts += [f"{count} x {text}" for text, count in why.most_common(3)]
        return "; ".join(parts)

    def expect_within(self, limits: ResponseTime | None, *, next_step: str = "") -> LoadSample:
        """Judge mean and percentiles of the latency against declared limits, all in one judgement.

        A percentile is kept or not by the exact binomial, at 95 % confidence; a mean is kept where
        the measured one is, and exceeded where that is as certain. Unknown are: what the samples
        cannot carry, a limit of which our own lag was more than a fifth, and a breach that is only
        there because our own connections were all in use.

        Raises:
            UnmetError: A limit is exceeded.
            TooFewSamplesError: None is exceeded, but one or more are unclear.
            UsageError: No limit is declared, or the sample is not on record.
        """
        stated = _stated(limits)
        if not stated or self.measurement is None or self.recorder is None:
            raise UsageError("declare limits under `response_time`, and record the sample first")
        found = [(name, *self._against(share, limit)) for name, share, limit in stated]
        expected = ", ".join(f"{name} at most {1000 * limit:g} ms" for name, _, limit in stated)
        actual = "; ".join(f"{name} {text}" for name, _, text in found)
        answers = {answer for _, answer, _ in found}
        judgement = Judgement.UNKNOWN if "unknown" in answers else Judgement.MET
        judgement = Judgement.UNMET if "no" in answers else judgement
        step = "" if judgement is Judgement.MET else next_step
        self.recorder.judge(
            self.measurement,
            judgement,
            expected=expected,
            actual=actual,
            where=self.measurement.asked,
            next_step=step,
        )
        if judgement is Judgement.MET:
            return self
        text = failure(
            expected=expected,
            actual=actual,
            read=self.measurement.asked,
            next_step=step,
            redact=self.recorder.redact,
        )
        raise UnmetError(text) if judgement is Judgement.UNMET else TooFewSamplesError(text)

    def _against(self, share: float | None, limit: float) -> tuple[statistics.Answer, str]:
        """Return whether one limit is kept, and the text of it; ``share`` None is the mean."""
        times = self.latencies
        if not times:
            return "unknown", "not measured: no answer that counts"
        answer = self._keeps(times, share, limit)
        value = _value(times, share)
        text = f"{1000 * value:.0f} ms of {len(times)}"
        if answer == "unknown":
            return answer, f"{text}: too few samples to tell"
        lag = _value([trial.lag for trial in self.trials], share)
        if lag > _LAG_SHARE * limit:
            return "unknown", f"{text}, but our own clock was {1000 * lag:.0f} ms late"
        if answer == "no" and _value(self.service_times, share) <= limit:
            return "unknown", f"{text}, but only because all our connections were in use"
        return answer, text

    def _keeps(self, times: list[float], share: float | None, limit: float) -> statistics.Answer:
        if share is None:
            if _mean(times) <= limit:
                return "yes"
            answer = statistics.mean_verdict(times, limit, self.timeout, _CONFIDENCE, self.looks)
            return "no" if answer == "no" else "unknown"
        slow = sum(time > limit for time in times)
        return statistics.percentile_verdict(slow, len(times), share, _CONFIDENCE, self.looks)


def _stated(limits: ResponseTime | None) -> list[tuple[str, float | None, float]]:
    if limits is None:
        return []
    all_ = (
        ("mean", None, limits.mean),
        ("p50", 0.5, limits.p50),
        ("p90", 0.9, limits.p90),
        ("p95", 0.95, limits.p95),
        ("p99", 0.99, limits.p99),
    )
    return [(name, share, limit) for name, share, limit in all_ if limit is not None]


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


def _value(values: list[float], share: float | None) -> float:
    return _mean(values) if share is None else statistics.percentile(values, share)
