"""Time as probes need it: the moment of asking, and deadlines that count from one start.

It never measures with the wall clock: a step of that clock would shorten or lengthen a wait.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime


def utc_now() -> str:
    """Return this moment in UTC, RFC 3339 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock, and how many seconds it was away when it was set."""

    moment: float
    seconds: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the deadline that is ``seconds`` from now."""
        return cls(time.monotonic() + seconds, seconds)

    @property
    def remaining(self) -> float:
        """Seconds that are left, negative when the deadline has passed."""
        return self.moment - time.monotonic()

    @property
    def passed(self) -> bool:
        """Whether nothing is left."""
        return self.remaining <= 0

    @property
    def elapsed(self) -> float:
        """Seconds since the deadline was set."""
        return self.seconds - self.remaining


def sleep_within(seconds: float, deadline: Deadline) -> None:
    """Sleep for ``seconds``, but not beyond ``deadline``."""
    time.sleep(max(0.0, min(seconds, deadline.remaining)))
