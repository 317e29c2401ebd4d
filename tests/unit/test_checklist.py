"""Scope, marks, applicability, digests of items."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_metarelease.checklist import (
    Lock,
    LockedItem,
    item_digest,
    marks_of,
    not_applicable,
    scope_of,
)
from pytest_metarelease.manifest.model import Item
from pytest_metarelease.manifest.scalars import Severity, Stage


def item(name: str, stage: Stage = Stage.POST_DEPLOY, *facets: str) -> Item:
    return Item(id=name, title=name, stage=stage, severity=Severity.P0, facets=facets)


ONE = item("post.one", Stage.POST_DEPLOY, "smoke")
TWO = item("post.two")
PRE = item("pre.one", Stage.PRE_DEPLOY)


def test_an_expression_that_matches_nothing_is_an_empty_incomplete_scope() -> None:
    scope = scope_of([ONE], "nothing", lambda _marks: False)
    assert scope.empty
    assert not scope.complete


def test_a_whole_stage_is_complete() -> None:
    scope = scope_of([ONE, TWO, PRE], "post_deploy", lambda marks: "post_deploy" in marks)
    assert (scope.items, scope.complete) == (("post.one", "post.two"), True)


def test_a_part_of_a_stage_is_not_complete() -> None:
    scope = scope_of([ONE, TWO], "smoke", lambda marks: "smoke" in marks)
    assert (scope.items, scope.complete) == (("post.one",), False)


def test_marks_are_stage_severity_and_facets() -> None:
    assert marks_of(ONE) == {"post_deploy", "P0", "smoke"}


@pytest.mark.parametrize(
    ("changed", "environment", "applies"),
    [
        ({}, "production", True),
        ({"environments": ("staging",)}, "staging", True),
        ({"environments": ("staging",)}, "production", False),
        ({"environments": ()}, "production", False),
        ({"not_applicable": "no frontend"}, "staging", False),
    ],
)
def test_where_an_item_applies(changed: dict[str, object], environment: str, applies: bool) -> None:
    found = not_applicable(replace(ONE, **changed), environment)  # type: ignore[arg-type]
    assert (found is None) is applies


def test_a_digest_covers_everything_that_an_item_declares() -> None:
    assert item_digest(ONE) == item_digest(replace(ONE))
    assert item_digest(ONE) != item_digest(replace(ONE, severity=Severity.P1))
    assert item_digest(ONE) != item_digest(replace(ONE, next="look"))


def test_a_missing_lock_has_no_checks() -> None:
    assert Lock().missing
    assert Lock().checks("post.one", "here") == ()
    lock = Lock({"post.one": LockedItem("d", {"here": ("t::a",)})}, "digest")
    assert not lock.missing
    assert lock.checks("post.one", "here") == ("t::a",)
    assert lock.checks("post.one", "there") == ()
