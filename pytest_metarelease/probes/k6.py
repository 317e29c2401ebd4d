"""A load test by k6, read from the summary it left: what we would not send from one machine.

It believes no verdict of k6, only its numbers; none of another release, address or age, and none of
a generator that could not keep its own rate. https://grafana.com/docs/k6/latest/results-output/
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pytest_metarelease.errors import (
    MalformedError,
    ProbeError,
    TooFewSamplesError,
    TooLargeError,
    UnmetError,
    UnreachableError,
    WrongTargetError,
)
from pytest_metarelease.evidence import Judgement, Recorder
from pytest_metarelease.manifest.measuring import LoadTest
from pytest_metarelease.probes.clock import utc_now
from pytest_metarelease.probes.document import read_json
from pytest_metarelease.probes.reading import failure
from pytest_metarelease.statistics import Answer, assess_rate, percentile_verdict

if TYPE_CHECKING:
    from pytest_metarelease.evidence import Measurement

_MOST_BYTES = 4 * 2**20
_AHEAD = 300.0
_SHARES = {"med": 0.5, "p(90)": 0.9, "p(95)": 0.95, "p(99)": 0.99}
_NEXT = "run k6 against this release again, with the handleSummary of docs/performance.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a summary must be of: a release at an address, tested between two moments."""

    version: str
    commit: str
    url: str
    since: str | None
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The numbers of a summary that count; times in seconds, by k6's own names."""

    version: str
    commit: str
    url: str
    finished: datetime
    span: float
    requests: int
    failed: int
    dropped: int
    times: Mapping[str, float]


def read_summary(content: bytes) -> Summary:
    """Return what ``handleSummary`` wrote, with ``release`` and ``finished_at`` added to its data.

    Raises:
        MalformedError: It is no such summary, or contradicts itself.
    """
    found = read_json(content, "application/json")
    try:
        return _summary(found)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MalformedError(
            f"no summary of k6 with release and finished_at ({type(error).__name__}: {error})"
        ) from None


def _summary(found: Any) -> Summary:
    metrics, release = found["metrics"], found["release"]
    rate = metrics["http_req_failed"]["values"]
    # A k6 rate counts what is true as passes: here the requests that failed.
    failed, fine = _count(rate["passes"]), _count(rate["fails"])
    requests = _count(metrics["http_reqs"]["values"]["count"])
    if failed + fine != requests:
        raise ValueError(f"{requests} requests, but {failed} failed and {fine} did not")
    dropped = metrics.get("dropped_iterations", {"values": {"count": 0}})["values"]["count"]
    finished = datetime.fromisoformat(found["finished_at"])
    if finished.tzinfo is None:
        raise ValueError("finished_at has no zone")
    times = metrics["http_req_duration"]["values"]
    return Summary(
        version=str(release["version"]),
        commit=str(release["commit"]),
        url=str(release["url"]),
        finished=finished,
        span=_number(found["state"]["testRunDurationMs"]) / 1000,
        requests=requests,
        failed=failed,
        dropped=_count(dropped),
        times={name: _number(times[name]) / 1000 for name in ("avg", *_SHARES) if name in times},
    )


def _count(value: Any) -> int:
    number = _number(value)
    if number != int(number):
        raise ValueError(f"{value} is no count")
    return int(number)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{value} is negative or not finite")
    return float(value)


