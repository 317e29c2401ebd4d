"""What failed or never began, and nobody asked: tasks of asyncio, coroutines, threads, futures.

Asyncio only logs its tasks; of others Python warns, which a check may keep to itself, or not even.

Nothing here judges: each becomes a warning of pytest's own kind for errors that nobody could
raise, and is treated as those of threads and destructors are.
"""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from typing import Any

import pytest

from pytest_metarelease.plugin.lost_futures import LostFutures
from pytest_metarelease.plugin.suspicion import warn_as, warn_unraisable

# What asyncio says of a task or future whose exception was never asked for.
_NEVER = "exception was never retrieved"


class LostTasks(logging.Handler):
    """Listens to asyncio's logger, from the start of the session to its end."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.never: list[tuple[type[Warning], str]] = []
        logging.getLogger("asyncio").addHandler(self)
        # What the interpreter calls; it has no public door.
        self._warn: Any = warnings._warn_unawaited_coroutine  # type: ignore[attr-defined]  # noqa: SLF001
        warnings._warn_unawaited_coroutine = self._never_awaited  # type: ignore[attr-defined]  # noqa: SLF001
        self.futures: list[str] = []
        self._listening = LostFutures(self.futures.append)

    def emit(self, record: logging.LogRecord) -> None:
        """Warn of it, where a test or the session records warnings."""
        text = record.getMessage()
        if _NEVER not in text:
            return
        error = record.exc_info[1] if record.exc_info else None
        said = f": {type(error).__name__}: {error}" if error is not None else ""
        first = text.splitlines()[0]
        warn_unraisable(f"asyncio: {first}{said}")

    def tell(self, *, failed: bool) -> None:
        """Warn of them again, where no filter and no list of a check is in between.

        In Python's own words, so that what was shown before is the same finding. A check that
        ``failed`` may well leave the futures behind that it would have asked next.
        """
        never, self.never = self.never, []
        while self.futures:
            text = f"a future failed in a pool, and nobody asked it: {self.futures.pop(0)}"
            if not failed:
                never.append((pytest.PytestUnraisableExceptionWarning, text))
        for category, text in never:
            warn_as(category, text)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self) -> None:
        """Listen outside of pytest's own hooks, which warn where a check may still filter."""
        in_thread, in_destructor = threading.excepthook, sys.unraisablehook

        def thread_failed(told: Any) -> None:
            name = "<unknown>" if told.thread is None else told.thread.name
            text = f"Exception in thread {name}"
            self.never.append((pytest.PytestUnhandledThreadExceptionWarning, text))
            in_thread(told)

        def destructor_failed(told: Any) -> None:
            text = f"{told.err_msg or 'Exception ignored in'}: {told.object!r}"
            self.never.append((pytest.PytestUnraisableExceptionWarning, text))
            in_destructor(told)

        threading.excepthook, sys.unraisablehook = thread_failed, destructor_failed

    def _never_awaited(self, coroutine: Any) -> None:
        name = str(coroutine.__qualname__)
        self.never.append((RuntimeWarning, f"coroutine '{name}' was never awaited"))
        if coroutine.cr_origin is not None:
            self._warn(coroutine)
        else:
            # As Python does it, which would point at us instead of at the line that dropped it.
            text = f"coroutine '{name}' was never awaited"
            warnings.warn(text, RuntimeWarning, stacklevel=2, source=coroutine)

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """Leave asyncio's logger, futures and Python's warnings as they were."""
        self._listening.stop()
        logging.getLogger("asyncio").removeHandler(self)
        warnings._warn_unawaited_coroutine = self._warn  # type: ignore[attr-defined]  # noqa: SLF001
