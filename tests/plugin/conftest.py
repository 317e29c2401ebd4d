"""A small project with a manifest and a lock, run as users run theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.plugin.project import Project

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty project in a git repository of its own."""
    return Project(tmp_path / "project")


@pytest.fixture(params=["alone", "-n2"])
def workers(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Run the session alone and with two workers: both must decide the same."""
    return () if request.param == "alone" else ("-n", "2")
