"""The occasion of an approval: which release, where, judged when.

Whether an approval is good for it is in ``waivers`` and ``sign_offs``; nothing here looks at one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pytest_metarelease.approvals.moments import read_moment
from pytest_metarelease.checklist import Checklist

if TYPE_CHECKING:
    from pytest_metarelease.gate.values import Record

CLOCK_DIFFERENCE = timedelta(minutes=5)
"""What two machines may differ by (DESIGN 4)."""

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Occasion:
    """The release that is judged, as it is on record, and the moment of judging."""

    checklist: Checklist
    version: str
    commit: str
    now: datetime

    @classmethod
    def of(cls, checklist: Checklist, record: Record, now: str) -> Occasion:
        """Return the occasion of one decision; with an unreadable time every approval is over."""
        try:
            moment = datetime.fromisoformat(now)
        except (TypeError, ValueError):
            moment = _NEVER
        aware = moment if moment.tzinfo else _NEVER
        return cls(checklist, record.release_version, record.release_commit, aware)

    @property
    def release(self) -> str:
        """The name of the release."""
        return self.checklist.manifest.release.name

    def is_over(self, expires: str) -> bool:
        """Return whether a moment has come; one that cannot be read has."""
        try:
            return read_moment(expires) <= self.now
        except ValueError:
            return True

    def age(self, at: str) -> timedelta | None:
        """Return how long ago a moment was; None where it is to come, or cannot be read."""
        try:
            age = self.now - read_moment(at)
        except (ValueError, OverflowError):
            return None
        return None if age < -CLOCK_DIFFERENCE else max(age, timedelta(0))
