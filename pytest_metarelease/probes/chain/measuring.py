"""How every chain probe records: a measurement for each question, unknown where no answer came.

Nothing is asked here that the probe did not ask; texts are redacted by the recorder.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self, TypeVar

from pytest_metarelease.errors import ProbeError, UnmetError
from pytest_metarelease.evidence import Judgement, Measurement, Recorder, Sample
from pytest_metarelease.probes.reading import failure

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

PROBE = "rpc"


def now() -> str:
    """Return the time of the wall clock, UTC, RFC 3339."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Tally:
    """What went wrong in a series of comparisons that must all be made before one is raised."""

    def __init__(self) -> None:
        self._unmet: list[str] = []
        self._unknown: list[ProbeError] = []

    def failed(self, problem: UnmetError) -> None:
        """Count a comparison that does not hold."""
        self._unmet.append(str(problem))

    def unclear(self, problem: ProbeError) -> None:
        """Count a comparison that could not be made."""
        self._unknown.append(problem)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, problem: BaseException | None, _trace: object) -> bool:
        """Take what one comparison raised, so that the next one is made; mistakes go on."""
        if isinstance(problem, UnmetError):
            self.failed(problem)
        elif isinstance(problem, ProbeError):
            self.unclear(problem)
        else:
            return False
        return True

    def settle(self) -> None:
        """Return where nothing went wrong.

        Raises:
            UnmetError: Something was not as expected; all of it is named.
            ProbeError: Nothing was unmet, but something is unknown: of the first one's class.
        """
        if self._unmet:
            raise UnmetError("\n\n".join([*self._unmet, *map(str, self._unknown)]))
        if self._unknown:
            raise type(self._unknown[0])("\n".join(map(str, self._unknown)))


class Asking:
    """Questions about one subject (``contract:escrow``), each of which becomes a measurement."""

    def __init__(self, recorder: Recorder, subject: str, where: str = "") -> None:
        self.recorder = recorder
        self.subject = subject
        self.where = where

    def ask(
        self,
        asked: str,
        question: Callable[[], T],
        *,
        show: Callable[[T], str] = str,
        block: int | None = None,
        sample: Callable[[T], Sample] | None = None,
    ) -> tuple[T, Measurement]:
        """Ask, and record what came; a question without a usable answer is judged unknown.

        Raises:
            ProbeError: What ``question`` raised, after it is on record.
        """
        at, started = now(), time.perf_counter()
        try:
            value = question()
        except ProbeError as problem:
            self.unknown(self._record(asked, at, started, f"no answer: {problem}", block), problem)
            raise
        taken = sample(value) if sample is not None else None
        return value, self._record(asked, at, started, show(value), block, taken)

    def known(
        self, asked: str, answer: str, *, block: int | None = None, duration: float = 0.0
    ) -> Measurement:
        """Record what an earlier, shared question brought; ``duration`` is its time in seconds."""
        return self.recorder.measured(
            subject=self.subject,
            probe=PROBE,
            asked=asked,
            at=now(),
            duration=duration,
            answer=answer,
            block=block,
        )

    def met(self, measurement: Measurement, expected: str, actual: str) -> None:
        """Judge that the measurement is what was expected."""
        self.recorder.judge(
            measurement, Judgement.MET, expected=expected, actual=actual, where=self.where
        )

    def unmet(
        self, measurement: Measurement, expected: str, actual: str, next_step: str = ""
    ) -> UnmetError:
        """Judge that the measurement is not what was expected; return the error to raise."""
        self.recorder.judge(
            measurement,
            Judgement.UNMET,
            expected=expected,
            actual=actual,
            where=self.where,
            next_step=next_step,
        )
        return UnmetError(
            failure(
                expected=expected,
                actual=actual,
                read=f"{measurement.asked} {self.where}".strip(),
                next_step=next_step,
                redact=self.recorder.redact,
            )
        )

    def unknown(
        self, measurement: Measurement, problem: ProbeError | str, next_step: str = ""
    ) -> None:
        """Judge that the measurement says neither yes nor no."""
        self.recorder.judge(
            measurement,
            Judgement.UNKNOWN,
            expected="a usable answer",
            actual=str(problem),
            where=self.where,
            next_step=next_step,
        )

    def _record(
        self,
        asked: str,
        at: str,
        started: float,
        answer: str,
        block: int | None,
        sample: Sample | None = None,
    ) -> Measurement:
        return self.recorder.measured(
            subject=self.subject,
            probe=PROBE,
            asked=asked,
            at=at,
            duration=time.perf_counter() - started,
            answer=answer,
            block=block,
            sample=sample,
        )
