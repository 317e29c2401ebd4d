"""Gathering the reports of all checks, in the one process where those of all processes arrive.

Nothing is taken from pytest's summary: every phase of every check is kept (FALSE_GREENS,
section 2). What they amount to, ``outcome`` says.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.outcome import Phase

if TYPE_CHECKING:
    from pytest_metarelease.plugin.collection import Collection
    from pytest_metarelease.plugin.ledger import LedgerWriter

_TestReport = pytest.TestReport
_NO_FACTS: dict[str, Any] = {}
_Phases = tuple[Phase, ...]


class _Passed:
    """The phases of checks that pass in one process, as far as they are: one value serves all.

    What nearly every check has is so kept once, which the garbage collector has not to walk.
    """

    def __init__(self, process: str) -> None:
        self._process = process
        setup, call, teardown = map(self.phase, ("setup", "call", "teardown"))
        self.begun, self.called, self.whole = (setup,), (setup, call), (setup, call, teardown)

    def phase(self, when: str) -> Phase:
        """Return the phase of a report that passed."""
        return Phase(when, "passed", process=self._process)

    def after(self, phases: _Phases, when: str) -> _Phases:
        """Return ``phases`` and one that passed."""
        if when == "setup" and not phases:
            return self.begun
        if when == "call" and phases is self.begun:
            return self.called
        if when == "teardown" and phases is self.called:
            return self.whole
        return (*phases, self.phase(when))


class Gathering:
    """Keeps the phases of all checks.

    ``seconds`` are the durations of reports that passed; their phases carry none, so that one
    value serves for all of them. ``sealed`` holds what teardowns said was cited, ``shared`` the
    checks whose teardown ended a fixture of others as well, and failed in it.
    """

    def __init__(self, collection: Collection, ledger: LedgerWriter) -> None:
        self.phases: dict[str, _Phases] = {}
        self.seconds: dict[str, float] = {}
        self.sealed: dict[str, str] = {}
        self.shared: set[str] = set()
        self._collection = collection
        self._ledger = ledger
        self._attempts: dict[str, int] = {}
        self._rerun: set[str] = set()
        self._latest = ("", "")
        self._known: dict[Any, _Passed] = {}

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep every report of every test; only where reports of all processes arrive."""
        nodeid, check = self._latest
        if report.nodeid != nodeid:
            # Reports of one test mostly follow one another.
            nodeid = str(report.nodeid)
            check = self._collection.nodeid_of(nodeid)
            self._latest = (nodeid, check)
        phases = self.phases.get(check, ())
        found = report.__dict__
        # Three of these for every test, nearly all of them plain: found with as little as can be.
        if (
            found["outcome"] == "passed"
            and type(report) is _TestReport
            and "metarelease" not in found
            and "wasxfail" not in found
            and not self._attempts
        ):
            node = found.get("node")
            known = self._known.get(node) or self._passed_in(node)
            self.phases[check] = phases = known.after(phases, found["when"])
            self.seconds[check] = self.seconds.get(check, 0.0) + found["duration"]
            if phases is known.whole:
                self._ledger.append_clean(check)
                return
        else:
            phases = self._keep(report, check, phases)
        if report.when not in ("setup", "call"):
            self._journal(check, phases)

    def _keep(self, report: pytest.TestReport, check: str, phases: _Phases) -> _Phases:
        """Keep a report that says more than that one phase passed."""
        sent: str | None = getattr(report, "metarelease", None)
        facts = json.loads(sent) if sent else _NO_FACTS
        found = (*phases, _phase(report, facts, self._attempt(report, check)))
        self.phases[check] = found
        if "digest" in facts:
            self.sealed[check] = facts["digest"]
        if "shared" in facts:
            self.shared.add(check)
        return found

    def _passed_in(self, node: Any) -> _Passed:
        """Return what is kept of checks that pass in the process of ``node``, seen first."""
        found = self._known[node] = _Passed("main" if node is None else str(node.gateway.id))
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

    def _journal(self, check: str, phases: _Phases) -> None:
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
