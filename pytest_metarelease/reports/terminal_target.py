"""Blocks of the terminal section about triggers and the rollback plan.

A plan is shown as declared, never as proven, and never executed from here.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from pytest_metarelease.gate.values import Verdict
from pytest_metarelease.reports.summary import percent, rate_text
from pytest_metarelease.reports.terminal_items import Block
from pytest_metarelease.reports.text import brief, one_line

if TYPE_CHECKING:
    from pytest_metarelease.gate.values import Decision, RollbackStep, TriggerDecision

_WORST = {"breached": 0, "inconclusive": 1, "not measured": 2, "idle": 3, "ok": 4}
_COMMAND_LINES = 4


def trigger_block(decision: Decision) -> Block | None:
    """Return all triggers, the worst first, with what was measured and the limit."""
    if not decision.triggers:
        return None
    triggers = sorted(decision.triggers, key=lambda one: _WORST[one.state])
    names = min(max(len(one.id) for one in triggers), 24)
    states = max(len(one.state) for one in triggers)
    head, *body = [_row(one, names, states) for one in triggers]
    return Block("triggers", head, tuple(body))


def _row(trigger: TriggerDecision, names: int, states: int) -> str:
    state = trigger.state.upper() if trigger.state == "breached" else trigger.state
    limit = f"  limit {percent(trigger.limit)}" if trigger.limit is not None else ""
    said = rate_text(trigger) or brief(trigger.text, 400)
    return f"{one_line(trigger.id, 60):<{names}}  {state:<{states}}  {said}{limit}".rstrip()


def rollback_blocks(decision: Decision) -> list[Block]:
    """Return the plan in order where undoing is proposed, else one line that it is declared."""
    plan = decision.rollback
    if not plan:
        if decision.verdict is not Verdict.ROLLBACK:
            return []
        return [Block("rollback", "no plan declared", ("next: declare it under `rollback:`",))]
    proposed = [step for step in plan if step.proposed]
    if not proposed:
        names = ", ".join(step.component for step in plan)
        return [Block("rollback", f"not proposed; plan declared, not proven: {names}")]
    steps = [text for number, step in enumerate(proposed, 1) for text in _step(number, step)]
    return [Block("rollback", "PROPOSED, in this order; plan declared, not proven", tuple(steps))]


def _step(number: int, step: RollbackStep) -> list[str]:
    command = one_line(shlex.join(step.run), 400)
    texts = [f"{number}. {step.component}: {command}"]
    if step.verify:
        texts.append(f"   then verify {', '.join(step.verify)}")
    return texts
