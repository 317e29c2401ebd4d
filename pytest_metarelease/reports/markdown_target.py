"""Sections of the Markdown page about triggers, rollback and what was judged.

The plan is shown as declared; nothing here says that it was proven.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from pytest_metarelease.gate.values import Verdict
from pytest_metarelease.reports.markdown_escape import cell, code, prose, table
from pytest_metarelease.reports.summary import percent, rate_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.gate.values import Decision


def triggers(decision: Decision, *, only_breached: bool) -> Iterator[str]:
    """Give the table of triggers: the breached ones, or the others."""
    found = [one for one in decision.triggers if (one.state == "breached") is only_breached]
    if not found:
        return
    yield "\n## Breached triggers\n\n" if only_breached else "\n## Triggers\n\n"
    yield table("Trigger", "State", "Measured", "Limit", "Undo")
    for one in found:
        measured = rate_text(one) or one.text
        limit = percent(one.limit) if one.limit is not None else ""
        undo = ", ".join(one.undo)
        state = f"**{one.state}**" if only_breached else one.state
        yield f"| {cell(one.id)} | {state} | {cell(measured)} | {limit} | {cell(undo)} |\n"


def rollback(decision: Decision) -> Iterator[str]:
    """Give the plan in order where undoing is proposed, else nothing but that it is declared."""
    proposed = [step for step in decision.rollback if step.proposed]
    if not decision.rollback:
        if decision.verdict is Verdict.ROLLBACK:
            yield "\n## Rollback\n\nNo plan is declared: declare it under `rollback:`.\n"
        return
    if not proposed:
        names = ", ".join(step.component for step in decision.rollback)
        yield f"\nRollback: plan declared, not proven, for {prose(names)}; not proposed.\n"
        return
    yield "\n## Rollback, in this order (plan declared, not proven)\n\n"
    for number, step in enumerate(proposed, 1):
        verify = f", then verify {prose(', '.join(step.verify))}" if step.verify else ""
        yield f"{number}. {prose(step.component)}: {code(shlex.join(step.run))}{verify}\n"


def target(decision: Decision) -> Iterator[str]:
    """Give what was judged: release, chain and block, code, versions, migrations."""
    record, seen = decision.record, decision.record.target
    facts = [("release", f"{record.release_version}, commit {record.release_commit or 'unknown'}")]
    if seen.chain_id is not None:
        facts.append(("chain", f"{seen.chain_id}, block {seen.block_number} {seen.block_hash}"))
    facts += [(f"{one.subject} says", one.actual) for one in record.identifications]
    facts += [(f"code of {name}", value) for name, value in sorted(seen.code_hashes.items())]
    facts += [(f"migrations of {name}", one) for name, one in sorted(seen.migration_heads.items())]
    facts.append(("manifest", f"sha256 {record.manifest_digest}"))
    facts.append(("lock", f"sha256 {record.lock_digest}" if record.lock_digest else "missing"))
    yield "\n<details><summary>What was judged</summary>\n\n"
    yield table("", "")
    for name, value in facts:
        yield f"| {cell(name)} | {code(value)} |\n"
    yield "\n</details>\n"
