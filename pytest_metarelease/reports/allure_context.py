"""The files beside Allure's results: environment, categories, executor.

They repeat what the decision says, and add nothing to it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pytest_metarelease.reports.text import one_line

if TYPE_CHECKING:
    from pytest_metarelease.gate.values import Decision

_CATEGORIES = (
    ("No verdict: the run did not finish", ["broken"], r"(?s)^the run has not finished.*"),
    ("Not run", ["broken", "unknown"], r"(?s)^not run.*"),
    ("Could not ask", ["broken"], None),
    ("Failed", ["failed"], None),
    ("Not verified", ["unknown", "skipped"], None),
)


def categories() -> bytes:
    """Return ``categories.json``; the first that matches is taken, so the narrow ones come first.

    "Could not ask" is apart from "Failed": it says nothing about the release.
    """
    rows = [
        {"name": name, "matchedStatuses": statuses} | ({"messageRegex": pattern} if pattern else {})
        for name, statuses, pattern in _CATEGORIES
    ]
    return json.dumps(rows, indent=1).encode()


def environment(decision: Decision) -> bytes:
    """Return ``environment.properties``: the release, where, and what answered there."""
    record, seen = decision.record, decision.record.target
    facts = {
        "Verdict": decision.title,
        "Release": f"{decision.release_name} {record.release_version}",
        "Commit": record.release_commit or "unknown",
        "Environment": record.environment,
        "Scope": decision.scope.expression or "everything",
        "Run": record.run_id,
        "Manifest": record.manifest_digest,
        "Lock": record.lock_digest or "missing",
    }
    if seen.chain_id is not None:
        facts["Chain"] = f"{seen.chain_id}, block {seen.block_number}"
    facts |= {f"Version of {name}": one for name, one in seen.api_versions.items()}
    facts |= {f"Migrations of {name}": one for name, one in seen.migration_heads.items()}
    lines = [f"{_key(name)} = {_value(value)}" for name, value in facts.items()]
    return ("\n".join(lines) + "\n").encode("ascii")


def _key(text: str) -> str:
    special = {" ": "\\ ", ":": "\\:", "=": "\\="}
    return "".join(special.get(one, one) for one in _value(text))


def _value(text: str) -> str:
    """Escape for a Java properties file: backslash, and what is not ASCII as UTF-16 units."""
    escaped = one_line(text, 300).replace("\\", "\\\\").encode("utf-16-be", "surrogatepass")
    units = (int.from_bytes(escaped[at : at + 2], "big") for at in range(0, len(escaped), 2))
    return "".join(chr(unit) if unit < 0x80 else f"\\u{unit:04x}" for unit in units)


def executor(decision: Decision) -> bytes:
    """Return ``executor.json``: which run made these results."""
    record = decision.record
    document = {
        "name": "pytest-metarelease",
        "type": "metarelease",
        "buildName": record.run_id,
        "reportName": f"{one_line(decision.title, 200)}: "
        + one_line(f"{decision.release_name} {record.release_version}", 200),
    }
    return json.dumps(document, sort_keys=True).encode("ascii")
