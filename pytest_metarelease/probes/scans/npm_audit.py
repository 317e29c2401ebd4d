"""``npm audit --json`` of npm 7 and later: advisories about packages of a lock file.

It counts advisories, not the packages that they reach, and refuses a document whose own counts do
not agree with it. https://docs.npmjs.com/cli/commands/npm-audit
"""

from __future__ import annotations

from typing import Any

from pytest_metarelease.errors import RefusedError, TooFewSamplesError
from pytest_metarelease.probes.scans.findings import (
    Finding,
    Scanned,
    count,
    numbered,
    severity_of,
    text,
    worse,
)

_SEVERITIES = {
    "info": "info",
    "low": "low",
    "moderate": "medium",
    "high": "high",
    "critical": "critical",
}


def read_npm_audit(document: dict[str, Any]) -> Scanned:
    """Return what an audit found.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: It is no such document.
        RefusedError: npm says that it failed.
    """
    if "error" in document:
        why = document.get("message") or document["error"].get("summary") or "an error"
        raise RefusedError(f"npm audit failed: {str(why)[:200]}")
    if document["auditReportVersion"] != 2:
        raise ValueError(f"auditReportVersion is {document['auditReportVersion']!r:.20}, not 2")
    packages, metadata = document["vulnerabilities"], document["metadata"]
    counted = metadata["vulnerabilities"]
    by_severity = sum(count(counted, one) for one in _SEVERITIES)
    if not len(packages) == count(counted, "total") == by_severity:
        raise ValueError(f"{len(packages)} packages are named, {counted['total']} were counted")
    _check_reasons(packages)
    total = count(metadata["dependencies"], "total")
    nothing = TooFewSamplesError("npm audit looked at no package")
    return Scanned(
        tools=(),
        findings=numbered(
            one for name in sorted(packages) for one in _findings(name, packages[name])
        ),
        looked_at=f"{total} packages",
        problems=() if total else (nothing,),
    )


def _check_reasons(packages: dict[str, Any]) -> None:
    """Refuse packages that no advisory is a reason for, not even through others."""
    explained = {
        name for name, one in packages.items() if any(isinstance(by, dict) for by in one["via"])
    }
    waiting = [name for name in packages if name not in explained]
    while waiting:
        found = [name for name in waiting if explained & {*packages[name]["via"]}]
        if not found:
            raise ValueError(f"{waiting[0][:100]} is named without an advisory")
        explained |= {*found}
        waiting = [name for name in waiting if name not in explained]


def _findings(name: str, package: dict[str, Any]) -> list[Finding]:
    via = [one for one in package["via"] if not isinstance(one, str)]
    found = []
    for one in via:
        severity, note = severity_of(one.get("severity"), _SEVERITIES)
        by_package, unclear = severity_of(package.get("severity"), _SEVERITIES)
        if len(via) == 1:
            severity = worse(severity, by_package)
        advisory = text(one, "url").rstrip("/").rpartition("/")[2] or str(one["source"])
        found.append(Finding(f"{name}:{advisory}", severity, note or unclear))
    return found
