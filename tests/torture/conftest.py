"""Places for faults, and the two ways of running: alone and with two workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.torture.place import Place

if TYPE_CHECKING:
    from pathlib import Path

WAYS = {"alone": (), "-n2": ("-n", "2")}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An empty project in a git repository of its own."""
    return Place(tmp_path / "project")


@pytest.fixture
def gone(place: Place) -> Place:
    """A project with a GO of an earlier run on disk."""
    place.one()
    ran = place.metarelease("run", "-m", "post_deploy")
    assert (ran.exit_code, ran.verdict) == (0, "GO"), ran.text
    return place


@pytest.fixture(params=sorted(WAYS, reverse=True))
def workers(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Run the session alone and with two workers: both must refuse to say GO."""
    return WAYS[request.param]
