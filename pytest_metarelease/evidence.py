"""What a probe saw, and what that says: measurements, judgements, samples.

Who asks is in ``probes``, who writes to disk is in ``plugin``; nothing here decides about an item.
"""

from __future__ import annotations

import itertools
import threading
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection


class Judgement(StrEnum):
    """What a measurement says about an expectation. Only ``MET`` verifies."""

    MET = "met"
    NONE = "none"
    UNKNOWN = "unknown"
    UNMET = "unmet"

    @property
    def rank(self) -> int:
        """Position in the order none < met < unknown < unmet; the worse of two wins."""
        return _RANK[self]


_RANK = {Judgement.NONE: 0, Judgement.MET: 1, Judgement.UNKNOWN: 2, Judgement.UNMET: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class RateSample:
    """How many of a number of trials went wrong; the gate computes the interval itself.

    ``excluded`` counts trials that say nothing, such as a 429 to our own sampler.
    ``looks`` is how often the growing sample was looked at: each look costs confidence.
    """

    measure: str
    bad: int
    total: int
    excluded: int = 0
    looks: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachSample:
    """Attempts to reach one target, spread over ``span`` seconds.

    ``witness`` names a declared target that answered meanwhile; without one, silence may be our
    own network and proves nothing.
    """

    measure: str
    failed: int
    attempts: int
    span: float
    witness: str | None = None


Sample = RateSample | ReachSample


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One question to one subject, and what came back. All texts are redacted at birth.

    ``at`` is UTC, RFC 3339, of the moment of asking; ``duration`` is in seconds on a monotonic
    clock; ``answer`` is a summary of bounded length; ``block`` is the block number that chain
    reads refer to.
    """

    id: str
    subject: str
    probe: str
    asked: str
    at: str
    duration: float
    answer: str
    block: int | None = None
    sample: Sample | None = None


@dataclass(frozen=True, slots=True)
class Citation:
    """A measurement as one check used it: judged (or not) against an expectation."""

    measurement: str
    subject: str
    judgement: Judgement
    expected: str = ""
    actual: str = ""
    where: str = ""
    next_step: str = ""
    attempt: int = 1


class Mark(int):
    """A place in a check's citations, and which other threads ran when it was taken."""

    others: frozenset[int]

    @classmethod
    def at(cls, place: int) -> Mark:
        """Return a mark of the calling thread."""
        mark = cls(place)
        running = {one.ident for one in threading.enumerate()} - {threading.get_ident()}
        mark.others = frozenset(one for one in running if one is not None)
        return mark


def _fields(entry: Measurement | Citation) -> dict[str, object]:
    """Return the fields as ``asdict`` does, which copies each scalar: there are thousands."""
    found: dict[str, object] = {name: getattr(entry, name) for name in entry.__slots__}
    if found.get("sample") is not None:
        found["sample"] = asdict(found["sample"])  # type: ignore[call-overload]
    return found


class Recorder(Protocol):
    """Where probes write what they saw; it knows which check is running."""

    def redact(self, text: str) -> str:
        """Return ``text`` with every known secret masked and its length bounded."""
        ...

    def measured(
        self,
        *,
        subject: str,
        probe: str,
        asked: str,
        at: str,
        duration: float,
        answer: str,
        block: int | None = None,
        sample: Sample | None = None,
    ) -> Measurement:
        """Record a measurement, cite it unjudged on the running check, and return it."""
        ...

    def judge(
        self,
        measurement: Measurement,
        judgement: Judgement,
        *,
        expected: str,
        actual: str,
        where: str = "",
        next_step: str = "",
    ) -> None:
        """Record what ``measurement``, also one of a prefetch, says to the running check."""
        ...

    def mark(self) -> Mark:
        """Return the present end of the running check's citations, for ``supersede``."""
        ...

    def supersede(self, mark: Mark) -> None:
        """Make judgements since ``mark`` say nothing: a try that is followed by another.

        Those of threads that ran beside it before stand: they are no part of the try.
        """
        ...

    def last_cited(self, start: int, end: int) -> Measurement | None:
        """Return the last measurement that the running check cited between two marks."""
        ...

    def fact(self, name: str, subject: str, value: str) -> None:
        """Record an identity of the target, such as a code hash, for the decision."""
        ...


def never_redacted(text: str) -> str:
    """Return ``text`` itself: for values that cannot hold a secret, such as test data."""
    return text


def supersede(cited: list[Citation], start: int, stand: Collection[int] = ()) -> None:
    """Make what was cited from ``start`` on say nothing, but for those at the places ``stand``."""
    for at in range(start, len(cited)):
        if at not in stand:
            cited[at] = replace(cited[at], judgement=Judgement.NONE)


class Notebook:
    """The record of one process: measurements, and per check what it cited of them.

    ``sink`` gets every entry as a JSON-ready mapping at the moment it is made, so that a crash
    loses nothing that was seen. ``prefix`` keeps the ids of several processes apart.
    """

    def __init__(
        self,
        prefix: str = "main",
        redact: Callable[[str], str] = never_redacted,
        sink: Callable[[dict[str, object]], None] | None = None,
    ) -> None:
        self.redact = redact
        self.measurements: dict[str, Measurement] = {}
        self.citations: dict[str, list[Citation]] = {}
        self.facts: dict[str, dict[str, str]] = {}
        self.check: str | None = None
        self.attempt = 1
        self._prefix = prefix
        self._numbers = itertools.count(1)
        self._sink = sink
        # A probe may ask from several threads; record and ledger must have one order.
        self._turn = threading.RLock()
        self._citers: dict[str, list[int]] = {}

    def measured(
        self,
        *,
        subject: str,
        probe: str,
        asked: str,
        at: str,
        duration: float,
        answer: str,
        block: int | None = None,
        sample: Sample | None = None,
    ) -> Measurement:
        """Record a measurement, cite it unjudged on the running check, and return it."""
        measurement = Measurement(
            id=f"{self._prefix}-{next(self._numbers)}",
            subject=subject,
            probe=probe,
            asked=self.redact(asked),
            at=at,
            duration=duration,
            answer=self.redact(answer),
            block=block,
            sample=sample,
        )
        with self._turn:
            self.measurements[measurement.id] = measurement
            self._write({"kind": "measurement", "check": self.check, **_fields(measurement)})
            if self.check is not None:
                self._cite(Citation(measurement.id, subject, Judgement.NONE, attempt=self.attempt))
        return measurement

    def judge(
        self,
        measurement: Measurement,
        judgement: Judgement,
        *,
        expected: str,
        actual: str,
        where: str = "",
        next_step: str = "",
    ) -> None:
        """Record what ``measurement``, also one of a prefetch, says to the running check."""
        citation = Citation(
            measurement.id,
            measurement.subject,
            judgement,
            self.redact(expected),
            self.redact(actual),
            self.redact(where),
            self.redact(next_step),
            self.attempt,
        )
        if self.check is not None:
            self._cite(citation)

    def mark(self) -> Mark:
        """Return the present end of the running check's citations."""
        return Mark.at(len(self.citations.get(self.check or "", ())))

    def supersede(self, mark: Mark) -> None:
        """Make judgements since ``mark`` say nothing: a try that is followed by another."""
        check = self.check or ""
        with self._turn:
            cited, citers = self.citations.get(check, []), self._citers.get(check, [])
            stand = [at for at in range(mark, len(cited)) if citers[at] in mark.others]
            supersede(cited, mark, stand)
            self._write({"kind": "superseded", "check": self.check, "from": mark, "stand": stand})

    def last_cited(self, start: int, end: int) -> Measurement | None:
        """Return the last measurement that the running check cited between two marks."""
        cited = self.citations.get(self.check or "", [])[start:end]
        known = [one.measurement for one in cited if one.measurement in self.measurements]
        return self.measurements[known[-1]] if known else None

    def met(self) -> bool:
        """Return whether anything that the running check measured met an expectation."""
        cited = self.citations.get(self.check or "", ())
        return any(one.judgement is Judgement.MET for one in cited)

    def fact(self, name: str, subject: str, value: str) -> None:
        """Record an identity of the target, such as a code hash, for the decision."""
        self.facts.setdefault(name, {})[subject] = value
        self._write({"kind": "fact", "name": name, "subject": subject, "value": value})

    def _cite(self, citation: Citation) -> None:
        check = self.check or ""
        with self._turn:
            self.citations.setdefault(check, []).append(citation)
            self._citers.setdefault(check, []).append(threading.get_ident())
            self._write({"kind": "citation", "check": check, **_fields(citation)})

    def _write(self, entry: dict[str, object]) -> None:
        if self._sink is not None:
            self._sink(entry)
