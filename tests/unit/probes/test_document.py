"""Strict JSON, look-ups by path, and comparison with what is declared."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_metarelease.errors import MalformedError
from pytest_metarelease.manifest.model import Expectation
from pytest_metarelease.probes.document import Missing, differences, look_up, read_json
from pytest_metarelease.probes.reading import same

DOCUMENT = {"orders": [{"id": 1}, {"id": 2, "tags": []}], "parts": {"a": "up"}, "none": None}

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
)


def test_where_nothing_stands_nothing_is_equal() -> None:
    for path in ("orders.2.id", "orders.x", "other", "none.a", "parts.a.b", "orders.0.id.0"):
        ((_, value),) = look_up(DOCUMENT, path)
        assert isinstance(value, Missing)
        others: list[object] = [None, "", 0, False, [], {}, "up"]
        assert not any(same(one, value) for one in others)


def test_a_missing_value_says_what_is_there() -> None:
    ((_, value),) = look_up(DOCUMENT, "part.a")
    assert repr(value) == "nothing at part; the answer has the keys orders, parts, none"
    ((_, value),) = look_up(DOCUMENT, "orders.9.id")
    assert repr(value) == "nothing at orders.9; orders is a list of 2"
    ((_, value),) = look_up(DOCUMENT, "parts.a.b")
    assert repr(value) == "nothing at parts.a.b; parts.a is up"


def test_every_element_has_its_own_path() -> None:
    assert look_up(DOCUMENT, "orders.*.id") == [("orders.0.id", 1), ("orders.1.id", 2)]
    assert look_up(DOCUMENT, "parts.*") == [("parts.a", "up")]
    assert look_up(DOCUMENT, "orders.1.tags.*") == []
    assert look_up(DOCUMENT, "") == [("", DOCUMENT)]
    assert [type(one) for _, one in look_up(DOCUMENT, "orders.*.tags")] == [Missing, list]


def test_all_differences_are_found() -> None:
    wanted = {
        "orders.*.id": Expectation(max=1),
        "parts.a": Expectation(equals="up", states_equals=True),
        "orders.1.tags.*": Expectation(type="string"),
        "none": Expectation(type="string"),
    }
    assert list(map(str, differences(wanted, DOCUMENT))) == [
        "orders.1.id is 2, not at most 1",
        "orders.1.tags.* is without any element, not type string",
        "none is None, not type string",
    ]


@given(values)
def test_what_python_writes_is_read(value: object) -> None:
    assert read_json(json.dumps(value).encode()) == value


@given(st.binary(max_size=300))
def test_other_bytes_are_read_or_malformed(body: bytes) -> None:
    with contextlib.suppress(MalformedError):
        read_json(body)


def test_brackets_in_texts_are_no_depth() -> None:
    text = '"' + "[{" * 500 + '\\"' + "[" * 500 + '"'
    assert read_json(text.encode()) == json.loads(text)
    assert read_json(b"[" * 100 + b"]" * 100)
    with pytest.raises(MalformedError, match="deeper than 100"):
        read_json(b"[" * 101 + b"]" * 101)
