"""``metarelease lock``: collects every environment, without network and without variables."""

from __future__ import annotations

from tests.plugin.project import MEASURED, Project

_TWO_ENVIRONMENTS = """\
release: {name: Sample, version: 1.0.0, commit: "${GIT_COMMIT}"}
default_environment: here
environments:
  here:
    access: read-only
    services:
      api: {url: "${NOWHERE}", endpoints: {one: {path: /one}, two: {path: /two}}}
  there:
    extends: here
    services: {api: {endpoints: {two: null}}}
checklist:
"""
_EACH = """\
import pytest

@pytest.mark.verifies("post.one")
@pytest.mark.for_each("endpoint")
def test_endpoint(endpoint):
    pass
"""


def test_a_lock_that_is_missing_is_not_current(project: Project) -> None:
    project.items("post.one P0").write("test_one.py", MEASURED)
    ran = project.metarelease("lock", "--check")
    assert ran.exit_code == 1
    assert "run `metarelease lock` and commit it" in ran.text


def test_checks_are_collected_per_environment_without_variables(project: Project) -> None:
    project.items("post.one P0", head=_TWO_ENVIRONMENTS).write("test_one.py", _EACH)
    ran = project.metarelease("lock")
    assert ran.exit_code == 0, ran.text
    text = (project.path / "checks.lock").read_text()
    assert text.count("test_one.py::test_endpoint[api.one]") == 2
    assert text.count("test_one.py::test_endpoint[api.two]") == 1
    assert project.metarelease("lock", "--check").exit_code == 0


def test_a_check_that_went_away_is_named(project: Project) -> None:
    project.items("post.one P0").write("test_one.py", MEASURED + MEASURED.replace("_one", "_b"))
    assert project.metarelease("lock").exit_code == 0
    project.write("test_one.py", MEASURED)
    ran = project.metarelease("lock", "--check")
    assert ran.exit_code == 1
    assert "test_one.py::test_b" in ran.text


def test_a_suite_that_cannot_be_collected_is_not_locked(project: Project) -> None:
    project.items("post.one P0").write("test_one.py", "import no_such_module\n")
    ran = project.metarelease("lock")
    assert ran.exit_code == 4
    assert "no_such_module" in ran.text


_MANY = """\
import pytest

@pytest.mark.verifies("post.onne")
@pytest.mark.parametrize("number", range(200))
def test_many(number):
    pass

@pytest.mark.verifies("post.onne", "post.one")
def test_one():
    pass
"""


def test_an_item_that_is_not_there_is_named_once(project: Project) -> None:
    project.items("post.one P0").write("test_one.py", _MANY)
    ran = project.metarelease("lock")
    assert ran.exit_code == 4
    lines = [one for one in ran.text.splitlines() if "no such item" in one]
    assert len(lines) == 1, ran.text
    assert "test_one.py::test_many and 1 more: verifies('post.onne'):" in lines[0]
    assert "did you mean post.one?" in lines[0]
    # What was collected before says nothing about it.
    assert len(ran.text.splitlines()) < 8, ran.text
