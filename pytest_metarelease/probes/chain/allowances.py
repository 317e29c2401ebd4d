"""Declared differences between deployed code and artifact, as far as they still count.

Refuses a difference whose last day has passed: it allows nothing, and is a finding itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pytest_metarelease.probes.chain.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_metarelease.manifest.contract_code import Difference


@dataclass(frozen=True, slots=True)
class Allowed:
    """``metadata`` whether other metadata counts; ``patches`` maps places to the bytes there."""

    metadata: bool = False
    immutables: frozenset[str] = frozenset()
    patches: Mapping[Span, bytes] | None = None
    expired: tuple[str, ...] = ()

    @classmethod
    def of(cls, differences: Iterable[Difference], today: str) -> Allowed:
        """Return what is allowed on ``today``, an ISO date."""
        every = list(differences)
        valid = [one for one in every if _counts(one, today)]
        return cls(
            metadata=any(one.facet == "metadata" for one in valid),
            immutables=frozenset(one.name for one in valid if one.name is not None),
            patches=dict(_patch(one) for one in valid if one.facet == "bytes"),
            expired=tuple(_words(one) for one in every if one not in valid),
        )


def _counts(one: Difference, today: str) -> bool:
    return date.fromisoformat(today) <= date.fromisoformat(one.expires)


def _patch(one: Difference) -> tuple[Span, bytes]:
    data = bytes.fromhex((one.actual or "0x")[2:])
    return Span(one.offset or 0, len(data)), data


def _words(one: Difference) -> str:
    what = {"immutable": f" {one.name}", "bytes": f" at {one.offset}"}.get(one.facet, "")
    return f"{one.facet}{what} expired on {one.expires} ({one.reason})"
