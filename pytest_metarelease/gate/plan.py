"""The rollback plan: every declared component in order, and which of them the verdict proposes.

Readiness is *declared*, never proven; nothing here runs a command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.gate.values import RollbackStep, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_metarelease.manifest.model import Manifest


def rollback_plan(
    manifest: Manifest, verdict: Verdict, undo: Sequence[Sequence[str]]
) -> tuple[RollbackStep, ...]:
    """Return the plan; ``undo`` has, for each cause of a ROLLBACK, the components it names.

    A cause that names none (``on_failure: rollback`` on an item) proposes everything: nobody
    declared that a part of it would do.
    """
    proposed = {component for components in undo for component in components}
    if any(not components for components in undo):
        proposed = set(manifest.rollback)
    return tuple(
        RollbackStep(
            component=name,
            run=component.run,
            verify=component.verify,
            proposed=verdict is Verdict.ROLLBACK and name in proposed,
        )
        for name, component in manifest.rollback.items()
    )
