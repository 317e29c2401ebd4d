"""``decision.md``: the decision for a CI page, GitHub-flavoured Markdown, worst first.

Everything that came from a target is escaped: a page must show it, not run or format it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pytest_metarelease.gate.values import State, Verdict
from pytest_metarelease.reports.markdown_escape import cell, code, prose, table
from pytest_metarelease.reports.markdown_target import rollback, target, triggers
from pytest_metarelease.reports.summary import (
    because,
    next_steps,
    release_line,
    telling,
    unsettled,
    verified_of,
    weighty,
)
from pytest_metarelease.reports.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.gate.values import Decision, ItemDecision

LIMIT = 900_000
"""Bytes. GitHub refuses a step summary of more than 1 MiB, all steps' additions together."""

_SIGN = {Verdict.GO: "✅", Verdict.HOLD: "⏸️", Verdict.NO_GO: "⛔", Verdict.ROLLBACK: "⏪"}
_CUT = "\n**Cut here**: too long for this page. `decision.json` has everything.\n"
_STEPS = 10
_EXCEPTIONS = (State.WAIVED, State.SIGNED, State.CARRIED, State.DEFERRED, State.NOT_APPLICABLE)


def render(decision: Decision, limit: int = LIMIT) -> str:
    """Return the decision as Markdown of at most ``limit`` bytes; what is cut is said and counted.

    Sections come worst first, so what is cut is what matters least.
    """
    room = limit - 300
    parts: list[str] = []
    folded = False
    for part in _parts(decision):
        size = len(part.encode())
        if size > room:
            parts.append("\n</details>\n" * folded + _CUT)
            break
        room -= size
        folded = "<details>" in part or (folded and "</details>" not in part)
        parts.append(part)
    return "".join(parts)


def _parts(decision: Decision) -> Iterator[str]:
    yield f"# {_SIGN[decision.verdict]} {prose(decision.title)}: {prose(release_line(decision))}\n"
    yield f"\n{prose(because(decision))}\n"
    yield from _next(decision)
    yield from triggers(decision, only_breached=True)
    yield from _unsettled(decision)
    yield from _run(decision)
    yield from rollback(decision)
    yield from triggers(decision, only_breached=False)
    yield from _stages(decision)
    yield from _exceptions(decision)
    yield from target(decision)
    yield from _verified(decision)
    yield _foot(decision)


def _next(decision: Decision) -> Iterator[str]:
    steps = next_steps(decision)
    if not steps:
        return
    yield "\n**Next**\n\n"
    for number, (step, names) in enumerate(steps[:_STEPS], 1):
        who = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        yield f"{number}. {prose(step)} ({prose(who)})\n"
    if len(steps) > _STEPS:
        yield f"\n{counted(len(steps) - _STEPS, 'more step')} in `decision.json`.\n"


def _unsettled(decision: Decision) -> Iterator[str]:
    items = unsettled(decision)
    if not items:
        return
    yield "\n## Not verified or failed\n\n"
    yield table("Item", "Severity", "State", "Expected", "Actual", "Where")
    for item in items:
        yield from map(_row, _reason_rows(item))


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _reason_rows(item: ItemDecision) -> Iterator[tuple[str, ...]]:
    """Give one row with what was measured, or where nothing was, one with the reason."""
    name = f"**{cell(item.id)}**<br>{cell(item.title)}"
    if item.fingerprint:
        # What a waiver names to cover this failure and no other.
        name += f"<br>fingerprint {code(item.fingerprint)}"
    owner = f" ({cell(item.owner)})" if item.owner else ""
    first = (name, f"{item.severity}{owner}", item.state.value)
    shown = telling(item)
    texts = list(dict.fromkeys(one.text for one in item.reasons if one.text))
    if shown is None or not (shown.expected or shown.actual):
        said = "<br>".join(map(cell, texts[:3])) or "no reason was recorded"
        yield (*first, "", said, "")
        return
    yield (*first, code(shown.expected), code(shown.actual), cell(shown.where))


def _run(decision: Decision) -> Iterator[str]:
    if not decision.findings and not decision.unclaimed:
        return
    yield "\n## About the run\n\n"
    for finding in weighty(decision.findings):
        where = f" ({code(finding.nodeid)})" if finding.nodeid else ""
        yield f"- **{finding.verdict}** {prose(finding.reason.text)}{where}\n"
    for check in decision.unclaimed:
        text = f": {prose(check.text)}" if check.text else ""
        yield f"- {code(check.nodeid)} {check.outcome}, and no item claims it{text}\n"


def _stages(decision: Decision) -> Iterator[str]:
    stages: dict[str, Counter[State]] = {}
    for item in decision.items:
        stages.setdefault(item.stage.value, Counter())[item.state] += 1
    used = [state for state in State if any(count[state] for count in stages.values())]
    if not used:
        return
    yield f"\n## {verified_of(decision)} items verified\n\n"
    yield table("Stage", *(state.value for state in used))
    for stage, count in stages.items():
        yield f"| {stage} | {' | '.join(str(count[state]) for state in used)} |\n"


def _exceptions(decision: Decision) -> Iterator[str]:
    found = [item for item in decision.items if item.state in _EXCEPTIONS]
    if not found and not decision.notes:
        return
    number = counted(len(found), "exception")
    notes = counted(len(decision.notes), "note")
    yield f"\n<details><summary>{number}, {notes}</summary>\n\n"
    for item in sorted(found, key=lambda one: _EXCEPTIONS.index(one.state)):
        why = "; ".join(one.text for one in item.reasons)
        yield f"- {item.state.value}: **{prose(item.id)}** {prose(why)}\n"
    for note in decision.notes:
        yield f"- {prose(note.text)}\n"
    yield "\n</details>\n"


def _verified(decision: Decision) -> Iterator[str]:
    found = [item for item in decision.items if item.state is State.VERIFIED]
    if not found:
        return
    yield f"\n<details><summary>{counted(len(found), 'verified item')}</summary>\n\n"
    yield table("Item", "Severity", "Checks", "Measurements met")
    for item in found:
        name = f"**{cell(item.id)}** {cell(item.title)}"
        yield f"| {name} | {item.severity} | {len(item.checks)} | {item.met} |\n"
    yield "\n</details>\n"


def _foot(decision: Decision) -> str:
    record = decision.record
    where = "`decision.json` and `allure-results/` are in the packet beside this file."
    return (
        f"\nRun {code(record.run_id)}, {prose(record.started_at)} to "
        f"{prose(record.finished_at)}. {where}\n"
    )
