"""Scans and what is allowed in them: nothing that lets more pass than somebody meant."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_metarelease.manifest.rules import broken_by
from pytest_metarelease.manifest.scanning import AllowedFinding, Scan


def problems(value: Any) -> list[str]:
    return [".".join(map(str, path)) + ": " + text for path, text in broken_by(value)]


def scan(**other: Any) -> Scan:
    given = {"about": "secrets", "file": "a.sarif", "format": "sarif", "tool": "gitleaks"}
    return Scan(**{**given, **other})


def allowed(**other: Any) -> AllowedFinding:
    return AllowedFinding(**{"id": "a:b:3", "reason": "old", "expires": "2030-01-31", **other})


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (scan(tool=None), "tool: belongs to format: sarif"),
        (scan(format="npm-audit", about="dependencies"), "tool: belongs to format: sarif"),
        (scan(fails_at="medium"), "fails_at: a secret that leaked"),
        (scan(allow=(allowed(), allowed(expires="2031-01-31"))), "allow.1: a:b:3 is named twice"),
        (allowed(id="a:*"), "id: stands for one finding"),
        (allowed(expires="20300131"), "expires: is no day"),
        (allowed(expires="2030-02-30"), "expires: is no day"),
        (allowed(expires="never"), "expires: is no day"),
    ],
)
def test_what_would_let_more_pass_is_refused(wanted: Any, told: str) -> None:
    (found,) = problems(wanted)
    assert told in found


@pytest.mark.parametrize(
    "wanted",
    [
        scan(),
        scan(fails_at="info", allow=(allowed(),)),
        scan(about="code", fails_at="critical"),
        scan(about="dependencies", format="pip-audit", tool=None),
        allowed(),
    ],
)
def test_the_others_stand(wanted: Any) -> None:
    assert problems(wanted) == []
