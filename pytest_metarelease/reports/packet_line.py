"""One line about a packet that a person understands, for ``metarelease check``.

It describes a decision that was recomputed; whether the packet may be trusted is decided elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.gate.values import Decision, Verdict
from pytest_metarelease.reports.summary import (
    because,
    release_line,
    unsettled,
    verified_of,
    vouched,
    weighty,
)
from pytest_metarelease.reports.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_REASONS = 10


def render(decision: Decision) -> str:
    """Return verdict, release, environment, how much was verified, why not, and which run."""
    record = decision.record
    scope = decision.scope.expression or "the whole checklist"
    parts = [f"{decision.title}: {release_line(decision)}"]
    if decision.verdict is Verdict.GO:
        parts.append(f"{verified_of(decision)} items of {scope} verified{vouched(decision)}")
    else:
        parts.append(because(decision))
    parts.append(f"run {record.run_id}, finished {record.finished_at}")
    return one_line("; ".join(parts), 1_000)


def reasons(decision: Decision) -> Iterator[str]:
    """Yield one line for each reason against GO, worst first, at most ten; none of a GO."""
    if decision.verdict is Verdict.GO:
        return
    found = [
        *(f"the run: {one.reason.text}" for one in weighty(decision.findings)),
        *(
            f"{item.id}: {item.state}: {item.reasons[0].text if item.reasons else ''}"
            for item in unsettled(decision)
            if item.verdict is not Verdict.GO
        ),
    ]
    for text in found[:_MOST_REASONS]:
        yield f"  {one_line(text, 300)}"
    if len(found) > _MOST_REASONS:
        yield f"  and {len(found) - _MOST_REASONS} more; decision.md has all of them"
