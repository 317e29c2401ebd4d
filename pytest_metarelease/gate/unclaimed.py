"""Results of checks that no item in scope claims: a failure among them still counts.

Passed and skipped ones say nothing about the release and are left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.checklist import not_applicable
from pytest_metarelease.gate.values import Finding, Verdict
from pytest_metarelease.gate.words import reason_of_check
from pytest_metarelease.manifest.scalars import Severity
from pytest_metarelease.outcome import CheckResult, Outcome

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from pytest_metarelease.gate.case import Case
    from pytest_metarelease.manifest.model import Item

_WEIGHT = {
    Outcome.NOT_RUN: Verdict.HOLD,
    Outcome.BROKEN: Verdict.HOLD,
    Outcome.FAILED: Verdict.NO_GO,
}


def unclaimed_findings(case: Case) -> list[tuple[CheckResult, Finding]]:
    """Return the results that nothing in scope claims and that are not clean, by node id.

    A check that verifies only P3 items stays a note, whatever the scope is.
    """
    environment = case.checklist.environment
    judged = {
        name
        for name in case.scope.items
        if (item := case.checklist.by_id.get(name)) and not not_applicable(item, environment)
    }
    return [
        (result, _finding(result, case))
        for nodeid, result in sorted(case.record.results.items())
        if result.outcome in _WEIGHT and not _judged(case.claims.get(nodeid, ()), judged)
    ]


def _judged(items: tuple[Item, ...], judged: AbstractSet[str]) -> bool:
    return any(item.id in judged for item in items)


def _finding(result: CheckResult, case: Case) -> Finding:
    items = case.claims.get(result.nodeid)
    only_notes = items is not None and all(item.severity is Severity.P3 for item in items)
    verdict = Verdict.GO if only_notes else _WEIGHT[result.outcome]
    code = "unclaimed-failed" if result.outcome is Outcome.FAILED else "unclaimed-broken"
    text = f"verifies no item in scope; {result.outcome.value}: {result.text or result.code}"
    return Finding(
        verdict, reason_of_check(result, None, case.checklist, code, text), result.nodeid
    )
