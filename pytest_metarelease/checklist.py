"""The checklist as the gate needs it: items with their marks, the scope of a run, the lock.

Values only. Reading ``checks.lock`` is in ``manifest``-like loaders at the edge (``lock.py``), and
evaluating a ``-m`` expression is pytest's; here is what both mean.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from pytest_metarelease.manifest.model import Item, Manifest
from pytest_metarelease.manifest.scalars import Stage


def marks_of(item: Item) -> frozenset[str]:
    """Return the marks of an item: its stage, its facets and its severity."""
    return frozenset({item.stage.value, item.severity.value, *item.facets})


def not_applicable(item: Item, environment: str) -> str | None:
    """Return why ``item`` does not apply to ``environment``, or None where it does."""
    if item.not_applicable is not None:
        return item.not_applicable
    if item.environments is not None and environment not in item.environments:
        return f"declared for {', '.join(item.environments)} only"
    return None


def item_digest(item: Item) -> str:
    """Return the SHA-256, hex, of everything that an item declares."""
    declared = _declared(item)
    if item.accept_from is None:
        # Came later than digests that people signed; left out it says nothing new.
        del declared["accept_from"]
    # Not asdict: it copies every leaf, and every decision needs the digest of every item.
    text = json.dumps(declared, sort_keys=True, separators=(",", ":"), default=_declared)
    return hashlib.sha256(text.encode()).hexdigest()


def _declared(value: Any) -> dict[str, Any]:
    return {one.name: getattr(value, one.name) for one in fields(value)}


@dataclass(frozen=True, slots=True)
class Scope:
    """Which items a run is about. Only the ``-m`` expression makes it smaller.

    ``complete`` is true where every item of each stage in scope is in scope.
    """

    expression: str
    items: tuple[str, ...]
    complete: bool

    @property
    def empty(self) -> bool:
        """True where the expression matches no item: never GO."""
        return not self.items


def scope_of(
    items: Iterable[Item], expression: str, selects: Callable[[frozenset[str]], bool]
) -> Scope:
    """Return the scope of a run: ``selects`` evaluates the expression over an item's marks."""
    everything = tuple(items)
    chosen = tuple(item for item in everything if selects(marks_of(item)))
    stages = {item.stage for item in chosen}
    due = [item for item in everything if item.stage in stages]
    return Scope(
        expression, tuple(item.id for item in chosen), bool(chosen) and chosen == tuple(due)
    )


def stages_in(items: Iterable[Item], scope: Scope) -> tuple[Stage, ...]:
    """Return the stages that the scope touches, in the order of a release."""
    found = {item.stage for item in items if item.id in set(scope.items)}
    return tuple(stage for stage in Stage if stage in found)


@dataclass(frozen=True, slots=True)
class LockedItem:
    """What the lock holds of one item: its digest, and its checks per environment.

    Node ids are relative to the manifest's folder.
    """

    digest: str
    checks: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Lock:
    """The committed inventory: which checks each item has. Missing is not the same as empty."""

    items: Mapping[str, LockedItem] = field(default_factory=dict)
    digest: str | None = None

    @property
    def missing(self) -> bool:
        """True where there was no lock file to read."""
        return self.digest is None

    def checks(self, item: str, environment: str) -> tuple[str, ...]:
        """Return the node ids of the checks of ``item`` in ``environment``."""
        locked = self.items.get(item)
        return locked.checks.get(environment, ()) if locked else ()


@dataclass(frozen=True, slots=True)
class Checklist:
    """The items of one environment of one manifest, looked up by id."""

    manifest: Manifest
    environment: str
    by_id: Mapping[str, Item]

    @classmethod
    def of(cls, manifest: Manifest, environment: str) -> Checklist:
        """Return the checklist of ``manifest`` for ``environment``."""
        return cls(manifest, environment, {item.id: item for item in manifest.checklist})

    def applies(self, item: Item) -> bool:
        """Return whether ``item`` applies to this environment."""
        return not_applicable(item, self.environment) is None
