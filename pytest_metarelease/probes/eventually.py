"""Trying again until something holds, at the longest a given time.

It refuses to try again what will never be allowed or supported, and to run without an end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pytest_metarelease.errors import (
    ForbiddenError,
    ProbeError,
    UnmetError,
    UnsupportedError,
    UsageError,
)
from pytest_metarelease.manifest.amounts import read_seconds
from pytest_metarelease.probes.clock import Deadline, sleep_within

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.evidence import Recorder

T = TypeVar("T")


class Eventually:
    """``eventually(lambda: api.get("/x").expect(200), within="10s")``.

    Only the last try is judged; all of them are on record.
    """

    def __init__(
        self, recorder: Recorder, *, pause: Callable[[float, Deadline], None] = sleep_within
    ) -> None:
        self._recorder = recorder
        self._pause = pause

    def __call__(
        self, call: Callable[[], T], *, within: float | str = 10.0, every: float = 0.2
    ) -> T:
        """Return what ``call`` returns, once it raises neither an unmet nor a probe error.

        Args:
            call: What to try; it must ask anew each time.
            within: Seconds, or a duration such as ``"10s"``.
            every: Seconds between tries; longer where a service asks to come back later.

        Raises:
            UnmetError, ProbeError: What the last try raised, with the number of tries and the time.
            ForbiddenError, UnsupportedError: At once; trying again would not change them.
            UsageError: ``within`` is no duration.
        """
        deadline = Deadline.after(_seconds(within))
        tries = 0
        while True:
            tries += 1
            mark = self._recorder.mark()
            try:
                return call()
            except (ForbiddenError, UnsupportedError):
                raise
            except (UnmetError, ProbeError) as error:
                wait = max(every, getattr(error, "retry_after", None) or 0.0)
                if deadline.remaining <= wait:
                    raise _ended(error, tries, deadline) from None
            self._recorder.supersede(mark)
            self._pause(wait, deadline)


def _seconds(within: float | str) -> float:
    try:
        return read_seconds(within) if isinstance(within, str) else float(within)
    except ValueError as error:
        raise UsageError(f"within: {error}") from None


def _ended(
    error: UnmetError | ProbeError, tries: int, deadline: Deadline
) -> UnmetError | ProbeError:
    times = "once" if tries == 1 else f"{tries} times"
    text = f"{error}\ntried     {times} in {deadline.elapsed:.1f} s of {deadline.seconds:g} s"
    return type(error)(text)
