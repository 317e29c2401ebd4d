"""Failures in pools of threads or processes, of which nobody asked the future: it keeps them.

Nothing here judges. A future that is given up with a failure that nobody has seen is told; one that
somebody still holds may be asked later, and is left alone.
"""

from __future__ import annotations

import contextlib
import weakref
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_ASKING = ("result", "exception")


class LostFutures:
    """Listens to all futures of this process until ``stop``; ``tell`` is given a text for each."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        # By the id of a future that failed, for as long as it lives and nobody has asked.
        self._failed: dict[int, tuple[weakref.ref[Any], str]] = {}
        self._own: Any = {name: getattr(Future, name) for name in (*_ASKING, "set_exception")}
        own_set: Any = Future.set_exception

        def set_exception(future: Any, exception: BaseException | None) -> None:
            if exception is not None:
                # Before it is told: whoever waits for it may be faster than we are.
                self._keep(future, exception)
            try:
                own_set(future, exception)
            except BaseException:
                self._failed.pop(id(future), None)  # it was over already
                raise

        setattr(Future, "set_exception", set_exception)  # noqa: B010 - a method of a class
        for name in _ASKING:
            setattr(Future, name, self._asking(name))

    def stop(self) -> None:
        """Leave futures as they were."""
        for name, method in self._own.items():
            setattr(Future, name, method)

    def _keep(self, future: Any, exception: BaseException) -> None:
        text = type(exception).__name__
        with contextlib.suppress(Exception):  # what it says may fail as well
            text = f"{text}: {exception!s:.500}"

        def gone(_: object, key: int = id(future)) -> None:
            kept = self._failed.pop(key, None)
            if kept is not None:
                self._tell(kept[1])

        self._failed[id(future)] = (weakref.ref(future, gone), text)

    def _asking(self, name: str) -> Callable[..., Any]:
        own = self._own[name]

        def asked(future: Any, timeout: float | None = None) -> Any:
            __tracebackhide__ = True
            try:
                return own(future, timeout)
            finally:
                if future.done():
                    self._failed.pop(id(future), None)
                # As the standard library does it: else its exception's traceback keeps the future.
                future = None

        return asked
