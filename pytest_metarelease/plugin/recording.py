"""Recording one process of a gated run: which check is running, what it cited and raised.

Runs in every process and judges nothing; ``gathering`` keeps the reports of all processes.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.evidence import Citation, Judgement, Notebook
from pytest_metarelease.plugin.explaining import shorten
from pytest_metarelease.plugin.ledger import LedgerWriter
from pytest_metarelease.plugin.lost_tasks import LostTasks
from pytest_metarelease.plugin.session_target import NOTEBOOK, redactor_of
from pytest_metarelease.plugin.suspicion import expose_warnings, listening, warn_of_replaced
from pytest_metarelease.plugin.witness import Witness, explain, kept_by_case, of_shared_fixture

if TYPE_CHECKING:
    from collections.abc import Generator

    from pytest_metarelease.plugin.collection import Collection
    from pytest_metarelease.plugin.state import Run


class Recording:
    """Keeps the notebook and the ledger of one process."""

    def __init__(self, run: Run, config: pytest.Config, collection: Collection) -> None:
        self.run = run
        self.collection = collection
        self.ledger = LedgerWriter(run.packet / "ledger", run.process)
        self.notebook = Notebook(run.process, redactor_of(config), self.ledger.append)
        config.stash[NOTEBOOK] = self.notebook
        self.witness = Witness(self.notebook, self.ledger.append)
        config.pluginmanager.register(self.witness, "metarelease: witness")
        self._lost_tasks = LostTasks()
        config.pluginmanager.register(self._lost_tasks, "metarelease: lost tasks")

    def pytest_collection_finish(self) -> None:
        """Note which checks claim which items, for the controller and for the record."""
        self.ledger.append_bindings(self.collection.bindings)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Tell the notebook which check is running, and see that no warning of it is hidden.

        Inside pytest's own wrapper, which sets the filters of warnings for each test.
        """
        notebook = self.notebook
        notebook.check = self.collection.nodeid_of(item.nodeid)
        notebook.attempt = 1
        expose_warnings()
        hooks = listening()
        try:
            return (yield)
        finally:
            warn_of_replaced(hooks)
            if self._lost_tasks.never or self._lost_tasks.futures:
                self._lost_tasks.tell(failed=notebook.check in self.witness.raised)
            notebook.check = None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put on the report what the controller cannot know: whose fault it was, what was cited.

        Outside of all other plugins, whatever they make of the exception or of the report.
        """
        before = call.excinfo or kept_by_case(item)
        report = yield
        silent = before is None and call.excinfo is None and not self.witness.heard
        raised = None if silent else self.witness.note(call, before)
        if call.when == "setup":
            self.witness.listen_to_async(item)
        facts: dict[str, object] = {}
        if raised is not None:
            shorten(report, call, self.notebook.redact)
            if not isinstance(raised, pytest.skip.Exception):
                facts = explain(raised, self.notebook.redact)
            if call.when == "teardown" and of_shared_fixture(raised):
                facts["shared"] = True
        if report.when == "teardown":
            facts |= _seal(self.notebook.citations.get(self.notebook.check or "", ()))
            # What follows now, if anything, is a rerun.
            self.notebook.attempt += 1
        if facts:
            report.metarelease = json.dumps(facts, sort_keys=True)  # type: ignore[attr-defined]
        return report

    def pytest_sessionfinish(self) -> None:
        """Make sure that this process's ledger is on disk."""
        self.ledger.close()

    @property
    def lost(self) -> str:
        """Why this process's ledger is incomplete; empty while everything could be written."""
        return self.ledger.lost

    def append(self, entry: dict[str, object]) -> None:
        """Append an entry to this process's ledger."""
        self.ledger.append(entry)


def digest_of(citations: list[Citation] | tuple[Citation, ...]) -> str:
    """Return a short digest over what was cited, to compare a report with the ledger."""
    text = "\n".join(f"{one.measurement} {one.judgement.value}" for one in citations)
    return f"{len(citations)}:{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _seal(citations: Any) -> dict[str, object]:
    if not citations:
        return {}
    worst = max((one.judgement for one in citations), key=lambda one: one.rank)
    return {"digest": digest_of(citations), "worst": Judgement(worst).value}