@dataclass(frozen=True, slots=True)
class LoadTestProbe:
    """One declared load test, whose summary is at ``path``."""

    declared: LoadTest
    path: Path
    expected: Expected
    recorder: Recorder

    def expect(self, *, next_step: str = "") -> None:
        """Judge response times and error rate of the summary, all in one judgement.

        Raises:
            UnmetError: A limit is exceeded, certainly.
            ProbeError: There is no summary of this release, or it cannot tell.
        """
        at = utc_now()
        subject = f"service:{self.declared.service}"
        asked = f"k6 summary {self.declared.summary}"
        try:
            content = self._content()
            summary = read_summary(content)
            answer = _text(summary, content)
            problem = self._refused(summary)
        except ProbeError as error:
            summary, answer, problem = None, f"{error}", error
        measurement = self.recorder.measured(
            subject=subject,
            probe="k6",
            asked=asked,
            at=at if summary is None else summary.finished.astimezone(UTC).isoformat(),
            duration=0.0 if summary is None else summary.span,
            answer=answer,
        )
        if problem is not None or summary is None:
            self._unknown(measurement, problem or ProbeError(answer), "a summary of this release")
        self._judge(measurement, summary, next_step)

    def _content(self) -> bytes:
        try:
            if not self.path.is_file():
                raise UnreachableError(f"{self.declared.summary} is not there; {_NEXT}")
            with self.path.open("rb") as file:
                content = file.read(_MOST_BYTES + 1)
        except OSError as error:
            raise UnreachableError(f"{self.declared.summary}: {error.strerror}") from None
        if len(content) > _MOST_BYTES:
            raise TooLargeError(f"{self.declared.summary} is larger than {_MOST_BYTES} bytes")
        return content

    def _refused(self, summary: Summary) -> ProbeError | None:
        """Return why the summary says nothing about this release, or None."""
        wanted, age = self.expected, (self.expected.now - summary.finished).total_seconds()
        if (summary.version, summary.commit) != (wanted.version, wanted.commit):
            of = f"{summary.version} ({summary.commit[:12]})"
            return WrongTargetError(f"it is of {of}, not {wanted.version} ({wanted.commit[:12]})")
        if summary.url.rstrip("/") != wanted.url.rstrip("/"):
            return WrongTargetError(f"{summary.url[:100]} was tested, not the declared address")
        if not -_AHEAD <= age <= self.declared.max_age:
            return WrongTargetError(f"it is {age:.0f} s old, at most {self.declared.max_age:g}")
        if wanted.since is not None:
            since = datetime.fromisoformat(wanted.since)
            if (summary.finished - since).total_seconds() < summary.span:
                return WrongTargetError(f"it began before the deployment of {wanted.since}")
        if summary.dropped:
            return TooFewSamplesError(
                f"{summary.dropped} iterations were dropped: k6 itself could not keep the rate"
            )
        if summary.requests < self.declared.min_requests:
            return TooFewSamplesError(
                f"{summary.requests} requests are less than {self.declared.min_requests}"
            )
        return None

    def _judge(self, measurement: Measurement, summary: Summary, next_step: str) -> None:
        stated = [(name, limit, _within(summary, name, limit)) for name, limit in self._limits()]
        rate = assess_rate(
            summary.failed, summary.requests, self.declared.error_rate, self.declared.confidence
        )
        sides: Mapping[str, Answer] = {"below": "yes", "above": "no", "between": "unknown"}
        answers = {answer for _, _, answer in stated} | {sides[rate.side]}
        expected = ", ".join(
            [f"{name} at most {1000 * limit:g} ms" for name, limit, _ in stated]
            + [f"errors at most {self.declared.error_rate:.3g} of all"]
        )
        low, high = 100 * rate.interval.low, 100 * rate.interval.high
        failed = (
            f"{summary.failed} of {summary.requests} failed [{low:.2g} % to {high:.2g} %], "
            f"{_WORDS[sides[rate.side]]}"
        )
        said = [f"{name} {_shown(summary, name)}, {_WORDS[one]}" for name, _, one in stated]
        actual = "; ".join([*said, failed])
        if "unknown" in answers and "no" not in answers:
            self._unknown(measurement, TooFewSamplesError(actual), expected)
        unmet = "no" in answers
        self.recorder.judge(
            measurement,
            Judgement.UNMET if unmet else Judgement.MET,
            expected=expected,
            actual=actual,
            where=measurement.asked,
            next_step=next_step if unmet else "",
        )
        if unmet:
            raise UnmetError(
                failure(
                    expected=expected,
                    actual=actual,
                    read=measurement.asked,
                    next_step=next_step,
                    redact=self.recorder.redact,
                )
            )

    def _limits(self) -> list[tuple[str, float]]:
        limits = self.declared.response_time
        all_ = (
            ("avg", limits.mean),
            ("med", limits.p50),
            ("p(90)", limits.p90),
            ("p(95)", limits.p95),
            ("p(99)", limits.p99),
        )
        return [(name, limit) for name, limit in all_ if limit is not None]

    def _unknown(self, measurement: Measurement, error: ProbeError, expected: str) -> NoReturn:
        self.recorder.judge(
            measurement,
            Judgement.UNKNOWN,
            expected=expected,
            actual=f"{error}",
            where=measurement.asked,
            next_step=_NEXT,
        )
        raise type(error)(self.recorder.redact(f"{measurement.asked}: {error}"))


_WORDS: Mapping[Answer, str] = {"yes": "kept", "no": "exceeded", "unknown": "not clear"}


def _within(summary: Summary, name: str, limit: float) -> Answer:
    """Return whether one time keeps its limit.

    A summary has no samples, only what some percentiles are. Kept is what measured so, if there
    were requests enough; exceeded is a percentile only where a lower one is over the limit, too,
    so that certainly more were slow than may be.
    """
    value = summary.times.get(name)
    if value is None:
        return "unknown"
    if name == "avg":
        return "yes" if value <= limit else "no"
    share = _SHARES[name]
    if value <= limit:
        return percentile_verdict(0, summary.requests, share)
    over = [one for known, one in _SHARES.items() if summary.times.get(known, 0.0) > limit]
    slow = math.floor((1 - min(over)) * summary.requests)
    return "no" if percentile_verdict(slow, summary.requests, share) == "no" else "unknown"


def _shown(summary: Summary, name: str) -> str:
    value = summary.times.get(name)
    if value is None:
        return "is not in it (see --summary-trend-stats)"
    return f"{1000 * value:.0f} ms"


def _text(summary: Summary, content: bytes) -> str:
    times = ", ".join(f"{name} {1000 * value:.0f} ms" for name, value in summary.times.items())
    digest = hashlib.sha256(content).hexdigest()
    return f"{summary.failed} of {summary.requests} failed; {times}; sha256:{digest}"
