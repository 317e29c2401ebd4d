"""Outcomes of checks: what the reports of a test amount to; nothing looks better than it was.

Values in, values out; the translation from pytest's objects is in ``plugin``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from pytest_metarelease.evidence import Citation, Judgement

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


Fault = Literal["failed", "broken", "not run"]


class Outcome(StrEnum):
    """What became of a check. Broken means that we could not ask."""

    PASSED = "passed"
    SKIPPED = "skipped"
    NOT_RUN = "not run"
    BROKEN = "broken"
    FAILED = "failed"

    @property
    def rank(self) -> int:
        """Position in the order passed < skipped < not run < broken < failed; the worst wins."""
        return _RANK[self]


_RANK = {outcome: number for number, outcome in enumerate(Outcome)}


@dataclass(frozen=True, slots=True)
class Phase:
    """One report of one test, as far as a verdict may depend on it.

    ``when`` is ``setup``, ``call``, ``teardown`` or, for a crashed worker, ``???``. ``kind`` is
    ``test`` for a plain report, ``subtest`` for a part of a test, ``other`` for anything unknown.
    ``fault`` tells a judgement (``failed``) from a question that got no answer (``broken``) and
    a check that was not asked at all because its service never became ready (``not run``).
    """

    when: str
    outcome: str
    kind: Literal["test", "subtest", "other"] = "test"
    fault: Fault = "failed"
    text: str = ""
    next_step: str = ""
    duration: float = 0.0
    wasxfail: bool = False
    rerun: int = 0
    process: str = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What became of one check in this run, with everything it cited.

    ``code`` is ``passed`` or says what kind of thing went wrong; ``duration`` is in seconds, over
    all phases of all attempts.
    """

    nodeid: str
    outcome: Outcome
    code: str
    text: str = ""
    next_step: str = ""
    attempts: int = 1
    passes: int = 0
    duration: float = 0.0
    citations: tuple[Citation, ...] = ()

    @property
    def judged(self) -> tuple[Citation, ...]:
        """Citations of the last attempt; those of earlier attempts are on record only."""
        if self.attempts == 1 or not self.citations:
            return self.citations
        return tuple(one for one in self.citations if one.attempt >= self.attempts)

    @property
    def met(self) -> tuple[Citation, ...]:
        """Citations of the last attempt that were judged and met."""
        if not self.citations:
            return ()
        return tuple(one for one in self.judged if one.judgement is Judgement.MET)


@dataclass(frozen=True, slots=True)
class _Finding:
    outcome: Outcome
    code: str
    text: str = ""
    next_step: str = ""


_PASSED = _Finding(Outcome.PASSED, "passed")
_CRASHED = "check-crashed"
_PHASES = ("setup", "call", "teardown")
_FAULTS = {
    "failed": (Outcome.FAILED, "check-failed"),
    "broken": (Outcome.BROKEN, "check-broken"),
    "not run": (Outcome.NOT_RUN, "not-ready"),
}
_EVIDENCE = {
    Judgement.UNMET: (Outcome.FAILED, "evidence-unmet"),
    Judgement.UNKNOWN: (Outcome.BROKEN, "evidence-unknown"),
}


def assemble(
    nodeid: str,
    phases: Sequence[Phase],
    citations: Sequence[Citation] = (),
    *,
    seconds: float = 0.0,
) -> CheckResult:
    """Return what all reports of one check amount to; the worst thing seen wins.

    ``seconds`` is the time of reports whose phases carry none of their own.

    Clean is only a check with exactly one setup, call and teardown per attempt, all passed, plain,
    none expected to fail, with no subtest that did not pass, and with no citation that is unmet or
    unknown, whatever the reports say. A rerun that passed does not remove what an earlier attempt
    showed: the check is broken (``check-flaky``), ``attempts`` and ``passes`` are counted, and the
    gate accepts it only where the item declares so.
    """
    if _plainly_passed(phases) and not any(map(_speaks_against, citations)):
        setup, call, teardown = phases
        return CheckResult(
            nodeid=nodeid,
            outcome=Outcome.PASSED,
            code="passed",
            passes=1,
            duration=seconds + setup.duration + call.duration + teardown.duration,
            citations=tuple(citations),
        )
    attempts = _attempts(phases)
    cited = _cited_by_attempt(citations, max(1, len(attempts)))
    verdicts = [_attempt(phases, cited[number]) for number, phases in enumerate(attempts)]
    return _result(nodeid, phases, citations, verdicts or [_attempt([], cited[0])], seconds)


def _result(
    nodeid: str,
    phases: Sequence[Phase],
    citations: Sequence[Citation],
    verdicts: Sequence[_Finding],
    seconds: float,
) -> CheckResult:
    worst = _over_attempts(verdicts)
    return CheckResult(
        nodeid=nodeid,
        outcome=worst.outcome,
        code=worst.code,
        text=worst.text,
        next_step=worst.next_step,
        attempts=len(verdicts),
        passes=sum(one.outcome is Outcome.PASSED for one in verdicts),
        duration=seconds + sum(phase.duration for phase in phases),
        citations=tuple(citations),
    )


def _plainly_passed(phases: Sequence[Phase]) -> bool:
    """Return whether this is the common clean case; whoever says no here is looked at closely."""
    if len(phases) != len(_PHASES):
        return False
    setup, call, teardown = phases
    return _clean(setup, "setup") and _clean(call, "call") and _clean(teardown, "teardown")


