"""Outcomes of checks: what the reports of a test amount to; nothing looks better than it was.

Values in, values out; the translation from pytest's objects is in ``plugin``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pytest_metarelease.evidence import Citation, Judgement


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
    fault: Literal["failed", "broken", "not run"] = "failed"
    text: str = ""
    next_step: str = ""
    duration: float = 0.0
    wasxfail: bool = False
    rerun: int = 0
    process: str = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What became of one check in this run, with everything it cited."""

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
    def met(self) -> tuple[Citation, ...]:
        """Citations that were judged and met."""
        return tuple(one for one in self.citations if one.judgement is Judgement.MET)


@dataclass(frozen=True, slots=True)
class _Finding:
    outcome: Outcome
    code: str
    text: str = ""
    next_step: str = ""


def assemble(
    nodeid: str, phases: Sequence[Phase], citations: Sequence[Citation] = ()
) -> CheckResult:
    """Return what all reports of one check amount to; the worst thing seen wins.

    Clean is only a check with exactly one setup, call and teardown per attempt, all passed, plain,
    none expected to fail, with no subtest that did not pass. A later rerun that passed does not
    remove what an earlier one showed: it is counted in ``attempts`` and ``passes``, and the gate
    decides by the item's declaration.
    """
    attempts = [list(one) for one in _attempts(phases)]
    verdicts = [_worst_of(attempt) for attempt in attempts] or [
        _Finding(Outcome.NOT_RUN, "check-not-run", "no report of it arrived")
    ]
    worst = max([*verdicts, *_evidence_findings(citations)], key=lambda one: one.outcome.rank)
    return CheckResult(
        nodeid=nodeid,
        outcome=worst.outcome,
        code=worst.code,
        text=worst.text,
        next_step=worst.next_step,
        attempts=len(verdicts),
        passes=sum(one.outcome is Outcome.PASSED for one in verdicts),
        duration=sum(phase.duration for phase in phases),
        citations=tuple(citations),
    )
