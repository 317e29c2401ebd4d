"""Scans through a session: declared by a variable, judged, and their secrets in no report."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugin.project import Project

_MANIFEST = """\
release: {name: Sample, version: 1.0.0, commit: "${GIT_COMMIT}"}
default_environment: here
environments:
  here:
    access: read-only
    scans:
      leaks:
        about: secrets
        file: "${SCANS}/leaks.sarif"
        format: sarif
        tool: gitleaks
        stamp: "${SCANS}/leaks.json"
        allow: [{id: "jwt:tests/a.py:1", reason: of a test, expires: 2126-01-31}]
checklist:
"""
_CHECKS = """\
import pytest

@pytest.mark.verifies("post.secrets")
@pytest.mark.for_each("secret_scan")
def test_secrets(secret_scan, scans):
    scans(secret_scan).expect(next_step="revoke it")

@pytest.mark.verifies("post.dependencies")
@pytest.mark.for_each("dependency_scan")
def test_dependencies(dependency_scan, scans):
    scans(dependency_scan).expect()
"""
_SECRET = "eyJhbGciOiJub25lIn0.leaked.token"


def write_scan(folder: Path, commit: str, *places: str) -> None:
    """Leave what gitleaks leaves, with a stamp."""
    results = []
    for place in places:
        path, _, line = place.partition(":")
        region = {"startLine": int(line), "snippet": {"text": _SECRET}}
        physical = {"artifactLocation": {"uri": path}, "region": region}
        message = {"text": f"jwt has detected secret {_SECRET}"}
        where = [{"physicalLocation": physical}]
        results.append({"ruleId": "jwt", "message": message, "locations": where})
    driver = {"name": "gitleaks", "rules": [{"id": "jwt"}]}
    run: dict[str, Any] = {"tool": {"driver": driver}, "results": results}
    content = json.dumps({"version": "2.1.0", "runs": [run]})
    (folder / "leaks.sarif").write_text(content)
    digest = hashlib.sha256(content.encode()).hexdigest()
    stamp = {"sha256": digest, "commit": commit, "finished_at": datetime.now(UTC).isoformat()}
    (folder / "leaks.json").write_text(json.dumps(stamp))


def test_a_scan_decides_and_says_why(project: Project, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("scans")
    project.items("post.secrets P0", "post.dependencies P3", head=_MANIFEST)
    project.write("test_all.py", _CHECKS).lock(
        "post.secrets: test_all.py::test_secrets[leaks]",
        "post.dependencies: test_all.py::test_dependencies[none-declared]",
    ).commit()

    def run() -> Any:
        return project.pytest("-m", "post_deploy", SCANS=str(folder))

    nothing = run()
    assert nothing.verdict == "HOLD", nothing.text
    assert nothing.codes("post.secrets") == ["evidence-unknown"]
    assert nothing.item("post.dependencies")["state"] == "not verified"

    write_scan(folder, project.head(), "tests/a.py:1")
    clean = run()
    assert clean.verdict == "GO", clean.text
    assert clean.item("post.dependencies")["state"] == "not verified"

    write_scan(folder, "0" * 40, "deploy.env:3")
    assert run().codes("post.secrets") == ["evidence-unknown"]

    write_scan(folder, project.head(), "tests/a.py:1", "deploy.env:3")
    failed = run()
    assert (failed.verdict, failed.item("post.secrets")["state"]) == ("NO-GO", "failed")
    assert "jwt:deploy.env:3 (medium)" in failed.text
    assert _SECRET not in failed.text + json.dumps(failed.decision)
