"""What every report says first: the worst, why, and what to do next, in reading order.

Only orders and counts what the decision holds; no report computes a state or a verdict.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pytest_metarelease.evidence import Citation, Judgement
from pytest_metarelease.gate.values import (
    Decision,
    Finding,
    ItemDecision,
    Reason,
    State,
    TriggerDecision,
    Verdict,
)
from pytest_metarelease.reports.text import brief, counted, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_metarelease.outcome import CheckResult


def unsettled(decision: Decision) -> list[ItemDecision]:
    """Return the items that failed or were not verified, worst first."""
    found = [one for one in decision.items if one.state in (State.FAILED, State.NOT_VERIFIED)]
    return sorted(found, key=_badness)


def _badness(item: ItemDecision) -> tuple[int, bool, str]:
    return (-item.verdict.rank, item.state is not State.FAILED, item.severity.value)


def weighty(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, worst first."""
    return sorted(findings, key=lambda one: -one.verdict.rank)


def counts(decision: Decision) -> Counter[State]:
    """Return how many items are in which state."""
    return Counter(item.state for item in decision.items)


def verified_of(decision: Decision) -> str:
    """Return ``15 of 18``: verified of those that apply here."""
    states = counts(decision)
    due = len(decision.items) - states[State.NOT_APPLICABLE]
    return f"{states[State.VERIFIED]} of {due}"


def telling(item: ItemDecision) -> Citation | None:
    """Return the citation that shows best why an item is not verified: unmet, else unknown."""
    judged = [
        one
        for check in item.checks
        for one in check.citations
        if one.judgement in (Judgement.UNMET, Judgement.UNKNOWN)
    ]
    return max(judged, key=lambda one: one.judgement.rank, default=None)


def breached(decision: Decision) -> list[TriggerDecision]:
    """Return the triggers that say undo."""
    return [one for one in decision.triggers if one.state == "breached"]


def release_line(decision: Decision) -> str:
    """Return ``Meta Aggregator 2.0.0 (9f2c1ab) -> production``."""
    record = decision.record
    commit = f" ({record.release_commit[:7]})" if record.release_commit else ""
    line = f"{decision.release_name} {record.release_version}{commit} -> {record.environment}"
    return one_line(line, 200)


def because(decision: Decision) -> str:
    """Return one sentence: what the verdict rests on most."""
    if decision.verdict is Verdict.GO:
        other = "nothing else" if counts(decision)[State.WAIVED] else "nothing"
        verified = f"{verified_of(decision)} items verified{vouched(decision)}"
        return f"{verified}, {other} stands against it."
    return brief(_worst_reason(decision), 400)


def vouched(decision: Decision) -> str:
    """Return how many items were not verified here: ``, 1 carried, 2 signed, 1 waived``."""
    states = counts(decision)
    told = (State.CARRIED, State.SIGNED, State.WAIVED)
    return "".join(f", {states[one]} {one}" for one in told if states[one])


def _worst_reason(decision: Decision) -> str:
    items = unsettled(decision)
    findings = weighty(decision.findings)
    for trigger in breached(decision):
        if decision.verdict is Verdict.ROLLBACK:
            return f"{trigger.id}: {rate_text(trigger) or trigger.text}, beyond its limit"
    if items and items[0].verdict is decision.verdict:
        same = sum(one.verdict is decision.verdict for one in items)
        more = f" (and {counted(same - 1, 'more item')})" if same > 1 else ""
        first = items[0].reasons[0].text if items[0].reasons else items[0].state.value
        return f"{items[0].id}: {first}{more}"
    if decision.unclaimed and decision.verdict is Verdict.NO_GO:
        first_check = decision.unclaimed[0]
        return f"{first_check.nodeid} {first_check.outcome}, and no item claims it"
    if findings:
        return findings[0].reason.text
    return decision.notes[0].text if decision.notes else "no item is in scope"


def next_steps(decision: Decision) -> list[tuple[str, list[str]]]:
    """Return what to do next, worst first: each step once, with whom it is for."""
    steps: dict[str, list[str]] = {}
    for name, reason in _all_reasons(decision):
        if reason.next_step:
            names = steps.setdefault(reason.next_step, [])
            if name not in names:
                names.append(name)
    return list(steps.items())


def _all_reasons(decision: Decision) -> Iterable[tuple[str, Reason]]:
    for finding in weighty(decision.findings):
        if finding.verdict is decision.verdict:
            yield "the run", finding.reason
    for item in unsettled(decision):
        for reason in item.reasons:
            yield item.id, reason
    for check in decision.unclaimed:
        yield check.nodeid, _reason_of(check)
    for finding in weighty(decision.findings):
        yield "the run", finding.reason


def _reason_of(check: CheckResult) -> Reason:
    return Reason(check.code, check.text, check.next_step)


def percent(share: float) -> str:
    """Return a share as percent with at most two significant decimals: ``0.2 %``, ``5 %``."""
    value = share * 100
    text = f"{value:.1f}" if value >= 1 or value == 0 else f"{value:.2g}"
    return f"{text.removesuffix('.0')} %"


def rate_text(trigger: TriggerDecision) -> str:
    """Return ``0.2 % of 1,200 [0.0, 0.7]``, or nothing where the trigger measures no rate."""
    if trigger.limit is None or trigger.bad is None or not trigger.total:
        # Without a limit of a share it is no rate but a count of attempts: the gate's text says it.
        return ""
    text = f"{percent(trigger.bad / trigger.total)} of {trigger.total:,}"
    if trigger.low is not None and trigger.high is not None:
        text += f" [{trigger.low * 100:.1f}, {trigger.high * 100:.1f}]"
    return text
