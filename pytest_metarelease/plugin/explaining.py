"""What a failed check shows: expected, actual, where it was read, what next; no traceback of ours.

Changes only the text of a report, never its outcome.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import NotReadyError, ProbeError, UnmetError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


class Explaining:
    """Shortens the reports of our own errors where no verdict is made; else `Recording` does."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        self._redact = redact

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Replace the traceback of an error of ours by what it says and how to run it again."""
        report = yield
        shorten(report, call, self._redact)
        return report


def shorten(
    report: pytest.TestReport, call: pytest.CallInfo[None], redact: Callable[[str], str]
) -> None:
    """Put what an error of ours says in the place of its traceback; leave those of others."""
    error = call.excinfo.value if call.excinfo is not None else None
    if not report.failed or not isinstance(error, UnmetError | ProbeError):
        return
    lines = "\n".join(f"  {line}" for line in redact(str(error)).splitlines())
    report.longrepr = (
        f"{_title(error)}: {_place(call, report)}\n{lines}\n  again     {_again(report)}"
    )


def _title(error: Exception) -> str:
    if isinstance(error, NotReadyError):
        return "not run"
    return "failed" if isinstance(error, UnmetError) else "could not ask"


def _place(call: pytest.CallInfo[None], report: pytest.TestReport) -> str:
    """Return the last line of the user's own file on the way to the error."""
    file = str(report.location[0])
    entries = call.excinfo.traceback if call.excinfo is not None else ()
    lines = [entry.lineno + 1 for entry in entries if str(entry.path).endswith(file)]
    return f"{file}:{lines[-1]}" if lines else file


def _again(report: pytest.TestReport) -> str:
    return f"pytest '{report.nodeid}'"