def _clean(phase: Phase, when: str) -> bool:
    return (
        phase.when == when
        and phase.outcome == "passed"
        and phase.kind == "test"
        and phase.rerun == 0
        and not phase.wasxfail
    )


def _speaks_against(citation: Citation) -> bool:
    return citation.judgement is Judgement.UNMET or citation.judgement is Judgement.UNKNOWN


def _attempts(phases: Sequence[Phase]) -> list[list[Phase]]:
    attempts: list[list[Phase]] = []
    # Some rerun plugins number their attempts, others only end them with the outcome "rerun".
    for phase in sorted(phases, key=lambda one: one.rerun):
        if not attempts or phase.rerun != attempts[-1][-1].rerun or _ended(attempts[-1], phase):
            attempts.append([])
        attempts[-1].append(phase)
    numbers = {phase.rerun for phase in phases}
    if numbers and numbers != set(range(len(numbers))):
        attempts.insert(0, [])  # an attempt of which no report arrived still was one
    return attempts


def _ended(attempt: Sequence[Phase], following: Phase) -> bool:
    """Return whether an attempt was rerun; its teardown may still be reported, and is its own."""
    return following.when != "teardown" and any(one.outcome == "rerun" for one in attempt)


def _cited_by_attempt(citations: Sequence[Citation], count: int) -> list[list[Citation]]:
    cited: list[list[Citation]] = [[] for _ in range(count)]
    for one in citations:
        cited[min(max(one.attempt, 1), count) - 1].append(one)
    return cited


def _over_attempts(verdicts: Sequence[_Finding]) -> _Finding:
    worst = max(verdicts, key=lambda one: one.outcome.rank)
    if worst.outcome is Outcome.PASSED or verdicts[-1].outcome is not Outcome.PASSED:
        return worst
    passes = sum(one.outcome is Outcome.PASSED for one in verdicts)
    text = f"{passes} of {len(verdicts)} attempts passed; before that: {worst.text or worst.code}"
    return _Finding(Outcome.BROKEN, "check-flaky", text, worst.next_step)


def _attempt(phases: Sequence[Phase], citations: Sequence[Citation]) -> _Finding:
    """Return the worst of one attempt; of equals a crash says most, then the evidence."""
    reported = [_reading(phase) for phase in phases] or [
        _Finding(Outcome.NOT_RUN, "check-not-run", "no report of it arrived")
    ]
    evidence = [_evidence(one) for one in citations if _speaks_against(one)]
    crashes = [one for one in reported if one.code == _CRASHED]
    findings = [*crashes, *evidence, *reported, *_structure(phases)]
    return max(findings, key=lambda one: one.outcome.rank)


def _evidence(citation: Citation) -> _Finding:
    outcome, code = _EVIDENCE[citation.judgement]
    text = f"expected {citation.expected}, actual {citation.actual}"
    where = f" ({citation.where})" if citation.where else ""
    return _Finding(outcome, code, text + where, citation.next_step)


def _reading(phase: Phase) -> _Finding:
    """Return what one report says by itself."""
    if phase.when == "???":
        return _Finding(Outcome.BROKEN, _CRASHED, phase.text or "its process crashed")
    if phase.kind == "other" or phase.when not in _PHASES:
        return _Finding(Outcome.BROKEN, "check-broken", f"unknown kind of report: {phase.when}")
    # A rerun plugin replaces the outcome of a failed report by "rerun"; the fault stands.
    if phase.outcome in ("failed", "rerun"):
        outcome, code = _FAULTS[phase.fault]
        return _Finding(outcome, code, phase.text, phase.next_step)
    if phase.kind == "subtest" and (phase.outcome == "skipped" or phase.wasxfail):
        return _Finding(Outcome.SKIPPED, "subtest-skipped", phase.text, phase.next_step)
    if phase.wasxfail:
        return _Finding(Outcome.SKIPPED, "check-xfail", phase.text or "expected to fail")
    if phase.outcome == "skipped":
        return _Finding(Outcome.SKIPPED, "check-skipped", phase.text, phase.next_step)
    if phase.outcome == "passed":
        return _PASSED
    return _Finding(Outcome.BROKEN, "check-broken", f"unknown outcome: {phase.outcome}")


def _structure(phases: Sequence[Phase]) -> Iterator[_Finding]:
    """Yield what is wrong with the set of reports: one too many, or one that never came."""
    plain = [phase for phase in phases if phase.kind == "test"]
    counts = Counter(phase.when for phase in plain)
    repeated = [when for when in _PHASES if counts[when] > 1]
    if repeated:
        text = f"reported more than once in one attempt: {', '.join(repeated)}"
        yield _Finding(Outcome.BROKEN, "check-repeated", text)
    missing = [when for when in _expected(plain) if not counts[when]]
    if phases and missing:
        text = f"no report arrived of: {', '.join(missing)}"
        yield _Finding(Outcome.BROKEN, "check-interrupted", text)


def _expected(plain: Sequence[Phase]) -> tuple[str, ...]:
    """Return the phases that had to follow from what was reported."""
    if any(phase.outcome == "rerun" for phase in plain):
        return ("setup",)  # a rerun ends the attempt and nothing after it is reported
    if any(phase.when == "setup" and phase.outcome != "passed" for phase in plain):
        return ("setup", "teardown")
    return _PHASES
