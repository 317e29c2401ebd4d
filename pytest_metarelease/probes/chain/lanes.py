"""Several exchanges at once, a bounded number in flight, their results in the order of the work.

Refuses to hide an error: the first one, in that order, is raised, and what has not begun by then
never begins.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

W = TypeVar("W")
R = TypeVar("R")


class Lanes:
    """At most ``most`` threads, made when first needed, each of which keeps its connection."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._mine = threading.local()
        self._pool: ThreadPoolExecutor | None = None

    def in_order(self, work: Callable[[W], R], pieces: Iterable[W]) -> Iterator[R]:
        """Yield ``work(piece)`` for each piece; ``pieces`` are taken only as far as lanes are free.

        Work that itself asks for lanes gets none: it is done where it stands, one by one.
        """
        if getattr(self._mine, "inside", False):
            yield from map(work, pieces)
            return
        pool = self._opened()
        flying: deque[Future[R]] = deque()
        source = iter(pieces)
        try:
            while True:
                while len(flying) < self._most and (piece := next(source, _END)) is not _END:
                    flying.append(pool.submit(work, piece))  # type: ignore[arg-type]
                if not flying:
                    return
                yield flying.popleft().result()
        finally:
            for one in flying:
                one.cancel()

    def close(self) -> None:
        """Wait for what is in flight, each of which has a deadline, and end the threads."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _opened(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._most, "rpc", self._enter)
        return self._pool

    def _enter(self) -> None:
        self._mine.inside = True


_END = object()
