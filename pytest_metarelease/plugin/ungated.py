"""A session without a verdict: says so, and leaves no earlier GO beside itself."""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import UsageError
from pytest_metarelease.plugin.sharing import shared, stop_sandbox

if TYPE_CHECKING:
    from pytest_metarelease.plugin.state import Run


class UngatedSession:
    """A run without a verdict: says so, and does not leave an earlier GO beside itself."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._checks = 0

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker of xdist which run it belongs to."""
        node.workerinput["metarelease"] = shared(self.run)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Hear from a worker how many checks it collected, and what was wrong with them."""
        output = getattr(node, "workeroutput", {})
        self._checks = max(self._checks, int(output.get("metarelease_checks", 0)))
        if output.get("metarelease_problem"):
            raise pytest.UsageError(output["metarelease_problem"])

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Count the checks that this session has; a session without any is none of our business."""
        collection: Any = session.config.pluginmanager.get_plugin("metarelease: collection")
        here = (collection.nodeid_of(item.nodeid) for item in session.items)
        self._checks = sum(nodeid in collection.bindings for nodeid in here)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Replace an earlier packet by one that says that no verdict was made."""
        stop_sandbox(self.run)
        if not self._checks or session.config.option.collectonly:
            return
        if (self.run.packet / "decision.json").exists():
            from pytest_metarelease.reports.packet import Packet

            with contextlib.suppress(UsageError):
                Packet.claim(
                    self.run.packet,
                    run_id=self.run.run_id,
                    started_at=self.run.started_at,
                    why=f"the last run made no verdict: {self.run.gate.why}",
                    state="no verdict",
                ).release()

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """Say as the very last line that no verdict was made."""
        stop_sandbox(self.run)
        shutil.rmtree(self.run.shared, ignore_errors=True)
        reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None and self._checks:
            reporter.write_line(f"no release verdict was made: {self.run.gate.why}")
