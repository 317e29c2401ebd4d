"""What is wrong with the run itself, whatever its checks say: unfinished, of another release.

Each is a finding of its own; nothing here looks at an item.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pytest_metarelease.checklist import not_applicable
from pytest_metarelease.gate.shards import shard_findings
from pytest_metarelease.gate.values import Finding, Reason, State, Verdict
from pytest_metarelease.manifest.scalars import Severity
from pytest_metarelease.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_metarelease.checklist import Scope
    from pytest_metarelease.gate.case import Case
    from pytest_metarelease.gate.values import ItemDecision, Record

_CLOCK_DIFFERENCE = timedelta(minutes=5)  # what DESIGN 4 allows between two machines

_NO_TESTS = 5
_EXITS = {
    2: "the run was interrupted",
    3: "an internal error of pytest or of a plugin",
    4: "pytest was used in a way that it refuses",
    5: "no test was collected",
    6: "more warnings than allowed",
}


_OF_THE_CHECK_ITSELF = (
    "PytestReturnNotNoneWarning",
    "PytestUnknownMarkWarning",
    "PytestCollectionWarning",
    "PytestAssertRewriteWarning",
)

# Something was measured, or people stand for it by name.
_SHOWN = frozenset((State.VERIFIED, State.CARRIED, State.WAIVED, State.SIGNED, State.DEFERRED))

UNEXPLAINED = Finding(
    Verdict.HOLD,
    Reason(
        "unexplained-exit",
        "pytest ended with 1, but no failure is on record",
        "see pytest's own output, then run it again",
    ),
)


def integrity_findings(case: Case, now: str) -> Iterator[Finding]:
    """Yield everything about the run, the scope and the lock that keeps the verdict from GO."""
    yield from _scope(case)
    yield from _identity(case)
    yield from _time(case.record, now)
    yield from _end(case)
    yield from shard_findings(case.record)


def softened(finding: Finding, case: Case) -> Finding:
    """Return as a note what weighs elsewhere, or weighs little; else ``finding`` itself.

    A warning about a check that verifies only P3 items is a note. A failed end of a fixture is
    one where the check that it is reported with weighs by itself.
    """
    items = case.claims.get(finding.nodeid or "", ())
    low = bool(items) and all(item.severity is Severity.P3 for item in items)
    # Only what the check itself caused for certain: a thread may be another check's.
    own = any(f": {name}: " in finding.reason.text for name in _OF_THE_CHECK_ITSELF)
    told = finding.reason.code
    if (low and own and told == "warning-is-failure") or (
        not low and told == "shared-teardown-failed"
    ):
        return replace(finding, verdict=Verdict.GO)
    return finding


def nothing_applies(scope: Scope, items: Sequence[ItemDecision]) -> Iterator[Finding]:
    """Yield why a GO would rest on nothing: no item of the scope applies to the environment."""
    if scope.items and all(item.state is State.NOT_APPLICABLE for item in items):
        text = "not one item in scope applies to this environment, so nothing was asked"
        yield _hold("nothing-applies", text, "name the environment that the items are declared for")


def nothing_shown(items: Sequence[ItemDecision]) -> Iterator[Finding]:
    """Yield why a decision that nothing else keeps from GO is none: it would rest on notes."""
    applying = [item.state for item in items if item.state is not State.NOT_APPLICABLE]
    if applying and not _SHOWN.intersection(applying):
        text = "not one item in scope is verified, and nobody stands for one"
        yield _hold("nothing-verified", text, "verify one of them, or widen the scope")


def _hold(code: str, text: str, next_step: str) -> Finding:
    return Finding(Verdict.HOLD, Reason(code, text, next_step))


def _scope(case: Case) -> Iterator[Finding]:
    if case.scope.empty:
        text = f"-m {case.scope.expression!r} selects no item of the checklist"
        yield _hold("scope-empty", text, "name a stage that has items, such as -m post_deploy")
    for item in sorted(set(case.scope.items) - set(case.checklist.by_id)):
        text = f"the scope names {item}, which the manifest does not have"
        yield _hold("item-unknown", text, "judge a run with the manifest it was made with")
    if case.lock.missing:
        text = "there is no checks.lock, so nobody knows what should have run"
        yield _hold("lock-missing", text, "run `metarelease lock` and commit checks.lock")


def _identity(case: Case) -> Iterator[Finding]:
    """The record must be of this manifest, this lock and this environment."""
    record = case.record
    compared = (
        ("manifest", record.manifest_digest, case.checklist.manifest.digest),
        ("lock", record.lock_digest, case.lock.digest),
        ("environment", record.environment, case.checklist.environment),
    )
    for name, recorded, given in compared:
        if recorded != given:
            text = f"the run was made with {name} {recorded}, it is judged with {given}"
            yield _hold(f"{name}-differs", text, "run it again on the checkout that is judged")


def _time(record: Record, now: str) -> Iterator[Finding]:
    for started_at in dict.fromkeys((record.started_at, *(one.started_at for one in record.parts))):
        try:
            ahead = datetime.fromisoformat(started_at) - datetime.fromisoformat(now)
        except (TypeError, ValueError):
            text = f"started at {started_at!r}, judged at {now!r}: not two times with a zone"
            yield _hold("time-unreadable", text, "run it again; times are RFC 3339 in UTC")
            continue
        if ahead > _CLOCK_DIFFERENCE:
            text = f"the run started at {started_at}, which is after {now}"
            yield _hold("run-from-future", text, "set the clocks of both machines and run it again")


def _end(case: Case) -> Iterator[Finding]:
    record = case.record
    again = "see pytest's own output, then run it again"
    if not record.finished:
        yield _hold("run-unfinished", "the run did not come to its end", again)
    if record.pytest_exit is None:
        if record.finished:
            yield _hold("pytest-exit-unknown", "pytest's exit code is not on record", again)
    elif record.pytest_exit == _NO_TESTS and _only_signed(case):
        return  # there was nothing to run: people vouch for everything in scope
    elif record.pytest_exit not in (0, 1):
        code = record.pytest_exit
        text = f"pytest ended with {code}: {_EXITS.get(code, 'no exit code of pytest')}"
        yield _hold(f"pytest-exit-{code}", text, again)
    elif unexplained(record):
        yield UNEXPLAINED


def unexplained(record: Record) -> bool:
    """Return whether pytest ended with 1 although nothing on record says why."""
    return record.pytest_exit == 1 and not _explained(record)


def _only_signed(case: Case) -> bool:
    """Return whether every item in scope is for people to sign, and the lock demands no check."""
    environment = case.checklist.environment
    named = [case.checklist.by_id.get(name) for name in case.scope.items]
    items = [one for one in named if one is None or not not_applicable(one, environment)]
    return bool(items) and all(
        item is not None and item.verified_by == "sign_off" and not case.locked_results(item)
        for item in items
    )


def _explained(record: Record) -> bool:
    return any(_shows_failure(one.outcome, one.code) for one in record.results.values()) or any(
        finding.verdict is not Verdict.GO for finding in record.findings
    )


def _shows_failure(outcome: Outcome, code: str) -> bool:
    return outcome in (Outcome.FAILED, Outcome.BROKEN) or code == "not-ready"
