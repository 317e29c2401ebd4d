"""What every format comes to: findings with a severity, and what a scan says of itself.

It judges nothing. A severity that is not told is the worst one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import ProbeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


MOST_FINDINGS = 25_000
SEVERITIES = ("info", "low", "medium", "high", "critical")
_WORST = SEVERITIES[-1]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a tool found. ``note`` is what people should know beside it.

    ``id`` names it in reports and under `allow:`; it never holds what was found, such as a secret.
    """

    id: str
    severity: str
    note: str = ""

    def __str__(self) -> str:
        note = f", {self.note}" if self.note else ""
        return f"{self.id[:300]} ({self.severity}{note})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """One scan as its file tells it.

    ``problems`` are why it is not whole: it may still fail, but verifies nothing. ``revisions``
    has the commits that each run of the tool says it was of; empty where the format has no place
    for one. ``finished`` is the earliest end of a run, where all of them tell.
    """

    tools: tuple[str, ...]
    findings: tuple[Finding, ...]
    looked_at: str
    problems: tuple[ProbeError, ...] = ()
    revisions: tuple[frozenset[str], ...] = ()
    finished: datetime | None = None


def severity_of(word: object, words: Mapping[str, str]) -> tuple[str, str]:
    """Return the severity that a tool's word means, and a note where it means none."""
    known = words.get(word.lower()) if isinstance(word, str) else None
    return (_WORST, "severity not told") if known is None else (known, "")


def worse(one: str, other: str) -> str:
    """Return the worse of two severities."""
    return max(one, other, key=SEVERITIES.index)


def numbered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings with ids of their own: the second of one id gets ``#2`` behind it."""
    seen: Counter[str] = Counter()
    made = []
    for one in findings:
        seen[one.id] += 1
        count = seen[one.id]
        made.append(one if count == 1 else replace(one, id=f"{one.id}#{count}"))
    return tuple(made)


def objects(owner: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the objects of a list that may be missing.

    Raises:
        TypeError: It is no list of objects.
    """
    found = owner.get(key)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise TypeError(f"{key} is no list of objects")
    return found


def text(owner: Mapping[str, Any], key: str) -> str:
    """Return a text that must be there.

    Raises:
        KeyError: It is missing.
        TypeError: It is no text, or an empty one.
    """
    found = owner[key]
    if not isinstance(found, str) or not found:
        raise TypeError(f"{key} is no text")
    return found


def count(owner: Mapping[str, Any], key: str) -> int:
    """Return a count that must be there.

    Raises:
        KeyError: It is missing.
        TypeError: It is no count.
    """
    found = owner[key]
    if isinstance(found, bool) or not isinstance(found, int) or found < 0:
        raise TypeError(f"{key} is no count")
    return found


def moment(written: str) -> datetime:
    """Return a moment with its zone.

    Raises:
        ValueError: It is none.
    """
    found = datetime.fromisoformat(written)
    if found.tzinfo is None:
        raise ValueError(f"{written[:40]} has no zone")
    return found
