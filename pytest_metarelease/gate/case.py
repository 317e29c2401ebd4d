"""Everything one decision is made from, indexed once: which checks belong to which item.

Nothing here judges; every list is in an order that does not depend on the order of results.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_metarelease.checklist import Checklist, Lock, Scope
from pytest_metarelease.gate.sign_offs import Vouched
from pytest_metarelease.gate.values import Record
from pytest_metarelease.manifest.model import Item
from pytest_metarelease.outcome import CheckResult, Outcome

if TYPE_CHECKING:
    from pytest_metarelease.evidence import Citation


_NOBODY: Mapping[str, Vouched] = {}


@dataclass(frozen=True, slots=True)
class Case:
    """The inputs of one decision, and the claims that follow from lock and session.

    ``unlocked`` are the checks that claimed an item in this session without being in the lock
    (item id -> node ids); ``claims`` says for each check which known items it belongs to;
    ``vouched`` has for items with sign-offs which of them count.
    """

    checklist: Checklist
    scope: Scope
    lock: Lock
    record: Record
    unlocked: Mapping[str, tuple[str, ...]]
    claims: Mapping[str, tuple[Item, ...]]
    vouched: Mapping[str, Vouched] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        checklist: Checklist,
        scope: Scope,
        lock: Lock,
        record: Record,
        vouched: Mapping[str, Vouched] = _NOBODY,
    ) -> Case:
        """Index the inputs of a decision."""
        locked = {
            item: frozenset(lock.checks(item, checklist.environment)) for item in checklist.by_id
        }
        claims: dict[str, dict[str, Item]] = {}
        unlocked: dict[str, list[str]] = {}
        for item, nodeids in locked.items():
            for nodeid in nodeids:
                claims.setdefault(nodeid, {})[item] = checklist.by_id[item]
        for nodeid, items in record.bindings.items():
            for item in items:
                if item in locked:
                    claims.setdefault(nodeid, {})[item] = checklist.by_id[item]
                    if nodeid not in locked[item]:
                        unlocked.setdefault(item, []).append(nodeid)
        return cls(
            checklist,
            scope,
            lock,
            record,
            {item: tuple(sorted(set(nodeids))) for item, nodeids in unlocked.items()},
            {nodeid: tuple(items.values()) for nodeid, items in claims.items()},
            vouched,
        )

    def result(self, nodeid: str) -> CheckResult:
        """Return the result of a check; silence is *not run*."""
        found = self.record.results.get(nodeid)
        if found is not None:
            return found
        text = "no report of it arrived"
        return CheckResult(
            nodeid=nodeid, outcome=Outcome.NOT_RUN, code="check-not-run", text=text, attempts=0
        )

    def locked_results(self, item: Item) -> tuple[CheckResult, ...]:
        """Return the results of the checks that the lock demands of ``item``."""
        nodeids = self.lock.checks(item.id, self.checklist.environment)
        return tuple(self.result(nodeid) for nodeid in sorted(set(nodeids)))

    def unlocked_results(self, item: Item) -> tuple[CheckResult, ...]:
        """Return the results of checks that claimed ``item`` but are not in the lock."""
        return tuple(self.result(nodeid) for nodeid in self.unlocked.get(item.id, ()))

    def supports(self, citation: Citation) -> bool:
        """Return whether a cited measurement is on record and about what the citation says.

        A citation whose measurement was lost is no evidence.
        """
        found = self.record.measurements.get(citation.measurement)
        return found is not None and found.subject == citation.subject
