"""What the API's endpoints share: its plan, its database, what it has measured of itself.

Refuses to know about HTTP.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_metarelease.sandbox.database import Database
from pytest_metarelease.sandbox.orders import Row
from pytest_metarelease.sandbox.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


@dataclass(slots=True)
class Recent:
    """The last thousand durations (seconds) and how many of them were errors."""

    durations: deque[float] = field(default_factory=lambda: deque(maxlen=1000))
    errors: deque[bool] = field(default_factory=lambda: deque(maxlen=1000))

    def add(self, seconds: float, *, error: bool = False) -> None:
        """Remember one."""
        self.durations.append(seconds)
        self.errors.append(error)

    @property
    def average(self) -> str:
        """Mean duration with its unit: "12ms"; "0ms" before anything was measured."""
        count = len(self.durations)
        return f"{round(1000 * sum(self.durations) / count) if count else 0}ms"

    @property
    def error_rate(self) -> str:
        """Share of errors with its unit: "0.1%"."""
        count = len(self.errors)
        return f"{round(100 * sum(self.errors) / count, 1) if count else 0.0}%"


@dataclass(frozen=True, slots=True)
class State:
    """One API process."""

    plan: Plan
    version: str
    commit: str
    database: Database
    phantom: Row | None
    workers: ThreadPoolExecutor
    requests: Recent
    queries: Recent
    releasing: asyncio.Lock

    async def query(self, ask: Callable[..., T], *arguments: Any) -> T:
        """Run ``ask(database, *arguments)`` off the event loop and remember how long it took.

        Raises:
            Unavailable: the database is gone.
            Duplicate: a unique key is taken.
        """
        started = time.perf_counter()
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self.workers, ask, self.database, *arguments)
        finally:
            self.queries.add(time.perf_counter() - started)
