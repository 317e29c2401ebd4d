"""Binding tests to checklist items, giving them the items' marks, and selecting by scope.

Every process collects for itself; usage errors that a worker finds travel to the controller.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.checklist import Checklist, Scope, marks_of, scope_of
from pytest_metarelease.errors import UsageError
from pytest_metarelease.plugin import marks, shards
from pytest_metarelease.plugin.activation import suggestion
from pytest_metarelease.plugin.undeclared import Undeclared, leave_out

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from pytest_metarelease.manifest.model import Item
    from pytest_metarelease.plugin.state import Run

_KINDS = {
    "service": "services",
    "front": "services",
    "health": "health",
    "identity": "identities",
    "endpoint": "endpoints",
    "bodied": "bodied",
    "parametrised": "parametrised",
    "queried": "queried",
    "protected": "protected",
    "paying": "paying",
    "limited": "limited",
    "paged": "paged",
    "creating": "creating",
    "storing": "storing",
    "idempotent": "idempotent",
    "reporting": "reporting",
    "described": "described",
    "page": "pages",
    "browsed_page": "browsed",
    "journey": "journeys",
    "sampled": "sampled",
    "compared": "compared",
    "contract": "contracts",
    "proxied": "proxied",
    "explored": "explored",
    "account": "accounts",
    "node": "nodes",
    "second_node": "second_nodes",
    "final_node": "final",
    "priced_node": "priced",
    "accounted": "accounted",
    "metered": "metered",
    "active": "active",
    "with_roles": "with_roles",
    "pausable": "pausable",
    "safe": "safes",
    "domain": "domains",
    "signing_domain": "signing_domains",
    "flow": "flows",
    "signed_flow": "signed_flows",
    "machine": "machines",
    "signed_request": "signed_requests",
    "database": "databases",
    "migrated": "migrated",
    "invariant": "invariants",
    "timed_query": "timed_queries",
    "pooled": "pooled",
    "replicated": "replicated",
    "backed_up": "backed_up",
    "drilled": "drilled",
    "outage": "outages",
    "external": "external",
    "critical_external": "critical_external",
    "optional_external": "optional_external",
    "agreement": "agreements",
    "chain_agreement": "chain_agreements",
    "metric": "metrics",
    "error_metric": "error_metrics",
    "latency_metric": "latency_metrics",
    "saturation_metric": "saturation_metrics",
    "uptime_metric": "uptime_metrics",
    "load_test": "load_tests",
    "scan": "scans",
    "secret_scan": "secret_scans",
    "code_scan": "code_scans",
    "dependency_scan": "dependency_scans",
}
# Kinds that are what triggers measure: `api.error_rate` makes `api` an `error_rate`.
_MEASURES = ("error_rate", "failure_rate", "unreachable")
_UNDECLARED = "metarelease: undeclared"
_STAGES_AND_SEVERITIES = frozenset(marks.STAGES) | frozenset(marks.SEVERITIES)


class Collection:
    """Collects the checks of one process. ``bindings`` maps node ids to item ids."""

    def __init__(self, run: Run, config: pytest.Config) -> None:
        self.run = run
        self._rootpath = config.rootpath
        self._grouped = getattr(config.option, "dist", "no") == "loadgroup"
        self.checklist = Checklist.of(run.manifest, run.environment)
        self.bindings: dict[str, tuple[str, ...]] = {}
        self.problems: list[str] = []
        self.unknown: dict[str, dict[str, None]] = {}
        self._vocabulary = _STAGES_AND_SEVERITIES.union(
            *(item.facets for item in run.manifest.checklist)
        )
        self._history = run.packet / "history"
        self._folders: dict[str, str] = {}
        # Where pytest counts from the same folder, and groups nothing, its ids are ours.
        self._same = config.rootpath == run.root and not self._grouped
        self._inherited: Any = ((None, 0), *_marked(()))
        self._decorators: dict[tuple[str, ...], tuple[pytest.MarkDecorator, ...]] = {}

    def nodeid_of(self, nodeid: str) -> str:
        """Return pytest's node id relative to the manifest's folder, as the lock has it."""
        if self._same:
            return nodeid
        if self._grouped and nodeid.rfind("@") > nodeid.rfind("]"):
            nodeid = nodeid[: nodeid.rfind("@")]  # xdist's --dist=loadgroup appends the group
        file, separator, inside = nodeid.partition("::")
        folder = self._folders.get(file)
        if folder is None:
            folder = Path(os.path.relpath(self._rootpath / file, self.run.root)).as_posix()
            self._folders[file] = folder
        return f"{folder}{separator}{inside}"

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Look for no tests among earlier packets: they are thousands of files, and all ours.

        Not the whole folder of the packet: somebody may have named one that holds tests.
        """
        return True if collection_path == self._history else None

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run a test once per declared thing of each kind that its ``for_each`` names."""
        if "for_each" not in metafunc.definition.keywords:
            return  # found faster than by a walk over all marks, and true of most tests
        for mark in metafunc.definition.iter_markers("for_each"):
            for kind in mark.args:
                names = _declared(self.run, kind)
                # Nothing declared must be seen, so the test runs and says so (see setup).
                # Names of the manifest are no secrets, whatever the environment holds.
                metafunc.parametrize(kind, names or (None,), ids=names or ("none-declared",))
                if not names:
                    self._break_undeclared(metafunc.config)

    def _break_undeclared(self, config: pytest.Config) -> None:
        if not config.pluginmanager.has_plugin(_UNDECLARED):
            config.pluginmanager.register(Undeclared(self.run), _UNDECLARED)

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Stamp the items that a test verifies on it, with their marks."""
        parent = item.parent
        if parent is not None:
            # The tests of one module or class follow one another, and have its marks.
            key = (parent, len(parent.own_markers))
            if self._inherited[0] != key:
                self._inherited = (key, *_marked(parent.iter_markers()))
        _, names, ids = self._inherited
        if item.own_markers:
            own, first = _marked(item.own_markers)
            names, ids = names | own, first | ids
        if ids:
            self._bind(item, tuple(ids), names & self._vocabulary)

    def _bind(self, item: pytest.Item, ids: tuple[str, ...], given: frozenset[str]) -> None:
        found = self._decorators.get(ids)
        if found is None or given:
            items = [self._item(one, item) for one in ids]
            known = [one for one in items if one is not None]
            self._refuse_contradiction(item, known, given)
            found = _decorators(known, item.config)
            if len(known) == len(ids):  # an unknown id is said for every test that has it
                self._decorators[ids] = found
        _mark(item, found)
        self.bindings[self.nodeid_of(item.nodeid)] = ids

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> Generator[None, None, None]:
        """Select the checks of items in scope; for other tests ``-m`` means what it always does."""
        self._raise_or_report(config, items)
        leave_out(items, self.bindings, self.nodeid_of, config)
        if not self.run.gate.on:
            yield
            return
        expression = self._mark_selected(config, items)
        config.option.markexpr = expression
        try:
            yield
        finally:
            config.option.markexpr = self.run.expression
        left = shards.leave_to_others(items, self.run, self.scope(), self.nodeid_of)
        if left:
            config.hook.pytest_deselected(items=left)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Say how many checks there are, and write their bindings for ``metarelease lock``."""
        config = session.config
        if not self.run.controls:
            config.workeroutput["metarelease_checks"] = len(self.bindings)  # type: ignore[attr-defined]
        target = config.option.release_bindings_to
        if target:
            # Every node id, also where `-m` or `-k` was given: the lock is about all checks.
            Path(target).write_text(json.dumps(self.applicable()), encoding="utf-8")

    def applicable(self) -> dict[str, tuple[str, ...]]:
        """Return the bindings whose items apply to the environment."""
        found = {}
        for nodeid, ids in self.bindings.items():
            due = tuple(one for one in ids if self._applies(one))
            if due:
                found[nodeid] = due
        return found

    def scope(self) -> Scope:
        """Return the scope of the run: its ``-m`` expression over the checklist."""
        return scope_of(self.run.manifest.checklist, self.run.expression, _matcher(self.run))

    def _mark_selected(self, config: pytest.Config, items: list[pytest.Item]) -> str:
        for name in (marks.BOUND, marks.SELECTED):
            config.addinivalue_line("markers", f"{name}: set by the plugin while it selects")
        due = {one for one in self.scope().items if self._applies(one)}
        bound, selected = (
            getattr(pytest.mark, name).mark for name in (marks.BOUND, marks.SELECTED)
        )
        for item in items:
            ids = self.bindings.get(self.nodeid_of(item.nodeid))
            if ids is not None:
                # No keywords, which `-k` would find and every report would carry.
                item.own_markers.append(bound if due.isdisjoint(ids) else selected)
        # pytest itself deselects, so that counts and hooks stay its own. A check is selected by
        # its items; a test that verifies nothing by the expression as it was given.
        others = f"({self.run.expression}) and" if self.run.expression else ""
        return f"{marks.SELECTED} or ({others} not {marks.BOUND})"

    def _applies(self, item_id: str) -> bool:
        item = self.checklist.by_id.get(item_id)
        return item is not None and self.checklist.applies(item)

    def _item(self, item_id: str, test: pytest.Item) -> Item | None:
        found = self.checklist.by_id.get(item_id)
        if found is None:
            function = test.nodeid.partition("[")[0]
            self.unknown.setdefault(item_id, {}).setdefault(function)
        return found

    def _unknown_items(self) -> Iterator[str]:
        """Say of each item that the manifest lacks which tests verify it: one line for all."""
        for item_id, tests in self.unknown.items():
            first, *others = tests
            more = f" and {len(others)} more" if others else ""
            yield (
                f"{first}{more}: verifies({item_id!r}): {self.run.manifest.file} has no such item"
                + suggestion(item_id, self.checklist.by_id)
            )

    def _refuse_contradiction(
        self, test: pytest.Item, items: list[Item], given: frozenset[str]
    ) -> None:
        allowed = frozenset[str]().union(*map(marks_of, items))
        for name in sorted(given - allowed):
            self.problems.append(
                f"{test.nodeid}: the mark {name!r} contradicts the manifest, where "
                f"{', '.join(item.id for item in items)} is {', '.join(sorted(allowed))}; "
                "drop the mark: it comes from the manifest"
            )

    def _raise_or_report(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        problems = [*self.problems, *self._unknown_items()]
        if not problems:
            return
        text = "\n".join(dict.fromkeys(problems))
        if self.run.controls:
            raise pytest.UsageError(text)
        # A usage error in a worker reaches nobody; the controller raises it for us.
        config.workeroutput["metarelease_problem"] = text  # type: ignore[attr-defined]
        items.clear()


def _marked(found: Iterable[pytest.Mark]) -> tuple[frozenset[str], dict[str, None]]:
    """Return the names of marks, and in their order the item ids that ``verifies`` names."""
    names, ids = set(), dict[str, None]()
    for mark in found:
        names.add(mark.name)
        if mark.name == "verifies":
            ids.update(dict.fromkeys(map(str, mark.args)))
    return frozenset(names), ids


def _declared(run: Run, kind: str) -> tuple[str, ...]:
    if kind in _MEASURES:
        measured = [trigger.measure or "" for trigger in run.manifest.triggers]
        return tuple(one.rpartition(".")[0] for one in measured if one.endswith(f".{kind}"))
    attribute = _KINDS.get(kind)
    if attribute is None:
        raise UsageError(
            f"for_each({kind!r}): no such kind" + suggestion(kind, [*_KINDS, *_MEASURES])
        )
    names: tuple[str, ...] = getattr(run.declared, attribute)
    return names


def _mark(item: pytest.Item, decorators: tuple[pytest.MarkDecorator, ...]) -> None:
    """Do what ``add_marker`` does, for several marks at once: there are many checks."""
    item.own_markers.extend([one.mark for one in decorators])
    item.keywords.update({one.name: one for one in decorators})


def _matcher(run: Run) -> Any:
    if not run.expression:
        return lambda _marks: True
    # pytest offers no public way to evaluate an expression. Using its own evaluator keeps one
    # meaning of `-m` for tests and items.
    from _pytest.mark.expression import Expression

    try:
        compiled = Expression.compile(run.expression)
    except SyntaxError as error:
        raise pytest.UsageError(f"-m {run.expression}: {error}") from error
    return lambda names: compiled.evaluate(lambda name, /, **_arguments: name in names)


def _decorators(items: list[Item], config: pytest.Config) -> tuple[pytest.MarkDecorator, ...]:
    """Return the marks of a test that verifies ``items``: theirs, and labels for Allure.

    Severity, owner and place in the checklist are those of the worst of them.
    """
    names = sorted(frozenset[str]().union(*map(marks_of, items)))
    found = [getattr(pytest.mark, name) for name in names]
    if items and getattr(config.option, "allure_report_dir", None):
        from pytest_metarelease.reports.labels import labels_for

        worst = min(items, key=lambda one: one.severity.value)
        found += [
            pytest.mark.allure_label(value, label_type=name) for name, value in labels_for(worst)
        ]
    return tuple(found)
