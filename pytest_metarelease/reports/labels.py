"""The Allure labels of a checklist item, for checks that ran and for those that did not.

Nothing here imports Allure: the plugin asks for labels while tests are collected.
"""

from __future__ import annotations

from typing import Protocol

from pytest_metarelease.manifest.scalars import Severity, Stage

_SEVERITY = {
    Severity.P0: "blocker",
    Severity.P1: "critical",
    Severity.P2: "normal",
    Severity.P3: "minor",
}


class Labelled(Protocol):
    """What labels are made of: an item of the manifest or the decision about it."""

    @property
    def id(self) -> str:
        """The item's id."""
        ...

    @property
    def title(self) -> str:
        """What the item says."""
        ...

    @property
    def stage(self) -> Stage:
        """When it is due."""
        ...

    @property
    def severity(self) -> Severity:
        """How bad a failure is."""
        ...

    @property
    def owner(self) -> str | None:
        """Who is to be asked."""
        ...


def labels_for(item: Labelled) -> list[tuple[str, str]]:
    """Return Allure labels (name, value): severity, owner, and the place in the checklist.

    P0 is ``blocker``, P1 ``critical``, P2 ``normal``, P3 ``minor``.
    """
    labels = [
        ("severity", _SEVERITY[item.severity]),
        ("parentSuite", item.stage.value),
        ("suite", f"{item.id}: {item.title}"),
        ("epic", item.stage.value),
        ("feature", f"{item.id}: {item.title}"),
    ]
    if item.owner:
        labels.append(("owner", item.owner))
    return labels
