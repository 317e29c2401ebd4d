"""Recording one process of a gated run: which check is running, what it cited, how it ended.

Runs in every process; the controller and a single process also gather the reports of all. Rules
in FALSE_GREENS, section 2: nothing is taken from pytest's summary, every phase is read.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.evidence import Citation, Judgement, Notebook
from pytest_metarelease.outcome import Phase
from pytest_metarelease.plugin.explaining import shorten
from pytest_metarelease.plugin.ledger import LedgerWriter
from pytest_metarelease.plugin.session_target import NOTEBOOK, redactor_of
from pytest_metarelease.plugin.suspicion import expose_warnings
from pytest_metarelease.plugin.witness import Witness, explain

if TYPE_CHECKING:
    from collections.abc import Generator

    from pytest_metarelease.plugin.collection import Collection
    from pytest_metarelease.plugin.state import Run

_TestReport = pytest.TestReport
_NO_FACTS: dict[str, Any] = {}


class Recording:
    """Keeps the notebook of one process and, where reports arrive, the phases of all checks.

    ``seconds`` are the durations of reports that passed; their phases carry none, so that one
    value serves for all of them.
    """

    def __init__(self, run: Run, config: pytest.Config, collection: Collection) -> None:
        self.run = run
        self._collection = collection
        self._gathers = run.controls
        self.phases: dict[str, list[Phase]] = {}
        self.seconds: dict[str, float] = {}
        self.sealed: dict[str, str] = {}
        self._attempts: dict[str, int] = {}
        self._rerun: set[str] = set()
        self._latest = ("", "")
        self._known: dict[tuple[str, str], Phase] = {}
        self._ledger = LedgerWriter(run.packet / "ledger", run.process)
        self.notebook = Notebook(run.process, redactor_of(config), self._ledger.append)
        config.stash[NOTEBOOK] = self.notebook
        self.witness = Witness(self.notebook, self._ledger.append)
        config.pluginmanager.register(self.witness, "metarelease: witness")

    def pytest_collection_finish(self) -> None:
        """Note which checks claim which items, for the controller and for the record."""
        self._ledger.append({"kind": "bindings", "bindings": self._collection.bindings})

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Tell the notebook which check is running, and see that no warning of it is hidden.

        Inside pytest's own wrapper, which sets the filters of warnings for each test.
        """
        notebook = self.notebook
        notebook.check = self._collection.nodeid_of(item.nodeid)
        notebook.attempt = 1
        expose_warnings()
        try:
            return (yield)
        finally:
            notebook.check = None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put on the report what the controller cannot know: whose fault it was, what was cited.

        Outside of all other plugins, whatever they make of the exception or of the report.
        """
        before = call.excinfo
        report = yield
        raised = self.witness.note(call, before)
        if raised is not None:
            shorten(report, call, self.notebook.redact)
        if raised is not None or report.when == "teardown":
            self._annotate(report, raised)
        return report

    def _annotate(self, report: pytest.TestReport, raised: BaseException | None) -> None:
        facts: dict[str, object] = {}
        if raised is not None and not isinstance(raised, pytest.skip.Exception):
            facts = explain(raised, self.notebook.redact)
        if report.when == "teardown":
            facts |= _seal(self.notebook.citations.get(self.notebook.check or "", ()))
            # What follows now, if anything, is a rerun.
            self.notebook.attempt += 1
        if facts:
            report.metarelease = json.dumps(facts, sort_keys=True)  # type: ignore[attr-defined]

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep every report of every test; only where reports of all processes arrive."""
        if not self._gathers:
            return
        check = self._check_of(str(report.nodeid))
        phases = self.phases.get(check)
        if phases is None:
            phases = self.phases[check] = []
        sent: str | None = getattr(report, "metarelease", None)
        facts = json.loads(sent) if sent else _NO_FACTS
        if _plainly_passed(report) and not self._attempts:
            phases.append(self._passed(report))
            self.seconds[check] = self.seconds.get(check, 0.0) + report.duration
        else:
            phases.append(_phase(report, facts, self._attempt(report, check)))
        if "digest" in facts:
            self.sealed[check] = facts["digest"]
        if report.when not in ("setup", "call"):
            self._journal(check, phases)

    def _passed(self, report: pytest.TestReport) -> Phase:
        """Return the phase of what nearly every report is; one value serves for all of a kind."""
        kind = str(report.when), _process(report)
        found = self._known.get(kind)
        if found is None:
            found = self._known[kind] = Phase(kind[0], "passed", process=kind[1])
        return found

    def _attempt(self, report: pytest.TestReport, check: str) -> int:
        """Return which attempt of its check a report belongs to, from 0."""
        if report.when == "setup" and check in self._rerun:
            # Not at the report that said so: the teardown of that attempt may follow it.
            self._rerun.discard(check)
            self._attempts[check] += 1
        if str(report.outcome) == "rerun":  # pytest's own types know no such outcome
            self._rerun.add(check)
            # From the first rerun of any check on, the reports of all are looked at closely.
            self._attempts.setdefault(check, 0)
        return self._attempts.get(check, 0)

    def _check_of(self, nodeid: str) -> str:
        # Reports of one test mostly follow one another.
        latest, check = self._latest
        if nodeid != latest:
            check = self._collection.nodeid_of(nodeid)
            self._latest = (nodeid, check)
        return check

    def pytest_sessionfinish(self) -> None:
        """Make sure that this process's ledger is on disk."""
        self._ledger.close()

    @property
    def lost(self) -> str:
        """Why this process's ledger is incomplete; empty while everything could be written."""
        return self._ledger.lost

    def append(self, entry: dict[str, object]) -> None:
        """Append an entry to this process's ledger."""
        self._ledger.append(entry)

    def _journal(self, check: str, phases: list[Phase]) -> None:
        if len(phases) == 3 and all(map(_clean, phases)):
            self._ledger.append_clean(check)
            return
        seen = [
            [one.when, one.outcome, one.kind, one.fault, one.rerun, one.process, one.wasxfail]
            for one in phases
        ]
        self._ledger.append({"kind": "reports", "check": check, "phases": seen})


