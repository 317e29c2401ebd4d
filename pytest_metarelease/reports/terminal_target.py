"""Blocks of the terminal section about triggers and the rollback plan.

A plan is shown as declared, never as proven, and never executed from here.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from pytest_metarelease.gate.values import Verdict
from pytest_metarelease.reports.summary import percent, rate_text
from pytest_metarelease.reports.terminal_items import Block
from pytest_metarelease.reports.text import brief, columns, one_line

if TYPE_CHECKING:
    from pytest_metarelease.gate.values import Decision, RollbackStep, TriggerDecision

_WORST = {"breached": 0, "inconclusive": 1, "not measured": 2, "idle": 3, "ok": 4}
_COMMAND_LINES = 4


def trigger_block(decision: Decision, room: int) -> Block | None:
    """Return all triggers, the worst first, with what was measured and the limit.

    In columns where every row fits into ``room``, else each as it comes.
    """
    if not decision.triggers:
        return None
    triggers = sorted(decision.triggers, key=lambda one: _WORST[one.state])
    rows = [_row(one) for one in triggers]
    names, states = (max(len(row[at]) for row in rows) for at in (0, 1))
    texts = [f"{name:<{names}}  {state:<{states}}  {said}" for name, state, said in rows]
    if any(columns(one) > room for one in texts):
        texts = [text for row in rows for text in _narrow(row, room)]
    return Block("triggers", texts[0].rstrip(), tuple(one.rstrip() for one in texts[1:]))


def _row(trigger: TriggerDecision) -> tuple[str, str, str]:
    state = trigger.state.upper() if trigger.state == "breached" else trigger.state
    limit = f"  limit {percent(trigger.limit)}" if trigger.limit is not None else ""
    said = rate_text(trigger) or brief(trigger.text, 300)
    return one_line(trigger.id, 60), state, f"{said}{limit}"


def _narrow(row: tuple[str, str, str], room: int) -> tuple[str, ...]:
    text = "  ".join(row)
    return (text,) if columns(text) <= room else (f"{row[0]}  {row[1]}", f"  {row[2]}")


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
