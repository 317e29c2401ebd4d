"""Places for faults, and the two ways of running: alone and with two workers."""

from __future__ import annotations

import compileall
from pathlib import Path

import pytest

import pytest_metarelease
from tests.torture.place import Place

WAYS = {"alone": (), "-n2": ("-n", "2")}


@pytest.fixture(scope="session", autouse=True)
def _compiled() -> None:
    """Compile our package once: the sessions write no bytecode, and would compile it each time."""
    compileall.compile_dir(Path(pytest_metarelease.__file__).parent, quiet=1)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An empty project in a git repository of its own."""
    return Place(tmp_path / "project")


@pytest.fixture(scope="session")
def _went(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("went") / "project").one()
    ran = place.metarelease("run", "-m", "post_deploy")
    assert (ran.exit_code, ran.verdict) == (0, "GO"), ran.text
    return place


@pytest.fixture
def gone(_went: Place, tmp_path: Path) -> Place:
    """A project with a GO of an earlier run on disk, made once and copied."""
    return _went.copy_to(tmp_path / "project")


@pytest.fixture(params=sorted(WAYS, reverse=True))
def workers(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Run the session alone and with two workers: both must refuse to say GO."""
    return WAYS[request.param]
