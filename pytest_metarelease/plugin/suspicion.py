"""What makes a run suspicious beside its test reports: each becomes a finding of the gate."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import ProbeError, WrongTargetError
from pytest_metarelease.gate.values import Finding, Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pytest_metarelease.approvals.model import Approvals
    from pytest_metarelease.plugin.target import Target

# Each of these means that a test passed without having done what it was written for. Names, and
# beginnings of messages whose category says too little.
_NOT_A_TEST = (
    "PytestUnhandledThreadExceptionWarning",
    "PytestUnraisableExceptionWarning",
    "PytestUnhandledCoroutineWarning",
    "PytestReturnNotNoneWarning",
    "PytestAssertRewriteWarning",
    "PytestCollectionWarning",
    "PytestUnknownMarkWarning",
)

_CLOCK_DIFFERENCE = 300.0  # seconds, what DESIGN 4 allows between two machines

_SAID = ("was never awaited", "deprecated to return a value that is not None from a test case")


def expose_warnings() -> None:
    """Undo filters that would hide them from us, for as long as pytest's own filters stand.

    A line `filterwarnings = ignore` is common, and so is the mark. Called for every test, so what
    follows from one set of filters is computed once.
    """
    if warnings.filters != _LATEST.filters:
        _LATEST.filters = list(warnings.filters)
        _LATEST.added = _exposing(tuple(warnings.filters))
    if _LATEST.added:
        # What warnings.filterwarnings does, for all at once.
        warnings.filters[:0] = _LATEST.added  # type: ignore[index]
        warnings._filters_mutated()  # type: ignore[attr-defined]  # noqa: SLF001


@dataclass(slots=True)
class _Latest:
    """The filters of the test before, mostly those of the next too, and what goes before them."""

    filters: list[Any] | None = None
    added: list[Any] = field(default_factory=list)


_LATEST = _Latest()


@lru_cache(maxsize=64)
def _exposing(present: tuple[Any, ...]) -> list[Any]:
    """Return the filters that put in front of ``present`` show what those would hide."""
    ignored = tuple(one[2] for one in present if one[0] == "ignore")
    with warnings.catch_warnings():
        warnings.resetwarnings()
        for name in _NOT_A_TEST:
            category = getattr(pytest, name, None)
            if category is not None and issubclass(category, ignored):
                warnings.filterwarnings("always", category=category)
        for category in (RuntimeWarning, DeprecationWarning):
            if issubclass(category, ignored):
                for part in _SAID:
                    warnings.filterwarnings("always", message=f".*{part}", category=category)
        return list(warnings.filters)


def listening() -> tuple[Any, Any, Any]:
    """Return the hooks of the interpreter by which errors of threads and destructors arrive."""
    return threading.excepthook, sys.unraisablehook, warnings.showwarning


def warn_of_replaced(before: tuple[Any, Any, Any]) -> None:
    """Put back the hooks ``before`` where a check replaced one, and warn: it hid what failed."""
    now = listening()
    if now == before:
        return
    threading.excepthook, sys.unraisablehook, warnings.showwarning = before
    names = ("threading.excepthook", "sys.unraisablehook", "warnings.showwarning")
    replaced = [name for name, one, other in zip(names, now, before, strict=True) if one != other]
    text = f"{', '.join(replaced)} replaced by a check: what failed there was not seen"
    warn_unraisable(text)


def warn_unraisable(text: str) -> None:
    """Warn of what nobody could raise, so that it is recorded whatever filters are set.

    Where warnings are errors it would be raised into code that swallows it, or into pytest.
    """
    warn_as(pytest.PytestUnraisableExceptionWarning, text)


def warn_as(category: type[Warning], text: str) -> None:
    """Warn of something so that it is recorded whatever filters are set."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(text, category, stacklevel=4)


def of_collection(report: pytest.CollectReport) -> Sequence[Finding]:
    """Return the finding of a file that could not be collected, or was skipped as a whole."""
    if report.outcome == "passed":
        return ()
    nodeid = str(report.nodeid)
    if report.outcome == "skipped":
        text = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else ""
        reason = Reason(
            "collection-skipped",
            f"{nodeid} was skipped as a whole, with every check in it: {text}",
            "install or configure what it needs",
        )
    else:
        last = [line for line in str(report.longreprtext).splitlines() if line.strip()][-1:]
        reason = Reason(
            "collection-error",
            f"{nodeid} could not be collected: {last[0].strip() if last else 'unknown error'}",
            f"mend the file; pytest --collect-only {nodeid} shows the whole error",
        )
    return (Finding(Verdict.HOLD, reason, nodeid),)


