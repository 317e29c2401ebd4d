"""A small project with a manifest and a lock, run as users run theirs."""

from __future__ import annotations

import pytest

from tests.plugin.project import Project


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty project in a git repository of its own."""
    for name in ("CI", "GITHUB_STEP_SUMMARY", "RELEASE_RUN_ID", "RELEASE_EVIDENCE"):
        monkeypatch.delenv(name, raising=False)
    return Project(pytester)


@pytest.fixture(params=["alone", "-n2"])
def workers(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Run the session alone and with two workers: both must decide the same."""
    return () if request.param == "alone" else ("-n", "2")
