"""Checks of what the manifest declares none of: broken, or left out where that is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.project import Project, Ran

CHECKS = """\
import pytest

@pytest.mark.verifies("post.one")
def test_one(evidence):
    evidence.measured(subject="own:thing", asked="is it there", value=1).expect(1)

@pytest.mark.verifies("post.one", "post.two")
@pytest.mark.for_each("flow"{optional})
def test_flow(flow):
    raise AssertionError("there is none to run for")
"""
OPTIONAL = ", optional=True"


def judged(project: Project, workers: tuple[str, ...], items: tuple[str, ...], mark: str) -> Ran:
    """Run with a lock that was written by our own command."""
    project.items(*items).write("test_it.py", CHECKS.format(optional=mark))
    assert project.metarelease("lock").exit_code == 0
    return project.pytest("-m", "post_deploy", *workers)


def test_an_item_that_nothing_else_verifies_keeps_it(
    project: Project, workers: tuple[str, ...]
) -> None:
    ran = judged(project, workers, ("post.one P0", "post.two P0"), OPTIONAL)
    assert (ran.exit_code, ran.verdict) == (21, "HOLD"), ran.text
    assert ran.item("post.one")["state"] == "verified"
    assert ran.item("post.two")["state"] == "not verified"
    assert ran.codes("post.two") == ["check-broken"]
    assert "declares no flow" in ran.text


def test_what_a_product_must_have_is_never_left_out(
    project: Project, workers: tuple[str, ...]
) -> None:
    ran = judged(project, workers, ("post.one P0", "post.two P0"), "")
    assert (ran.exit_code, ran.verdict) == (21, "HOLD"), ran.text
    assert {ran.item(name)["state"] for name in ("post.one", "post.two")} == {"not verified"}


@pytest.mark.parametrize("gate", ["auto", "off"])
def test_it_is_left_out_where_another_check_verifies_the_item(
    project: Project, workers: tuple[str, ...], gate: str
) -> None:
    project.items("post.one P0").write(
        "test_it.py", CHECKS.format(optional=OPTIONAL).replace(', "post.two"', "")
    )
    assert project.metarelease("lock").exit_code == 0
    ran = project.pytest("-m", "post_deploy", f"--release-gate={gate}", *workers)
    assert ran.exit_code == 0, ran.text
    assert "1 passed" in ran.text
    assert "none-declared" not in (project.path / "checks.lock").read_text()
    if gate == "auto":
        assert ran.verdict == "GO", ran.text
