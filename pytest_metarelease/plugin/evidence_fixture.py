"""Evidence that a check brings itself, recorded and judged like that of our own probes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_metarelease.plugin.activation import now
from pytest_metarelease.probes.reading import Reading, show

if TYPE_CHECKING:
    from pytest_metarelease.evidence import Recorder


@dataclass(frozen=True, slots=True)
class EvidenceNotes:
    """The ``evidence`` fixture."""

    recorder: Recorder

    def measured(self, *, subject: str, asked: str, value: Any, duration: float = 0.0) -> Reading:
        """Record what you asked of whom and what came back; judge it with ``.expect(...)``.

        ``duration`` is in seconds. A value that is never judged verifies nothing.
        """
        measurement = self.recorder.measured(
            subject=subject,
            probe="own",
            asked=asked,
            at=now(),
            duration=duration,
            answer=show(value),
        )
        return Reading(value, asked, measurement, self.recorder)

    def fact(self, name: str, subject: str, value: str) -> None:
        """Record an identity of the target, such as a code hash, for the decision."""
        self.recorder.fact(name, subject, value)