def _clean(phase: Phase) -> bool:
    return phase.outcome == "passed" and phase.kind == "test" and not phase.wasxfail


def digest_of(citations: list[Citation] | tuple[Citation, ...]) -> str:
    """Return a short digest over what was cited, to compare a report with the ledger."""
    text = "\n".join(f"{one.measurement} {one.judgement.value}" for one in citations)
    return f"{len(citations)}:{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _seal(citations: Any) -> dict[str, object]:
    if not citations:
        return {}
    worst = max((one.judgement for one in citations), key=lambda one: one.rank)
    return {"digest": digest_of(citations), "worst": Judgement(worst).value}


def _plainly_passed(report: pytest.TestReport) -> bool:
    return (
        report.outcome == "passed"
        and type(report) is _TestReport
        and not hasattr(report, "wasxfail")
    )


def _phase(report: pytest.TestReport, facts: dict[str, Any], attempt: int) -> Phase:
    return Phase(
        when=str(report.when),
        outcome=str(report.outcome),
        kind=_kind(report),
        fault=facts.get("fault", "failed"),
        text=facts.get("text") or _text(report),
        next_step=facts.get("next", ""),
        duration=report.duration,
        wasxfail=hasattr(report, "wasxfail"),
        rerun=attempt,
        process=_process(report),
    )


def _kind(report: pytest.TestReport) -> Any:
    if type(report) is _TestReport:
        return "test"
    return "subtest" if type(report).__name__ in {"SubtestReport", "SubTestReport"} else "other"


def _process(report: pytest.TestReport) -> str:
    node = getattr(report, "node", None)
    return str(node.gateway.id) if node is not None else "main"


def _text(report: pytest.TestReport) -> str:
    if report.outcome == "passed":
        return ""
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2])
    return str(getattr(report, "wasxfail", "") or report.longreprtext)[-1000:]
