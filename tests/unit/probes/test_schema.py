"""What a broken schema says: the end of a long message is what is wrong."""

from __future__ import annotations

import pytest

from pytest_metarelease.errors import UsageError
from pytest_metarelease.probes.schema import schema_problems


def test_a_schema_that_allows_nothing_is_broken_by_anything() -> None:
    assert list(schema_problems(False, {"a": 1}))


def test_a_long_value_does_not_hide_what_is_wrong() -> None:
    (problem,) = schema_problems({"type": "object"}, ["x" * 5000])
    assert problem.startswith("$: ['xxx")
    assert problem.endswith("is not of type 'object'")
    assert len(problem) < 250


def test_at_most_five_problems_are_told() -> None:
    assert len(list(schema_problems({"items": {"type": "string"}}, list(range(9))))) == 5


def test_a_schema_that_refers_elsewhere_fetches_nothing() -> None:
    with pytest.raises(UsageError, match="which it lacks"):
        list(schema_problems({"$ref": "http://127.0.0.1:1/x.json"}, 1))
