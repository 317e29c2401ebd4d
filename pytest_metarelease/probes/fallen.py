"""A part that was healthy and is measurably down: waiting longer for its service is no use.

It refuses to take the service's word: what that says of a part only makes us look ourselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.errors import ProbeError
from pytest_metarelease.evidence import ReachSample
from pytest_metarelease.probes.reach import reach

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_metarelease.probes.sql import DatabaseProbe

_KIND = "database:"


class FallenPart:
    """Why to end a wait for health, for ``wait_until_healthy(give_up=...)``.

    ``agrees`` are the declared subjects behind each part; those that are in ``databases`` (name ->
    probe) are measured. ``service`` is the subject that is waited for: it has just answered, which
    tells a database that is gone from a network of ours that is.
    """

    def __init__(
        self,
        agrees: Mapping[str, Sequence[str]],
        databases: Mapping[str, DatabaseProbe],
        service: str,
    ) -> None:
        self._agrees = agrees
        self._databases = databases
        self._service = service
        self._was_healthy: set[str] = set()

    def __call__(self, parts: Mapping[str, bool]) -> str | None:
        """Return why waiting is no use, or None; ``parts`` is what the last answer said of each."""
        self._was_healthy.update(name for name, healthy in parts.items() if healthy)
        for part in sorted(self._was_healthy):
            if parts.get(part, True):
                continue
            for subject in self._agrees.get(part, ()):
                if self._is_down(subject):
                    return f"{part} was healthy and {subject} cannot be reached any more"
        return None

    def _is_down(self, subject: str) -> bool:
        database = self._databases.get(subject.removeprefix(_KIND))
        if not subject.startswith(_KIND) or database is None:
            return False
        try:
            sample = reach(database, witness=lambda: self._service).measurement.sample
        except ProbeError:
            return False  # it answered, if only to refuse us
        return isinstance(sample, ReachSample) and sample.failed == sample.attempts > 0
