"""The table from the state of an item to the verdict (DESIGN 4).

Nothing here finds out a state; nothing else turns one into a verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.gate.values import State, Verdict
from pytest_metarelease.manifest.scalars import Severity, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_metarelease.manifest.model import Item

# Before a deployment there is nothing to undo, and routine stages have their own pace.
_UNDOABLE = frozenset({Stage.DEPLOY, Stage.POST_DEPLOY})

_FAILED = {
    Severity.P0: Verdict.NO_GO,
    Severity.P1: Verdict.NO_GO,
    Severity.P2: Verdict.HOLD,
    Severity.P3: Verdict.GO,
}
_NOT_VERIFIED = {
    Severity.P0: Verdict.HOLD,
    Severity.P1: Verdict.HOLD,
    Severity.P2: Verdict.HOLD,
    Severity.P3: Verdict.GO,
}


def weigh(item: Item, state: State, *, breached: bool = False) -> Verdict:
    """Return what ``item`` in ``state`` makes of the verdict; GO stands for a note.

    ``breached`` is true where a trigger that names the item is certainly breached.
    """
    if state is State.NOT_VERIFIED:
        return _NOT_VERIFIED[item.severity]
    if state is not State.FAILED:
        return Verdict.GO
    if item.stage in _UNDOABLE and (breached or item.on_failure == "rollback"):
        return Verdict.ROLLBACK
    # The undoing did not restore: there is no "less bad" short of a note.
    if item.stage is Stage.ROLLBACK and item.severity is not Severity.P3:
        return Verdict.NO_GO
    return _FAILED[item.severity]


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst of ``verdicts``; GO where there is none."""
    return max(verdicts, key=lambda one: one.rank, default=Verdict.GO)
