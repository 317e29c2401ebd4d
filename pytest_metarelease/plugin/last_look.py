"""The search for secrets in what a gated run wrote: findings for the decision, and a last word.

Names files and variables, never a value; repairs nothing.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_metarelease.gate.values import Finding, Reason, Verdict
from pytest_metarelease.plugin.leaks import Search

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pytest

    from pytest_metarelease.plugin.state import Run
    from pytest_metarelease.redaction import Redactor

# Options by which plugins name a file that they write: --junit-xml, --report-log, --html,
# --json-report-file, --log-file, ...
_WRITES = re.compile(r"xml|html|json|log|report|output|csv|ctrf|dump")


class LastLook:
    """Looks at the artifacts of one run, before the decision and after everything else."""

    def __init__(self, config: pytest.Config, run: Run, redactor: Redactor) -> None:
        self._config = config
        self._packet = run.packet
        self._redactor = redactor
        self._search = Search(redactor.forms)
        self._unread_told = False

    def masked(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return the findings without the secrets that messages of others may hold."""
        mask = self._redactor.mask
        return [
            replace(one, reason=replace(one.reason, text=mask(one.reason.text))) for one in findings
        ]

    def findings(self) -> list[Finding]:
        """Return one finding for each new file and secret in it, and one for what was not read."""
        found = [
            Finding(
                Verdict.HOLD,
                Reason(
                    "secret-leaked",
                    f"{self._shown(leak.file)} holds the value of {leak.name}",
                    f"delete the file, change {leak.name} where it is valid, and look for the "
                    "test or plugin that writes it",
                ),
            )
            for leak in self._search.leaks(self._places())
        ]
        if self._search.unread and not self._unread_told:
            self._unread_told = True
            text = f"not searched for secrets: {self._search.unread}"
            found.append(
                Finding(
                    Verdict.HOLD, Reason("secrets-not-searched", text, "write less, or free it")
                )
            )
        return found

    def _places(self) -> Iterator[Path]:
        option: Any = self._config.option
        yield self._packet
        allure = getattr(option, "allure_report_dir", None)
        if allure:
            yield Path(allure)
        if self._config.pluginmanager.has_plugin("cacheprovider"):
            yield self._config.rootpath / str(self._config.getini("cache_dir"))
        summary = os.environ.get("GITHUB_STEP_SUMMARY")
        if summary:
            yield Path(summary)
        for name, value in vars(option).items():
            if isinstance(value, str | Path) and value and _WRITES.search(name):
                path = self._config.invocation_params.dir / value
                if path.is_file():
                    yield path

    def _shown(self, file: Path) -> str:
        path = os.path.relpath(file, self._config.invocation_params.dir)
        return self._redactor.mask(str(file) if path.startswith("..") else path)
