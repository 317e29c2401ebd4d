"""The checklist as steps of the verdict's entry: worst first, each with its reasons.

An exception is shown as skipped, never as passed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pytest_metarelease.gate.values import State, Verdict
from pytest_metarelease.outcome import Outcome
from pytest_metarelease.reports.summary import percent, rate_text, unsettled, weighty
from pytest_metarelease.reports.text import counted, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.gate.values import Decision, ItemDecision, Reason, TriggerDecision

Status = Literal["passed", "skipped", "unknown", "broken", "failed"]
_TRIGGER: dict[str, Status] = {
    "ok": "passed",
    "idle": "skipped",
    "not measured": "unknown",
    "inconclusive": "unknown",
    "breached": "failed",
}
_EXCEPTIONS = (State.WAIVED, State.SIGNED, State.CARRIED, State.DEFERRED, State.NOT_APPLICABLE)
_LONGEST = 1_000


@dataclass(frozen=True, slots=True)
class Step:
    """One line below an entry, with what it says when it is opened."""

    name: str
    status: Status
    message: str = ""
    steps: tuple[Step, ...] = ()


def steps_of(decision: Decision) -> tuple[Step, ...]:
    """Return items that are not verified, findings, triggers, exceptions, and the verified ones."""
    return tuple(_steps(decision))


def _steps(decision: Decision) -> Iterator[Step]:
    for item in unsettled(decision):
        yield _item(item)
    for check in decision.unclaimed:
        said = f"{check.nodeid}: {check.outcome}, no item claims it"
        yield Step(one_line(said), "failed", one_line(check.text, _LONGEST))
    for finding in weighty(decision.findings):
        status: Status = "skipped" if finding.verdict is Verdict.GO else "broken"
        yield _reason(f"{finding.verdict} ", finding.reason, status)
    if decision.triggers:
        triggers = tuple(_trigger(one) for one in decision.triggers)
        yield Step("Triggers", _worst(triggers), "", triggers)
    exceptions = tuple(_item(one) for one in decision.items if one.state in _EXCEPTIONS)
    if exceptions:
        yield Step(f"Exceptions: {counted(len(exceptions), 'item')}", "skipped", "", exceptions)
    verified = tuple(_item(one) for one in decision.items if one.state is State.VERIFIED)
    if verified:
        of = counted(len(decision.items), "item")
        yield Step(f"Verified: {len(verified)} of {of}", "passed", "", verified)
    for note in decision.notes:
        yield _reason("note: ", note, "skipped")


def _item(item: ItemDecision) -> Step:
    title = one_line(item.title, 200)
    owner = f", {one_line(item.owner, 60)}" if item.owner else ""
    met = f", {counted(item.met, 'measurement')} met" if item.state is State.VERIFIED else ""
    status = _status(item)
    reasons = tuple(_reason("", one, status) for one in item.reasons)
    name = f"{item.id} {item.severity}{owner}: {item.state}{met}: {title}"
    if reasons and not reasons[0].steps and len(reasons) == 1:
        # One reason needs no step of its own: it is the message of the item's.
        return Step(name, status, reasons[0].name)
    return Step(name, status, "", reasons)


def _status(item: ItemDecision) -> Status:
    if item.state is State.VERIFIED:
        return "passed"
    if item.state is State.FAILED:
        return "failed"
    if item.state is State.NOT_VERIFIED:
        broken = any(check.outcome is Outcome.BROKEN for check in item.checks)
        return "broken" if broken else "unknown"
    return "skipped"


def _reason(start: str, reason: Reason, status: Status) -> Step:
    after: tuple[Step, ...] = ()
    if reason.next_step:
        after = (Step(f"next: {one_line(reason.next_step, _LONGEST)}", status),)
    return Step(f"{start}{one_line(reason.text, _LONGEST)}", status, "", after)


def _trigger(trigger: TriggerDecision) -> Step:
    limit = f", limit {percent(trigger.limit)}" if trigger.limit is not None else ""
    said = rate_text(trigger) or one_line(trigger.text, _LONGEST)
    name = f"{one_line(trigger.id, 100)}: {trigger.state}: {said}{limit}"
    return Step(name, _TRIGGER[trigger.state])


_ORDER: tuple[Status, ...] = ("passed", "skipped", "unknown", "broken", "failed")


def _worst(steps: tuple[Step, ...]) -> Status:
    return max((one.status for one in steps), key=_ORDER.index)
