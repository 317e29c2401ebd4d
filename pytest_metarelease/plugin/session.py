"""The session of a run in the process that controls it: tombstone, target, decision, exit code.

What pytest tells goes in as values; the verdict comes from ``gate`` and nothing here changes it,
except that a later surprise may worsen it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import MetareleaseError, UsageError
from pytest_metarelease.gate.values import Finding, Reason, Verdict
from pytest_metarelease.plugin import (
    allure_folder,
    approving,
    carrying,
    closing,
    junit,
    shards,
    suspicion,
)
from pytest_metarelease.plugin.collector import undisturbed
from pytest_metarelease.plugin.last_look import LastLook
from pytest_metarelease.plugin.parts import refuse_missing_parts
from pytest_metarelease.plugin.session_target import redactor_of, target_of
from pytest_metarelease.plugin.sharing import shared, stop_sandbox
from pytest_metarelease.reports import markdown
from pytest_metarelease.reports.packet import Packet

if TYPE_CHECKING:
    from collections.abc import Generator

    from pytest_metarelease.gate.values import Decision
    from pytest_metarelease.plugin.collection import Collection
    from pytest_metarelease.plugin.gathering import Gathering
    from pytest_metarelease.plugin.recording import Recording
    from pytest_metarelease.plugin.state import Run


class GatedSession:
    """One gated run, from the tombstone to the exit code."""

    def __init__(self, run: Run, config: pytest.Config) -> None:
        self.run = run
        self.config = config
        self.findings: list[Finding] = []
        self.decision: Decision | None = None
        self.exit_code: int | None = None
        self._usage_problem = ""
        self._problems: list[str] = []
        self._pid = os.getpid()
        self._digest = ""
        self._xml: Any = None
        self._look = LastLook(config, run, redactor_of(config))
        self._approvals = approving.standing(run.root)
        self.carries = carrying.standing(config)
        try:
            self.packet = Packet.claim(
                run.packet,
                run_id=run.run_id,
                started_at=run.started_at,
                why="the run has not finished",
                state="unfinished",
            )
        except UsageError as error:
            raise pytest.UsageError(str(error)) from error
        config.pluginmanager.register(_LastWord(self), "metarelease: last word")
        allure_folder.settle(config, run)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Prepare the target before the first test is collected, and before workers start."""
        try:
            shards.refuse_too_many(self.run, self.scope())
            target_of(session.config)
        except UsageError as error:
            self.worsen(f"the run did not begin: {error}")
            raise pytest.UsageError(str(error)) from error
        except MetareleaseError as error:
            text = f"the target could not be prepared: {error}"
            self.worsen(text)
            raise pytest.UsageError(text) from error

    def pytest_report_header(self) -> list[str]:
        """Say what is judged, where, and over which items."""
        return closing.header(self.run, target_of(self.config), self._collection.scope())

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker of xdist which run it belongs to."""
        node.workerinput["metarelease"] = {
            **shared(self.run),
            "allure": allure_folder.folder_of(self.config),
        }

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object | None) -> None:
        """Note a lost worker, and raise what a worker could not raise."""
        self._usage_problem = getattr(node, "workeroutput", {}).get("metarelease_problem", "")
        if error:
            # Not a reason against GO by itself: every check of its own is looked at one by one.
            self.findings.append(
                Finding(
                    Verdict.GO,
                    Reason("worker-lost", f"worker {node.gateway.id} was lost: {error}"),
                )
            )
        if self._usage_problem:
            raise pytest.UsageError(self._usage_problem)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that could not be collected hides its checks."""
        self.findings += suspicion.of_collection(report)

    def pytest_warning_recorded(self, warning_message: Any, nodeid: str) -> None:
        """Some warnings mean that a test did not do what it seems to do."""
        here = self._collection.nodeid_of(nodeid) if nodeid else nodeid
        self.findings += suspicion.of_warning(warning_message, here)

    def pytest_internalerror(self, excrepr: object) -> None:
        """Pytest itself failed."""
        self.findings.append(suspicion.of_internal_error(excrepr))

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """The run was ended before its time."""
        self.findings.append(suspicion.of_interrupt(excinfo))

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Decide, write and set the exit code, before the terminal summary is printed."""
        if os.getpid() != self._pid:
            return (yield)  # a fork that came back out of a test: not the process that decides
        try:
            yield
        except BaseException as error:
            self.findings.append(suspicion.of_failed_end(error))
            self._decide(session)
            raise
        self._decide(session)

    def _decide(self, session: pytest.Session) -> None:
        pytest_exit = int(session.exitstatus)
        decision: Decision | None = None
        try:
            self.findings += suspicion.of_chain(target_of(self.config))
            gathered = closing.gather_approvals(self)
            self._stop_target()
            self.findings += suspicion.of_approvals(self._approvals, self.run.root)
            self.findings = [*self._look.masked(self.findings), *self._look.findings()]
            with undisturbed():
                decision = closing.decide_run(self, pytest_exit, gathered)
                self._digest = closing.write(decision, self.packet, self.config)
        except (OSError, MetareleaseError) as error:
            self._cannot_write(session, str(error), decision)
            return
        except Exception:  # noqa: BLE001 - a defect of ours must not look like a NO-GO
            self._cannot_write(session, traceback.format_exc(), decision)
            return
        self.decision = decision
        # pytest ends with 5 where there is nothing to run; a GO over signed items is one still.
        ours = pytest_exit in (0, 1) or decision.verdict is Verdict.GO
        if ours and not self.run.gate.advisory:
            session.exitstatus = decision.exit_code
        self.exit_code = int(session.exitstatus)
        self._problems = [
            closing.append_summary(markdown.render(decision)),
            junit.finish(self.config, decision),
        ]
        # pytest forgets its writer before the last look.
        self._xml = junit.writer(self.config)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the verdict."""
        if self.decision is not None:
            closing.print_decision(
                terminalreporter, self.decision, self.packet.folder, self._digest, self.run.gate
            )
        for problem in filter(None, self._problems):
            terminalreporter.write_line(problem, yellow=True)

    def pytest_unconfigure(self) -> None:
        """Give up the packet folder and what was shared."""
        if os.getpid() != self._pid:
            return
        self._stop_target()
        self.packet.release()
        shutil.rmtree(self.run.shared, ignore_errors=True)

    def worsen(self, why: str) -> None:
        """Replace a GO on disk by a HOLD: something went wrong after it was made.

        A worse verdict stands: what went wrong later does not undo what was seen.
        """
        if self.decision is not None and self.decision.verdict is not Verdict.GO:
            return
        why = redactor_of(self.config).mask(why)
        with contextlib.suppress(OSError, MetareleaseError):
            self.packet.write_tombstone(
                run_id=self.run.run_id,
                started_at=self.run.started_at,
                why=why,
                state="overtaken",
            )
        if self.decision is not None:
            self._take_back(self.decision, why)

    def _take_back(self, decision: Decision, why: str) -> None:
        """Tell the readers of copies: what they show of the GO is no longer so."""
        said = f"the GO is taken back: {why}"
        closing.append_summary(f"**HOLD**: {said}")
        # Each by itself; the packet, which a deploy job reads, says so already.
        with contextlib.suppress(OSError, MetareleaseError):
            junit.take_back(self._xml, said)
        folder = allure_folder.folder_of(self.config)
        if folder:
            from pytest_metarelease.reports.allure import write_taken_back

            with contextlib.suppress(OSError, MetareleaseError):
                write_taken_back(decision, Path(folder), said)

    def look_again(self, session: pytest.Session) -> None:
        """Look for secrets in what was written after the decision; a GO does not survive one."""
        if self.exit_code is None or os.getpid() != self._pid:
            return
        found = self._look.findings()
        if not found:
            return
        text = "; ".join(f"{one.reason.code}: {one.reason.text}" for one in found)
        if self.decision is not None and self.decision.verdict is Verdict.GO:
            self.worsen(redactor_of(self.config).mask(text))
            if self.exit_code == 0 and not self.run.gate.advisory:
                session.exitstatus = self.exit_code = Verdict.HOLD.exit_code
        reporter: Any = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.write_line(f"after the decision: {text}", red=True)

    @property
    def _collection(self) -> Collection:
        found: Any = self.config.pluginmanager.get_plugin("metarelease: collection")
        return found  # type: ignore[no-any-return]

    @property
    def recording(self) -> Recording:
        """The recording of this process: its notebook and its ledger."""
        found: Any = self.config.pluginmanager.get_plugin("metarelease: recording")
        return found  # type: ignore[no-any-return]

    @property
    def gathering(self) -> Gathering:
        """The reports of all processes."""
        found: Any = self.config.pluginmanager.get_plugin("metarelease: gathering")
        return found  # type: ignore[no-any-return]

    def bindings(self) -> dict[str, tuple[str, ...]]:
        """Return which checks this process collected for which items; none under xdist."""
        return self._collection.bindings

    def scope(self) -> Any:
        """Return the scope of the run."""
        return self._collection.scope()

    def _stop_target(self) -> None:
        stop_sandbox(self.run)

    def _cannot_write(self, session: pytest.Session, why: str, decision: Decision | None) -> None:
        """Say that nothing could be written; what was decided before that can only be worse."""
        text = f"the packet could not be written, so there is no verdict: {why}"
        text = redactor_of(self.config).mask(text)
        self.worsen(text)
        seen = Verdict.HOLD if decision is None else decision.verdict
        verdict = max(Verdict.HOLD, seen, key=lambda one: one.rank)
        session.exitstatus = verdict.exit_code
        self.exit_code = session.exitstatus
        reporter: Any = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.write_line(text, red=True)


