"""One line about a packet that a person understands, for ``metarelease check``.

It describes a decision that was recomputed; whether the packet may be trusted is decided elsewhere.
"""

from __future__ import annotations

from pytest_metarelease.gate.values import Decision, Verdict
from pytest_metarelease.reports.summary import because, release_line, verified_of
from pytest_metarelease.reports.text import one_line


def render(decision: Decision) -> str:
    """Return verdict, release, environment, how much was verified, why not, and which run."""
    record = decision.record
    scope = decision.scope.expression or "the whole checklist"
    parts = [f"{decision.title}: {release_line(decision)}"]
    if decision.verdict is Verdict.GO:
        parts.append(f"{verified_of(decision)} items of {scope} verified")
    else:
        parts.append(because(decision))
    parts.append(f"run {record.run_id}, finished {record.finished_at}")
    return one_line("; ".join(parts), 1_000)
