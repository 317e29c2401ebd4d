"""Depth of JSON texts, told without reading them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_metarelease.nesting import check_depth

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=30,
)


def depth(value: object) -> int:
    """The depth, by walking."""
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


@pytest.mark.parametrize("text", [b"[" * 101, b'{"a":' * 5000, b"[" * 200_000, b'["[" ,' * 101])
def test_what_is_too_deep_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="deeper than 100"):
        check_depth(text)


@pytest.mark.parametrize("text", [b"", b"[" * 100, b'"' + b"[" * 500 + b'"', b'"\\"' + b"[" * 300])
def test_brackets_in_texts_do_not_count(text: bytes) -> None:
    check_depth(text)


@given(value=JSON, limit=st.integers(min_value=0, max_value=6))
def test_it_agrees_with_walking(value: object, limit: int) -> None:
    text = json.dumps(value).encode()
    if depth(value) > limit:
        with pytest.raises(ValueError, match="deeper"):
            check_depth(text, limit)
    else:
        check_depth(text, limit)