class _LastWord:
    """Runs after every other plugin: what was decided may only get worse from here on."""

    def __init__(self, session: GatedSession) -> None:
        self._gated = session
        self._session: pytest.Session | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Refuse to start without a part of ours; one that is missing cannot say so itself."""
        refuse_missing_parts(session.config)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Take back the decision where the end of the session failed or changed it."""
        self._session = session
        try:
            yield
        except BaseException as error:
            self._overtaken_by(error, session)
            raise
        self._compare(session)
        self._gated.look_again(session)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_unconfigure(self) -> Generator[None, None, None]:
        """Do not let anybody turn the exit status into 0 after the end of the session."""
        yield
        if self._session is not None:
            self._gated.look_again(self._session)
        ours, session = self._gated.exit_code, self._session
        if session is not None and ours and int(session.exitstatus) == 0:
            session.exitstatus = ours

    def _overtaken_by(self, error: BaseException, session: pytest.Session) -> None:
        """Leave nothing better than HOLD behind: what ran last did not end as it should."""
        if not self._gated.exit_code:
            self._gated.worsen(f"the end of the session failed: {type(error).__name__}: {error}")
        session.exitstatus = self._gated.exit_code or Verdict.HOLD.exit_code
        if isinstance(error, pytest.exit.Exception):
            # pytest would exit by this code, which may be 0.
            error.returncode = session.exitstatus

    def _compare(self, session: pytest.Session) -> None:
        """Notice an exit status that somebody else changed after the decision."""
        ours = self._gated.exit_code
        if ours is None or int(session.exitstatus) == ours:
            return
        if ours == 0:
            self._gated.worsen(
                f"the exit status was changed from 0 to {int(session.exitstatus)} after the "
                "decision; look for the plugin that does so"
            )
            if int(session.exitstatus) == 1:
                session.exitstatus = Verdict.HOLD.exit_code
        elif not self._gated.run.gate.advisory:
            session.exitstatus = ours
