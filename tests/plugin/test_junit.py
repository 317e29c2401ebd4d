"""JUnit XML says what the decision says, and can never change it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from tests.plugin.project import ONE

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from tests.plugin.project import Project

CHECK = """\
import pytest

@pytest.mark.verifies("post.{name}")
def test_{name}(evidence):
    evidence.measured(subject="own:thing", asked="is it there", value=1).expect({value})
"""
RUN = ("-m", "post_deploy", "--junitxml", "out.xml")


def _project(project: Project, *, value: int = 1) -> Project:
    project.items("post.one P0", "post.two P1")
    project.write("test_one.py", CHECK.format(name="one", value=value))
    project.write("test_two.py", CHECK.format(name="two", value=1))
    project.write(".gitignore", "release-evidence/\n__pycache__/\n.pytest_cache/\n*.xml\nstd*\n")
    return project.lock(ONE, "post.two: test_two.py::test_two")


def _suite(project: Project) -> Element:
    (suite,) = ET.parse(project.path / "out.xml").getroot()  # noqa: S314 - our own
    return suite


def _properties(element: Element) -> dict[str, str]:
    return {one.get("name", ""): one.get("value", "") for one in element.findall("properties/*")}


def test_what_never_ran_is_an_error(project: Project, workers: tuple[str, ...]) -> None:
    ran = _project(project).pytest(*RUN, "-k", "test_one", *workers)
    assert (ran.verdict, ran.exit_code) == ("HOLD", 21), ran.text
    suite = _suite(project)
    assert (suite.get("errors"), suite.get("failures"), suite.get("tests")) == ("1", "0", "2")
    (error,) = suite.findall("testcase/error")
    assert "test_two.py::test_two not run" in error.get("message", "")
    assert _properties(suite)["release.verdict"] == "HOLD"


def test_the_verdict_and_the_items_are_properties(
    project: Project, workers: tuple[str, ...]
) -> None:
    ran = _project(project).pytest(*RUN, *workers)
    assert (ran.verdict, ran.exit_code) == ("GO", 0), ran.text
    suite = _suite(project)
    assert (suite.get("errors"), suite.get("failures"), suite.get("tests")) == ("0", "0", "2")
    assert _properties(suite) == {
        "release.verdict": "GO",
        "release.title": "GO",
        "release.exit_code": "0",
        "release.run_id": ran.decision["run_id"],
        "release.version": "1.0.0",
        "release.commit": project.head(),
        "release.environment": "here",
    }
    items = {one.get("name"): _properties(one) for one in suite.findall("testcase")}
    assert items == {
        "test_one": {"release.items": "post.one"},
        "test_two": {"release.items": "post.two"},
    }


def test_a_failed_item_fails_beside_its_test(project: Project) -> None:
    ran = _project(project, value=2).pytest(*RUN)
    assert (ran.verdict, ran.exit_code) == ("NO-GO", 1), ran.text
    failed = [
        one.get("name")
        for one in _suite(project).findall("testcase")
        if one.find("failure") is not None
    ]
    assert failed == ["test_one", "post.one About post.one"]


def test_a_finding_about_the_run_is_an_error(project: Project) -> None:
    _project(project).write("test_odd.py", "def test_odd():\n    raise OSError('no item')\n")
    ran = project.pytest(*RUN, "--release-shard", "1/1", "-o", "addopts=", "-k", "not odd")
    assert ran.verdict == "GO", ran.text
    project.lock(ONE, "post.two: test_two.py::test_two test_two.py::test_more")
    ran = project.pytest(*RUN, "--release-shard", "1/2")
    assert ran.verdict == "HOLD", ran.text
    named = [one.get("name") for one in _suite(project).findall("testcase")]
    assert "shard-missing" in named


def test_a_broken_writer_changes_no_verdict(project: Project, workers: tuple[str, ...]) -> None:
    _project(project).write(
        "conftest.py",
        """\
        from _pytest.junitxml import LogXML

        def broken(*_arguments):
            raise RuntimeError("no property")

        LogXML.add_global_property = broken
        """,
    )
    ran = project.pytest(*RUN, *workers)
    assert (ran.verdict, ran.exit_code) == ("GO", 0), ran.text
    assert "the verdict is not in it: RuntimeError" in ran.text
    assert _suite(project).get("tests") == "2"
