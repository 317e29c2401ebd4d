"""The JSON of ``pip-audit``: known vulnerabilities of Python packages.

It has no severities, so each finding counts as the worst. A package that was left out was not
audited. https://github.com/pypa/pip-audit
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import TooFewSamplesError
from pytest_metarelease.probes.scans.findings import (
    Finding,
    Scanned,
    numbered,
    objects,
    severity_of,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


def read_pip_audit(document: dict[str, Any]) -> Scanned:
    """Return what an audit found.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: It is no such document.
    """
    if not isinstance(document["dependencies"], list) or "fixes" not in document:
        raise TypeError("dependencies and fixes are no lists")
    packages = objects(document, "dependencies")
    audited = [one for one in packages if "skip_reason" not in one]
    return Scanned(
        tools=(),
        findings=numbered(finding for one in packages for finding in _findings(one)),
        looked_at=f"{len(audited)} packages",
        problems=() if audited else (TooFewSamplesError("pip-audit looked at no package"),),
    )


def _findings(package: dict[str, Any]) -> Iterator[Finding]:
    name = text(package, "name")
    if "skip_reason" in package:
        severity, _ = severity_of(None, {})
        yield Finding(f"{name}:skipped", severity, "not audited")
        return
    if not isinstance(package["vulns"], list):
        raise TypeError("vulns is no list")
    for one in objects(package, "vulns"):
        severity, note = severity_of(None, {})
        yield Finding(f"{name}:{text(one, 'id')}", severity, note)
