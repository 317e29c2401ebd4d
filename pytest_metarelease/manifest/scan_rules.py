"""What must hold of scans and of what is allowed in them, across their fields.

Refuses what would let a leaked secret pass for its severity, or many findings for one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.manifest.rule_parts import Broken, is_day, repeated

if TYPE_CHECKING:
    from pytest_metarelease.manifest.scanning import AllowedFinding, Scan


def scan(declared: Scan) -> Broken:
    """What a scan breaks."""
    if (declared.format == "sarif") != (declared.tool is not None):
        yield ("tool",), "belongs to format: sarif, which is of many tools, and to no other"
    if declared.about == "secrets" and declared.fails_at not in ("info", "low"):
        yield ("fails_at",), "a secret that leaked is not less so by its severity; write low"
    yield from repeated(tuple(one.id for one in declared.allow), ("allow",))


def allowed_finding(allowed: AllowedFinding) -> Broken:
    """What an allowed finding breaks."""
    if "*" in allowed.id:
        yield ("id",), "stands for one finding; a pattern is not read"
    if "${" not in allowed.expires and not is_day(allowed.expires):
        yield ("expires",), "is no day; write for example 2027-01-31"
