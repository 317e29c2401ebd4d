from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import MalformedError
from pytest_metarelease.probes.chain.envelope import parse

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _limit_as_libraries_raise_it() -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    yield
    sys.setrecursionlimit(before)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000,
        b"[" * 200_000 + b"]" * 200_000,
        b'{"a":' * 200_000,
        b'["]]]]]]]]",' * 200_000,
        b'["\\"]]]]]]]]",' * 200_000,
        b'["\\\\",' * 200_000,
        b'[{"a": ' * 101,
    ],
    ids=["open", "closed", "objects", "closing-texts", "escaped-texts", "backslashes", "just"],
)
def test_endless_nesting_is_refused_and_ends_no_process(body: bytes) -> None:
    with pytest.raises(MalformedError):
        parse(body, "node")


@pytest.mark.parametrize(
    "document",
    [
        None,
        7,
        [[[]]],
        {"a": "[" * 1000},
        {"a": '"' * 1000 + "[{" * 500},
        {"\\": '\\"[' * 300},
        [{"b": []}] * 5000,
    ],
    ids=["null", "number", "lists", "brackets", "quotes", "escapes", "wide"],
)
def test_honest_documents_are_read(document: Any) -> None:
    assert parse(json.dumps(document).encode(), "node") == document
