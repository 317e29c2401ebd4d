"""The decision: the worst of all items, triggers and findings; a pure function of values.

It asks nobody, reads nothing and knows no time but the one it is given. What is missing counts
against the release: an empty scope, a lost lock, silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_metarelease.approvals.model import Approvals
from pytest_metarelease.checklist import stages_in
from pytest_metarelease.gate.carrying import Carried, carry
from pytest_metarelease.gate.case import Case
from pytest_metarelease.gate.fingerprint import fingerprint
from pytest_metarelease.gate.identity import unidentified_subjects
from pytest_metarelease.gate.integrity import (
    integrity_findings,
    nothing_applies,
    nothing_shown,
    softened,
)
from pytest_metarelease.gate.occasion import Occasion
from pytest_metarelease.gate.plan import rollback_plan
from pytest_metarelease.gate.shards import shard_title
from pytest_metarelease.gate.sign_offs import sign_off_findings, vouched_for
from pytest_metarelease.gate.states import Assessment, assess
from pytest_metarelease.gate.triggers import ground_of, judge_items, judge_measure, samples_of
from pytest_metarelease.gate.unclaimed import unclaimed_findings
from pytest_metarelease.gate.values import (
    Decision,
    Finding,
    ItemDecision,
    Reason,
    Record,
    State,
    TriggerDecision,
    Verdict,
)
from pytest_metarelease.gate.waivers import Waived, apply_waivers
from pytest_metarelease.gate.weights import weigh, worst
from pytest_metarelease.manifest.model import Trigger

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytest_metarelease.approvals.model import Unreadable
    from pytest_metarelease.checklist import Checklist, Lock, Scope
    from pytest_metarelease.gate.values import GivenCarry

_NO_APPROVALS = Approvals()
_SETTLED = (State.VERIFIED, State.SIGNED)


@dataclass(frozen=True, slots=True)
class _Judged:
    """Items and triggers after both have been weighed against each other."""

    items: Mapping[str, Assessment]
    triggers: tuple[tuple[Trigger, TriggerDecision], ...]

    def undo(self) -> dict[str, list[tuple[str, ...]]]:
        """Return what the breached triggers want undone, by each item that they name."""
        found: dict[str, list[tuple[str, ...]]] = {}
        for trigger, decision in self.triggers:
            if decision.state == "breached":
                for name in _named(trigger):
                    found.setdefault(name, []).append(trigger.undo)
        return found

    def holds(self, name: str) -> bool:
        """Return whether an item is in scope and applies here, so that a breach reaches it."""
        found = self.items.get(name)
        return found is not None and found.state is not State.NOT_APPLICABLE


def decide(
    checklist: Checklist,
    scope: Scope,
    lock: Lock,
    record: Record,
    approvals: Approvals = _NO_APPROVALS,
    carries: Sequence[GivenCarry] = (),
    *,
    now: str,
) -> Decision:
    """Return the decision over ``scope`` from what one run recorded.

    ``lock`` says which checks should have run; ``now``, UTC, RFC 3339, is when approvals must
    still hold. The signatures of ``approvals`` were verified before. ``carries`` are packets of
    other environments, for items that declare ``accept_from``. Equal inputs give equal decisions,
    whatever the order of results, measurements, bindings and packets.
    """
    occasion = Occasion.of(checklist, record, now)
    vouched = vouched_for(approvals.sign_offs, occasion)
    case = Case.of(checklist, scope, lock, record, vouched)
    judged = _judge(case)
    undo = judged.undo()
    measured = {one.item for one in checklist.manifest.triggers if one.measure and one.item}
    carried = carry(judged.items, carries, case, occasion, measured)
    waived = apply_waivers(approvals.waivers, occasion, carried.items, undo.keys())
    items = tuple(
        _item_decision(name, carried, waived, case, breached=name in undo) for name in judged.items
    )
    unclaimed = unclaimed_findings(case)
    findings = _sorted_findings(
        [
            *(softened(one, case) for one in record.findings),
            *integrity_findings(case, now),
            *nothing_applies(case.scope, items),
            *(finding for _, finding in unclaimed),
            *_breaches_out_of_scope(judged),
            *map(_unreadable, approvals.unreadable),
            *carried.notes,
            *waived.findings,
            *sign_off_findings(approvals.sign_offs, vouched, occasion, frozenset(judged.items)),
        ]
    )
    verdict = worst([*(one.verdict for one in items), *(one.verdict for one in findings)])
    if verdict is Verdict.GO:
        findings = _sorted_findings([*findings, *nothing_shown(items)])
        verdict = worst(one.verdict for one in findings)
    causes = [
        components
        for one in items
        if one.verdict is Verdict.ROLLBACK
        for components in undo.get(one.id, [()])
    ]
    return Decision(
        verdict=verdict,
        title=_title(verdict, case),
        state="finished" if record.finished else "unfinished",
        record=record,
        release_name=checklist.manifest.release.name,
        scope=scope,
        items=items,
        triggers=tuple(found for _, found in judged.triggers),
        rollback=rollback_plan(checklist.manifest, verdict, causes),
        unclaimed=tuple(result for result, _ in unclaimed),
        findings=tuple(one for one in findings if one.verdict is not Verdict.GO),
        notes=tuple(one.reason for one in findings if one.verdict is Verdict.GO),
        approvals=approvals,
    )


def _judge(case: Case) -> _Judged:
    unidentified = unidentified_subjects(case.checklist, case.record)
    samples = samples_of(case.record)
    items = {
        name: assess(case.checklist.by_id[name], case, unidentified)
        for name in case.scope.items
        if name in case.checklist.by_id
    }
    declared = case.checklist.manifest.triggers
    decisions: dict[str, TriggerDecision] = {}
    # Rates first: a breach makes its item fail, which a trigger over items may name.
    for trigger in declared:
        if trigger.measure is not None:
            found = judge_measure(trigger, samples)
            decisions[trigger.id] = found
            if trigger.item is not None and trigger.item in items:
                items[trigger.item] = _under(trigger, found, items[trigger.item])
    for trigger in declared:
        if trigger.measure is None:
            decisions[trigger.id] = judge_items(trigger, items)
    return _Judged(items, tuple((one, decisions[one.id]) for one in declared))


def _under(trigger: Trigger, found: TriggerDecision, assessment: Assessment) -> Assessment:
    """Return the item under its trigger; what is not verified anyway needs no second reason."""
    if assessment.state is State.NOT_APPLICABLE:
        return assessment
    if assessment.state not in _SETTLED and found.state != "breached":
        return assessment
    return assessment.with_ground(ground_of(trigger, found, assessment.item))


def _named(trigger: Trigger) -> tuple[str, ...]:
    return trigger.items if trigger.item is None else (trigger.item,)


def _item_decision(
    name: str, carried: Carried, waived: Waived, case: Case, *, breached: bool
) -> ItemDecision:
    assessment = waived.items[name]
    item = assessment.item
    vouched = case.vouched.get(name)
    return ItemDecision(
        id=item.id,
        title=item.title,
        stage=item.stage,
        severity=item.severity,
        owner=item.owner,
        state=assessment.state,
        verdict=weigh(item, assessment.state, breached=breached),
        reasons=tuple(ground.reason for ground in assessment.grounds),
        checks=assessment.checks,
        met=len(frozenset().union(*assessment.met.values())),
        # Of what is open apart from any waiver, so that a waived failure keeps its name.
        fingerprint=fingerprint(carried.items[name]),
        waiver=waived.used.get(name),
        sign_offs=vouched.counted if vouched and assessment.state is State.SIGNED else (),
        carried=carried.used.get(name),
    )


def _unreadable(one: Unreadable) -> Finding:
    text = one.text if one.text.startswith(one.file) else f"{one.file}: {one.text}"
    step = "correct the file or remove it: nobody knows what it was meant to allow"
    return Finding(Verdict.HOLD, Reason("approval-unreadable", text, step))


def _breaches_out_of_scope(judged: _Judged) -> Iterator[Finding]:
    """Yield a breach that nobody asked about: seen by the way, and not to be passed over."""
    for trigger, decision in judged.triggers:
        if decision.state == "breached" and not any(map(judged.holds, _named(trigger))):
            text = f"{trigger.id}: {decision.measure} {decision.text}; its item is not in scope"
            step = "run the whole stage, so that the trigger is judged"
            yield Finding(Verdict.HOLD, Reason("trigger-out-of-scope", text, step))


def _sorted_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Return the distinct findings, worst first, in an order that does not depend on arrival."""
    return sorted(
        dict.fromkeys(findings),
        key=lambda one: (-one.verdict.rank, one.reason.code, one.nodeid or "", one.reason.text),
    )


def _title(verdict: Verdict, case: Case) -> str:
    """Return the verdict with what it does not cover: a rehearsal, a shard, a part of a stage."""
    declared = case.checklist.manifest.environments.get(case.checklist.environment)
    rehearsal = case.record.rehearsal or (declared is not None and declared.sandbox)
    title = f"{verdict} (rehearsal)" if rehearsal else str(verdict)
    shard = shard_title(case.record)
    if shard:
        title = f"{title} ({shard})"
    checklist = case.checklist.manifest.checklist
    stages = stages_in(checklist, case.scope)
    if case.scope.complete or not stages:
        return title
    due = sum(item.stage in stages for item in checklist)
    names = " and ".join(stages)
    return f"{title} for {len(set(case.scope.items))} of {due} {names} items"
