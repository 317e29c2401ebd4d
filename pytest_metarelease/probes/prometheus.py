"""What a Prometheus says of the product: declared PromQL queries over its HTTP API, read-only.

It takes no silence for a zero: no series, NaN, old or few scrapes, warnings and a clock that is
wrong are unknown. https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import (
    MalformedError,
    ProbeError,
    TooFewSamplesError,
    TooLargeError,
    UnmetError,
    UnsupportedError,
    WrongTargetError,
)
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.manifest.measuring import Query
from pytest_metarelease.probes.http import HttpProbe
from pytest_metarelease.probes.reading import failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_metarelease.probes.exchange import Response

_MOST_SERIES = 1000
_SHOWN = 3
_PATH = "/api/v1/query"
_NEXT = "ask the same of Prometheus by hand, and see its targets page"


@dataclass(frozen=True, slots=True)
class Series:
    """One value of an instant query, at ``at`` in Unix seconds of the server's clock."""

    labels: str
    at: float
    value: float


@dataclass(frozen=True, slots=True)
class MetricProbe:
    """One declared query of one server.

    ``window`` is in seconds, cut off at the deployment; ``http`` asks the server and records under
    the metric's subject.
    """

    declared: Query
    http: HttpProbe
    window: float
    credential: str | None = None
    timeout: float = 10.0

    def expect(self, *, next_step: str = "") -> None:
        """Judge that every series keeps the declared limits, and that they can be believed.

        Raises:
            UnmetError: A series is out of its limits.
            ProbeError: Nothing, too little, too old or only a part is known.
        """
        seconds = int(self.window)
        if seconds < 1:
            raise TooFewSamplesError("the release was deployed only now, so it has no metrics yet")
        source, window = self.declared.source, f"{seconds}s"
        self._check_source(
            f"time() - timestamp({source})",
            lambda age: abs(age) > self.declared.max_age,
            f"scraped within {self.declared.max_age:g} s",
            "s ago",
        )
        self._check_source(
            f"count_over_time({source}[{window}])",
            lambda count: count < self.declared.min_samples,
            f"at least {self.declared.min_samples} scrapes in {window}",
            "scrapes",
        )
        query = self.declared.query.replace("$window", window)
        response, found = self._ask(query)
        self._judge(response, found, next_step)

    def _check_source(self, query: str, wrong: Any, expected: str, unit: str) -> None:
        """Refuse to believe a source of which a series is not as ``expected``."""
        response, found = self._ask(query.replace("$window", f"{int(self.window)}s"))
        # Written so that a NaN, of which every comparison is false, is refused as well.
        bad = [one for one in found if not math.isfinite(one.value) or wrong(one.value)]
        if bad:
            said = _said(f"{one.labels} {one.value:.6g} {unit}" for one in bad)
            error = TooFewSamplesError(f"{query}: {said}; {expected} is needed")
            response.unknown(error, f"{self.declared.source}: {expected}", _NEXT)

    def _ask(self, query: str) -> tuple[Response, tuple[Series, ...]]:
        """Return the answer and its series, at least one.

        Raises:
            ProbeError: There is no whole answer; it is on record as unknown.
        """
        asked = {"query": query, "timeout": f"{self.timeout:g}s"}
        response = self.http.get(_PATH, query=asked, credential=self.credential)
        answer = response.json()
        try:
            return response, _series(answer, response.status)
        except ProbeError as error:
            text = f"{query}: {error}"
            response.unknown(type(error)(text), "an answer with at least one series", _NEXT)

    def _judge(self, response: Response, found: tuple[Series, ...], next_step: str) -> None:
        skew = max(abs(time.time() - one.at) for one in found)
        if skew > self.declared.max_age:
            error = WrongTargetError(f"its clock is {skew:.0f} s away from ours")
            response.unknown(error, "values of now", _NEXT)
        out = [one for one in found if self._breaks(one.value)]
        unclear = [one for one in found if not math.isfinite(one.value)]
        expected = f"{self.declared.query}: {self._limits}"
        if unclear and not out:
            said = _said(f"{one.labels} {one.value}" for one in unclear)
            error_ = ProbeError(f"{self.declared.query}: {said}, which is no number")
            response.unknown(error_, expected, _NEXT)
        said = _said(f"{one.labels} {one.value:.6g}" for one in (out or found))
        step = next_step if out else ""
        response.recorder.judge(
            response.measurement,
            Judgement.UNMET if out else Judgement.MET,
            expected=expected,
            actual=said,
            where=response.measurement.asked,
            next_step=step,
        )
        if out:
            raise UnmetError(
                failure(
                    expected=expected,
                    actual=said,
                    read=response.measurement.asked,
                    next_step=step,
                    redact=response.recorder.redact,
                )
            )

    def _breaks(self, value: float) -> bool:
        least, most = self.declared.min, self.declared.max
        if not math.isfinite(value):
            return False
        return (least is not None and value < least) or (most is not None and value > most)

    @property
    def _limits(self) -> str:
        bounds = (("at least", self.declared.min), ("at most", self.declared.max))
        return ", ".join(f"{word} {bound:g}" for word, bound in bounds if bound is not None)


