"""The session of a run in the process that controls it: tombstone, target, decision, exit code.

What pytest tells goes in as values; the verdict comes from ``gate`` and nothing here changes it,
except that a later surprise may worsen it.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import MetareleaseError, UsageError
from pytest_metarelease.gate.values import Finding, Reason, Verdict
from pytest_metarelease.plugin import closing, suspicion
from pytest_metarelease.plugin.session_target import target_of
from pytest_metarelease.plugin.sharing import shared, stop_sandbox
from pytest_metarelease.reports.packet import Packet

if TYPE_CHECKING:
    from collections.abc import Generator

    from pytest_metarelease.gate.values import Decision
    from pytest_metarelease.plugin.collection import Collection
    from pytest_metarelease.plugin.recording import Recording
    from pytest_metarelease.plugin.state import Run

_OURS = ("collection", "fixtures", "recording", "session")


class GatedSession:
    """One gated run, from the tombstone to the exit code."""

    def __init__(self, run: Run, config: pytest.Config) -> None:
        self.run = run
        self.config = config
        self.findings: list[Finding] = []
        self.decision: Decision | None = None
        self.exit_code: int | None = None
        self._usage_problem = ""
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
        self._prepare_allure()

    def _prepare_allure(self) -> None:
        option = self.config.option
        if getattr(option, "allure_report_dir", "absent") is None:
            option.allure_report_dir = str(self.packet.folder / "allure-results")
        if getattr(option, "allure_report_dir", None):
            from pytest_metarelease.reports.allure import write_incomplete

            self._clean_allure(option)
            write_incomplete(
                Path(option.allure_report_dir), self.run.run_id, self.run.manifest.release.name
            )

    def _clean_allure(self, option: Any) -> None:
        """Do what ``--clean-alluredir`` asks for once, here.

        Allure would do it in every process, and the replacement of a crashed worker would delete
        what was written before.
        """
        if option.clean_alluredir:
            shutil.rmtree(option.allure_report_dir, ignore_errors=True)
            option.clean_alluredir = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Prepare the target before the first test is collected, and before workers start."""
        manager = session.config.pluginmanager
        missing = [name for name in _OURS if not manager.has_plugin(f"metarelease: {name}")]
        if missing:
            raise pytest.UsageError(f"parts of pytest-metarelease were switched off: {missing}")
        try:
            target_of(session.config)
        except UsageError as error:
            raise pytest.UsageError(str(error)) from error
        except MetareleaseError as error:
            raise pytest.UsageError(f"the target could not be prepared: {error}") from error

    def pytest_report_header(self) -> list[str]:
        """Say what is judged, where, and over which items."""
        return closing.header(self.run, target_of(self.config), self._collection.scope())

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker of xdist which run it belongs to."""
        node.workerinput["metarelease"] = shared(self.run)

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
        self.findings += suspicion.of_warning(warning_message, nodeid)

    def pytest_internalerror(self, excrepr: object) -> None:
        """Pytest itself failed."""
        self.findings.append(suspicion.of_internal_error(excrepr))

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """The run was ended before its time."""
        self.findings.append(suspicion.of_interrupt(excinfo))

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Decide, write and set the exit code, before the terminal summary is printed."""
        yield
        pytest_exit = int(session.exitstatus)
        self._stop_target()
        try:
            self.decision = closing.decide_run(self, pytest_exit)
            closing.write(self.decision, self.packet, self.config)
        except (OSError, MetareleaseError) as error:
            self._cannot_write(session, error)
            return
        if pytest_exit in (0, 1) and not self.run.gate.advisory:
            session.exitstatus = self.decision.exit_code
        self.exit_code = int(session.exitstatus)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the verdict."""
        if self.decision is not None:
            closing.print_decision(
                terminalreporter, self.decision, self.packet.folder, self.run.gate
            )

    def pytest_unconfigure(self) -> None:
        """Give up the packet folder and what was shared."""
        self._stop_target()
        self.packet.release()
        shutil.rmtree(self.run.shared, ignore_errors=True)

    def worsen(self, why: str) -> None:
        """Replace the decision on disk by a HOLD: something went wrong after it was made."""
        with contextlib.suppress(OSError, MetareleaseError):
            self.packet.write_tombstone(
                run_id=self.run.run_id,
                started_at=self.run.started_at,
                why=why,
                state="overtaken",
            )

    @property
    def _collection(self) -> Collection:
        found: Any = self.config.pluginmanager.get_plugin("metarelease: collection")
        return found  # type: ignore[no-any-return]

    @property
    def recording(self) -> Recording:
        """The recording of this process, where the reports of all processes arrive."""
        found: Any = self.config.pluginmanager.get_plugin("metarelease: recording")
        return found  # type: ignore[no-any-return]

    def bindings(self) -> dict[str, tuple[str, ...]]:
        """Return which checks this process collected for which items; none under xdist."""
        return self._collection.bindings

    def scope(self) -> Any:
        """Return the scope of the run."""
        return self._collection.scope()

    def _stop_target(self) -> None:
        stop_sandbox(self.run)

    def _cannot_write(self, session: pytest.Session, error: Exception) -> None:
        text = f"the packet could not be written, so there is no verdict: {error}"
        self.worsen(text)
        session.exitstatus = Verdict.HOLD.exit_code
        self.exit_code = session.exitstatus
        reporter: Any = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.write_line(text, red=True)


class _LastWord:
    """Runs after every other plugin: what was decided may only get worse from here on."""

    def __init__(self, session: GatedSession) -> None:
        self._gated = session

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Notice an exit status that somebody else changed after the decision."""
        yield
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