def of_warning(message: Any, nodeid: str) -> Sequence[Finding]:
    """Return the finding of a warning that means a failure, if it is one."""
    name = message.category.__name__
    text = str(message.message)
    if name not in _NOT_A_TEST and not any(part in text for part in _SAID):
        return ()
    reason = Reason(
        "warning-is-failure",
        f"{nodeid or 'the run'}: {name}: {text.splitlines()[0] if text else ''}",
        "mend the test: it did not do what it seems to do",
    )
    return (Finding(Verdict.HOLD, reason, nodeid or None),)


def of_internal_error(excrepr: object) -> Finding:
    """Return the finding of an error inside pytest or a plugin."""
    lines = [line for line in str(excrepr).splitlines() if line.strip()]
    text = lines[-1] if lines else "unknown"
    return Finding(
        Verdict.HOLD,
        Reason("internal-error", f"pytest failed internally: {text}", "run it again; then report"),
    )


def of_interrupt(excinfo: pytest.ExceptionInfo[BaseException]) -> Finding:
    """Return the finding of a run that was ended before its time."""
    return Finding(
        Verdict.HOLD,
        Reason(
            "run-interrupted",
            f"the run was ended before its time: {excinfo.typename} {excinfo.value}".strip(),
            "run it again and let it finish",
        ),
    )


def of_failed_end(error: BaseException) -> Finding:
    """Return the finding of a session whose end raised: what comes last may not have happened."""
    text = f"the end of the session failed: {type(error).__name__}: {error}".strip(": ")
    return Finding(
        Verdict.HOLD,
        Reason("session-end-failed", text, "look for the plugin or conftest that raised it"),
    )


def of_approvals(before: Approvals, root: Path) -> Sequence[Finding]:
    """Return that approvals changed during the run: what is judged must not waive itself."""
    from pytest_metarelease.plugin.approving import standing

    if standing(root) == before:
        return ()
    text = "release-approvals/ changed while the run was going on"
    step = "look for the test that writes there; give approvals before or after a run"
    return (Finding(Verdict.HOLD, Reason("approvals-changed", text, step)),)


def of_shared_teardown(nodeid: str) -> Finding:
    """Return that a fixture of several checks failed at its end, with whichever came last."""
    text = f"{nodeid}: a fixture that other checks may share failed at its end"
    step = "mend the fixture or what it found: it may be any of these checks that left it so"
    return Finding(Verdict.HOLD, Reason("shared-teardown-failed", text, step), nodeid)


def of_clock(said: str) -> Sequence[Finding]:
    """Return that this process's clock is not the machine's: frozen, patched, or moved by a test.

    A file that is written now has the kernel's time, whatever Python is made to believe. Expiry
    dates of approvals are compared with ``said``, so that an old clock would keep them alive.
    """
    import tempfile

    step = "look for a test or conftest that freezes or moves time and does not put it back"
    try:
        with tempfile.TemporaryFile() as file:
            written = os.fstat(file.fileno()).st_mtime
    except OSError as error:
        text = f"the clock of the run could not be compared with the machine's: {error}"
        return (Finding(Verdict.HOLD, Reason("clock-unknown", text, "free the disk")),)
    apart = datetime.fromisoformat(said).timestamp() - written
    if abs(apart) <= _CLOCK_DIFFERENCE:
        return ()
    text = f"the clock of the run says {said}, which is {apart:+.0f} s from the machine's"
    return (Finding(Verdict.HOLD, Reason("clock-differs", text, step)),)


def of_chain(target: Target) -> Sequence[Finding]:
    """Return why what was read of the chain is unknown, if the pinned block is gone."""
    if target.prepared.snapshot is None:
        return ()
    from pytest_metarelease.plugin.doors import recheck_chain

    try:
        recheck_chain(target.environment, target.prepared.snapshot)
    except WrongTargetError as error:
        step = "run it again; if it happens often, ask for more confirmations"
        return (Finding(Verdict.HOLD, Reason("chain-moved", target.redact(str(error)), step)),)
    except ProbeError as error:
        text = f"the pinned block could not be asked for again: {target.redact(str(error))}"
        step = "run it again when the node answers"
        return (Finding(Verdict.HOLD, Reason("chain-not-rechecked", text, step)),)
    return ()