def _series(answer: Any, status: int) -> tuple[Series, ...]:
    """Return the series of an answer of ``/api/v1/query``.

    Raises:
        ProbeError: The query failed, was answered in part, or gave nothing that is a number.
    """
    if not isinstance(answer, dict):
        raise MalformedError(f"status {status}, which is no answer of Prometheus")
    if answer.get("status") != "success" or status != 200:
        why = f"{answer.get('errorType', 'error')}: {answer.get('error', f'status {status}')}"
        raise ProbeError(f"it refused: {why}"[:500])
    if answer.get("warnings"):
        # What a part of its sources did not answer is missing in silence otherwise (Thanos, remote
        # read: "partial response").
        raise ProbeError(f"it warns: {_said(map(str, answer['warnings']))}")
    data = answer.get("data")
    if not isinstance(data, dict):
        raise MalformedError("an answer without data")
    kind = data.get("resultType")
    if kind not in ("vector", "scalar"):
        raise UnsupportedError(f"it gave a {kind}; write a query that gives a vector or a scalar")
    result = data.get("result")
    if kind == "scalar":
        return (_one({}, result),)
    if not isinstance(result, list):
        raise MalformedError("its result is no list")
    if len(result) > _MOST_SERIES:
        raise TooLargeError(f"{len(result)} series are more than {_MOST_SERIES}; aggregate them")
    if not result:
        raise ProbeError("no series; nothing was measured, which is not zero")
    return tuple(_entry(one) for one in result)


def _entry(entry: Any) -> Series:
    if not isinstance(entry, dict) or not isinstance(entry.get("metric"), dict):
        raise MalformedError("a series without labels")
    if "histogram" in entry:
        raise UnsupportedError("a native histogram; write a query that gives numbers")
    return _one(entry["metric"], entry.get("value"))


def _one(labels: Mapping[str, Any], pair: Any) -> Series:
    text = "{" + ",".join(f'{name}="{labels[name]}"' for name in sorted(labels)) + "}"
    if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[1], str)):
        raise MalformedError(f"{text} has no value")
    if not isinstance(pair[0], int | float) or isinstance(pair[0], bool):
        raise MalformedError(f"{text} has no time")
    if not re.fullmatch(r"[+-]?(Inf|NaN|[\d.]+([eE][+-]?\d+)?)", pair[1]):
        raise MalformedError(f"{text} has {pair[1][:40]!r} for a value")
    return Series(text[:300], float(pair[0]), float(pair[1]))


def _said(texts: Iterator[str] | Any) -> str:
    """Return the first of many texts, and how many more there are."""
    all_ = list(texts)
    more = f" and {len(all_) - _SHOWN} more" if len(all_) > _SHOWN else ""
    return ("; ".join(all_[:_SHOWN]) + more)[:1000]
