"""Moments as approvals write them: RFC 3339 with a zone.

Refuses dates without a time and times without a zone: nobody knows when those are over.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?(?:[Zz]|[+-]\d{2}:\d{2})", re.ASCII
)
EXAMPLE = "2026-12-31T18:00:00Z"


def read_moment(text: str) -> datetime:
    """Return the moment that ``text`` names.

    Raises:
        ValueError: It is not RFC 3339 with a zone; the text says what to write.
    """
    if MOMENT.fullmatch(text) is not None:
        try:
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise ValueError(f"is no time with its zone; write for example {EXAMPLE}")


def write_moment(moment: datetime) -> str:
    """Return a moment as UTC, RFC 3339, whole seconds."""
    whole = moment.astimezone(UTC).replace(microsecond=0)
    return whole.isoformat().replace("+00:00", "Z")
