"""What Allure is told beyond what it saw itself: the verdict, checks without a result, findings.

Values only; the format and the files are ``allure``'s. Nothing here calls anything passed that the
decision does not call verified.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pytest_metarelease.gate.values import Decision, State, Verdict
from pytest_metarelease.outcome import Outcome
from pytest_metarelease.reports.allure_steps import Status, Step, steps_of
from pytest_metarelease.reports.labels import labels_for
from pytest_metarelease.reports.summary import because, next_steps, release_line
from pytest_metarelease.reports.text import counted, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.gate.values import Finding, ItemDecision
    from pytest_metarelease.outcome import CheckResult

VERDICT = "verdict"
_STATUS: dict[Verdict, Status] = {
    Verdict.GO: "passed",
    Verdict.HOLD: "broken",
    Verdict.NO_GO: "failed",
    Verdict.ROLLBACK: "failed",
}
_UNRUN = (Outcome.NOT_RUN, Outcome.BROKEN)
_NEXT_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One result that we write.

    ``key`` tells it from others of its run, ``history`` (else the key) joins it over runs.
    """

    key: str
    history: str = ""
    name: str
    status: Status
    message: str = ""
    trace: str = ""
    description: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    place: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    nodeid: str | None = None
    stands_for: Literal["verdict", "check", "finding"] = "finding"


def verdict_entry(decision: Decision) -> Entry:
    """Return the entry that is read first: passed only where the verdict is GO."""
    why = because(decision)
    steps = next_steps(decision)
    listed = [f"{number}. {one_line(text, 600)}" for number, (text, _) in enumerate(steps, 1)]
    rest = [f"... and {counted(len(steps) - _NEXT_SHOWN, 'more step')}: see decision.md"]
    more = rest if len(steps) > _NEXT_SHOWN else []
    passed = decision.verdict is Verdict.GO
    return Entry(
        key=VERDICT,
        history=f"verdict {decision.record.environment} {decision.scope.expression}",
        name=f"{one_line(decision.title, 200)}: {release_line(decision)}",
        status=_STATUS[decision.verdict],
        message="" if passed else why,
        trace="\n".join(["Next", *listed[:_NEXT_SHOWN], *more]) if listed and not passed else "",
        description=why if passed else "",
        labels=verdict_labels(decision.title),
        place=verdict_place(decision.title),
        parameters=_parameters(decision),
        steps=steps_of(decision),
        stands_for="verdict",
    )


def verdict_place(title: str) -> tuple[str, ...]:
    """Return the folder of the verdict in Allure's tree.

    Allure shows folders before what lies beside them, in the order in which their first result
    started, and closes those in which nothing failed: so the verdict has a folder of its own, and
    the folder's name says it too.
    """
    return (f"Release verdict: {one_line(title, 200)}",)


def verdict_labels(title: str) -> tuple[tuple[str, str], ...]:
    """Return the labels of the verdict's entry."""
    (place,) = verdict_place(title)
    return (("severity", "blocker"), ("parentSuite", place), ("epic", place))


def _parameters(decision: Decision) -> tuple[tuple[str, str], ...]:
    record, seen = decision.record, decision.record.target
    facts = [
        ("commit", record.release_commit or "unknown"),
        ("environment", record.environment),
        ("scope", decision.scope.expression or "everything"),
        ("run", record.run_id),
    ]
    if seen.chain_id is not None:
        facts.append(("chain", f"{seen.chain_id}, block {seen.block_number} {seen.block_hash}"))
    facts += [(f"{one.subject} says", one.actual) for one in record.identifications]
    return tuple((one_line(name, 100), one_line(value, 300)) for name, value in facts)


def check_entries(decision: Decision) -> list[Entry]:
    """Return an entry for each check that did not run to its end, once, under its first item.

    Whether Allure has a result of its own for one of them is not known here.
    """
    entries: dict[str, Entry] = {}
    for item in decision.items:
        for check in item.checks:
            if check.outcome in _UNRUN and check.nodeid not in entries:
                entries[check.nodeid] = _check_entry(check, item)
    for check in decision.unclaimed:
        if check.outcome in _UNRUN and check.nodeid not in entries:
            entries[check.nodeid] = _check_entry(check, None)
    return list(entries.values())


def _check_entry(check: CheckResult, item: ItemDecision | None) -> Entry:
    path, *names = check.nodeid.split("::")
    verifies = f"verifies {item.id}: {item.title}" if item else "verifies no item"
    return Entry(
        key=check.nodeid,
        name=one_line(f"{names[-1] if names else path} ({check.outcome})", 300),
        # Also what did not run: Allure keeps folders closed in which all is unknown or skipped.
        status="broken",
        message=one_line(f"{check.outcome}: {check.text or check.code}"),
        trace=one_line(f"Next: {check.next_step}") if check.next_step else "",
        description=one_line(verifies),
        labels=tuple((name, one_line(value, 300)) for name, value in labels_for(item))
        if item
        else (),
        place=tuple(one_line(part, 200) for part in (*path.split("/"), *names[:-1])),
        nodeid=check.nodeid,
        stands_for="check",
    )


def finding_entries(decision: Decision) -> Iterator[Entry]:
    """Give an entry for each finding about a place in the suite, such as a collection error."""
    seen = {entry.nodeid for entry in check_entries(decision)}
    for finding in decision.findings:
        if finding.nodeid and finding.nodeid not in seen and finding.verdict is not Verdict.GO:
            seen.add(finding.nodeid)
            yield _finding_entry(finding, finding.nodeid)


def _finding_entry(finding: Finding, nodeid: str) -> Entry:
    path, *names = nodeid.split("::")
    reason = finding.reason
    return Entry(
        key=f"{reason.code} {nodeid}",
        name=one_line(f"{names[-1] if names else path.split('/')[-1]} ({reason.code})", 300),
        status="broken",
        message=one_line(reason.text),
        trace=one_line(f"Next: {reason.next_step}") if reason.next_step else "",
        labels=(
            ("severity", "blocker"),
            ("parentSuite", "About the run"),
            ("suite", one_line(path, 200)),
        ),
        place=tuple(one_line(part, 200) for part in (*path.split("/"), *names[:-1])),
        nodeid=nodeid,
    )


def items_without_checks(decision: Decision) -> list[Entry]:
    """Return an entry for each item in scope that is not verified and has no check at all."""
    return [
        Entry(
            key=f"item {item.id}",
            name=one_line(f"{item.id}: {item.title} ({item.state})", 300),
            status="failed" if item.state is State.FAILED else "broken",
            message="; ".join(one_line(one.text) for one in item.reasons),
            trace="\n".join(
                f"Next: {one_line(one.next_step)}" for one in item.reasons if one.next_step
            ),
            labels=tuple((name, one_line(value, 300)) for name, value in labels_for(item)),
            place=("Items without a check", item.stage.value),
            stands_for="finding",
        )
        for item in decision.items
        if item.state in (State.NOT_VERIFIED, State.FAILED) and not item.checks
    ]
