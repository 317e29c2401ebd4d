"""Tasks of asyncio that failed and that nobody awaited: asyncio only logs them.

Nothing here judges: each becomes a warning of pytest's own kind for errors that nobody could
raise, and is treated as those of threads and destructors are.
"""

from __future__ import annotations

import logging

import pytest

from pytest_metarelease.plugin.suspicion import warn_unraisable

# What asyncio says of a task or future whose exception was never asked for.
_NEVER = "exception was never retrieved"


class LostTasks(logging.Handler):
    """Listens to asyncio's logger, from the start of the session to its end."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        logging.getLogger("asyncio").addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Warn of it, where a test or the session records warnings."""
        text = record.getMessage()
        if _NEVER not in text:
            return
        error = record.exc_info[1] if record.exc_info else None
        said = f": {type(error).__name__}: {error}" if error is not None else ""
        first = text.splitlines()[0]
        warn_unraisable(f"asyncio: {first}{said}")

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """Leave asyncio's logger as it was."""
        logging.getLogger("asyncio").removeHandler(self)
