"""A session that asks no verdict reads the manifest only for tests that need it."""

from __future__ import annotations

from tests.plugin.project import MEASURED, ONE, Project

PROBE = """\
import sys

def pytest_unconfigure():
    print("read the manifest:", "pytest_metarelease.manifest.loading" in sys.modules)
"""


def test_tests_of_other_things_do_not_pay_for_the_manifest(project: Project) -> None:
    project.items("post.one P0").write("test_other.py", "def test_other():\n    pass\n")
    ran = project.write("conftest.py", PROBE).pytest_afresh("-s")
    assert ran.exit_code == 0
    assert "read the manifest: False" in ran.text


def test_a_check_wakes_the_plugin(project: Project) -> None:
    project.items("post.one P0").write("test_one.py", MEASURED).lock(ONE)
    ran = project.write("conftest.py", PROBE).pytest_afresh("-s")
    assert ran.exit_code == 0
    assert "read the manifest: True" in ran.text
    assert "no release verdict was made" in ran.text


def test_a_fixture_wakes_the_plugin(project: Project) -> None:
    project.items("post.one P0")
    project.write("test_f.py", "def test_f(release):\n    assert release.version == '1.0.0'\n")
    assert project.pytest().exit_code == 0


def test_an_unknown_id_is_refused_also_without_a_verdict(project: Project) -> None:
    project.items("post.one P0").write("test_one.py", MEASURED.replace("post.one", "post.onne"))
    ran = project.pytest()
    assert ran.exit_code == 4
    assert "did you mean post.one?" in ran.text


def test_facets_of_the_manifest_are_known_to_strict_marks(project: Project) -> None:
    project.items("post.one P0 settlement").write("pytest.ini", "[pytest]\nstrict_markers = true\n")
    project.write(
        "test_m.py", "import pytest\n\n@pytest.mark.settlement\ndef test_m():\n    pass\n"
    )
    assert project.pytest().exit_code == 0


def test_a_broken_manifest_is_told_when_it_is_needed(project: Project) -> None:
    project.items("post.one P9").write("test_one.py", MEASURED)
    ran = project.pytest()
    assert ran.exit_code != 0
    assert "release.yaml:6:" in ran.text
