"""The checklist as steps of the verdict's entry: worst first, each with its reasons.

An exception is shown as skipped, never as passed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pytest_metarelease.gate.values import State, Verdict
from pytest_metarelease.reports.summary import percent, rate_text, unsettled, verified_of, weighty
from pytest_metarelease.reports.text import counted, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.gate.values import Decision, ItemDecision, Reason, TriggerDecision

Status = Literal["passed", "skipped", "unknown", "broken", "failed"]
# What is not verified is broken, not unknown: Allure keeps an unknown step closed, and with it the
# reason and the next step.
_STATUS: dict[State, Status] = {
    State.VERIFIED: "passed",
    State.NOT_VERIFIED: "broken",
    State.FAILED: "failed",
}
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
        yield from _reason(f"{finding.verdict}: ", finding.reason, status)
    if decision.triggers:
        triggers = tuple(_trigger(one) for one in decision.triggers)
        yield Step("Triggers", _worst(triggers), "", triggers)
    exceptions = tuple(_item(one) for one in decision.items if one.state in _EXCEPTIONS)
    if exceptions:
        yield Step(f"Exceptions: {counted(len(exceptions), 'item')}", "skipped", "", exceptions)
    verified = tuple(_item(one) for one in decision.items if one.state is State.VERIFIED)
    if verified:
        yield Step(f"Verified: {verified_of(decision)} items", "passed", "", verified)
    for note in decision.notes:
        yield from _reason("note: ", note, "skipped")


def _item(item: ItemDecision) -> Step:
    owner = f", {one_line(item.owner, 60)}" if item.owner else ""
    met = f", {counted(item.met, 'measurement')} met" if item.state is State.VERIFIED else ""
    name = f"{item.id} {item.severity}{owner}: {item.state}{met}: {one_line(item.title, 200)}"
    status = _STATUS.get(item.state, "skipped")
    reasons = [step for one in item.reasons for step in _reason("", one, status)]
    if item.fingerprint:
        reasons.append(Step(f"fingerprint, for a waiver: {item.fingerprint}", status))
    return Step(name, status, "", tuple(reasons))


def _reason(start: str, reason: Reason, status: Status) -> Iterator[Step]:
    yield Step(f"{start}{one_line(reason.text, _LONGEST)}", status)
    if reason.next_step:
        yield Step(f"next: {one_line(reason.next_step, _LONGEST)}", status)


def _trigger(trigger: TriggerDecision) -> Step:
    limit = f", limit {percent(trigger.limit)}" if trigger.limit is not None else ""
    said = rate_text(trigger) or one_line(trigger.text, _LONGEST)
    name = f"{one_line(trigger.id, 100)}: {trigger.state}: {said}{limit}"
    return Step(name, _TRIGGER[trigger.state])


_ORDER: tuple[Status, ...] = ("passed", "skipped", "unknown", "broken", "failed")


def _worst(steps: tuple[Step, ...]) -> Status:
    return max((one.status for one in steps), key=_ORDER.index)
