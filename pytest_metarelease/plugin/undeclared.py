"""Checks of things that a product may do without, where its manifest declares none of the kind.

Refuses to leave an item without a check: one that nothing else verifies keeps them, so that it is
seen to be unverified. A kind that is not marked ``optional`` is never left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import UndeclaredError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.plugin.state import Run


class Undeclared:
    """Breaks every check whose ``for_each`` found nothing; registered for the first of them."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Break a check whose ``for_each`` found nothing declared.

        Raises:
            UndeclaredError: It did.
        """
        kind = asks_for_nothing(item)
        if kind is not None:
            raise UndeclaredError(
                f"{self._run.manifest.file} declares no {kind} for "
                f"{self._run.environment}, so there is nothing to verify; declare one, or "
                "give the item `not_applicable:` with the reason"
            )


def asks_for_nothing(item: pytest.Item, *, optional: bool = False) -> str | None:
    """Return the kind of thing a check is to run for and of which none is declared, if any.

    With ``optional``, only where its ``for_each`` says that a product may have none.
    """
    found: dict[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
    if not found:
        return None
    for mark in item.iter_markers("for_each"):
        if optional and not mark.kwargs.get("optional"):
            continue
        for kind in mark.args:
            if kind in found and found[kind] is None:
                return str(kind)
    return None


def leave_out(
    items: list[pytest.Item],
    bindings: dict[str, tuple[str, ...]],
    nodeid_of: Callable[[str], str],
    config: pytest.Config,
) -> None:
    """Take optional checks of nothing from ``items``, and from the ids that others verify too."""
    silent = {
        nodeid_of(item.nodeid): item for item in items if asks_for_nothing(item, optional=True)
    }
    if not silent:
        return
    served = {one for nodeid, ids in bindings.items() if nodeid not in silent for one in ids}
    dropped: set[pytest.Item] = set()
    for nodeid, item in silent.items():
        ids = bindings.pop(nodeid, ())
        left = tuple(one for one in ids if one not in served)
        if left:
            bindings[nodeid] = left
        elif ids:
            dropped.add(item)
    if dropped:
        config.hook.pytest_deselected(items=[one for one in items if one in dropped])
        items[:] = [one for one in items if one not in dropped]
