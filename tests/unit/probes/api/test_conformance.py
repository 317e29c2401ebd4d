"""Which operations of a description are due, where they are, and which requests are known."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import MalformedError, ProbeError
from pytest_metarelease.manifest.interface import Description as Described
from pytest_metarelease.manifest.model import Endpoint, Service
from pytest_metarelease.manifest.scalars import RelativePath, Url
from pytest_metarelease.probes.api.conformance import (
    Tried,
    _base,
    _known,
    _operations,
    _summary,
    _Trial,
)
from pytest_metarelease.probes.api.openapi_document import references_elsewhere

if TYPE_CHECKING:
    from pathlib import Path


def test_nothing_tried_is_told_as_nothing() -> None:
    assert _summary(Tried()) == "0 of 0 operations, 0 cases, 0 failures, 0 requests"


def test_what_was_not_tried_is_told() -> None:
    tried = Tried(cases={"GET /a": 2, "GET /b": 0}, untried={"DELETE /a": "never"}, sent=2)
    assert _summary(tried) == (
        "1 of 3 operations, 2 cases, 0 failures, 2 requests; DELETE /a not tried: never"
    )


def test_operations_are_methods_of_paths() -> None:
    item = {"get": {}, "parameters": [], "x-get": {}, "delete": {}, "summary": ""}
    assert list(_operations({"paths": {"/a": item, "/b": None}})) == ["GET /a", "DELETE /a"]


def test_a_path_that_is_elsewhere_is_not_passed_over() -> None:
    document = {"paths": {"/a": {"$ref": "#/components/pathItems/A"}}}
    with pytest.raises(MalformedError, match="/a is a reference"):
        list(_operations(document))


@pytest.mark.parametrize(
    ("servers", "base"),
    [
        (None, "https://api.example.org/v2"),
        ([], "https://api.example.org/v2"),
        ([{"url": "/v3/"}], "https://api.example.org/v3"),
        ([{"url": "https://elsewhere.example.org/v3"}], "https://api.example.org/v3"),
        ([{"url": "https://elsewhere.example.org"}], "https://api.example.org/v2"),
    ],
)
def test_the_declared_service_is_asked_wherever_the_description_says(
    servers: object, base: str
) -> None:
    assert _base({"servers": servers}, "https://api.example.org/v2/") == base


def test_declared_requests_that_read_are_the_first() -> None:
    service = Service(
        url=Url("https://api.example.org"),
        endpoints={
            "one": Endpoint(path="/v1/a/{id}", parameters={"id": "7"}, query={"full": "1"}),
            "unconfirmed": Endpoint(path="/v1/a/{id}", unconfirmed="adopted"),
            "writing": Endpoint(path="/v1/a/{id}", writes=True),
            "posting": Endpoint(path="/v1/a/{id}", method="POST"),
            "unknown": Endpoint(path="/v1/b"),
        },
    )
    known = {"GET /a/{id}": [{"path_parameters": {"id": "7"}, "query": {"full": "1"}}]}
    assert _known(service, ["GET /a/{id}", "POST /a/{id}"], "/v1") == known


def test_references_out_of_a_document_are_found() -> None:
    document = {"a": [{"$ref": "#/b"}, {"c": {"$ref": "other.yaml#/d"}}], "$ref": 7}
    assert list(references_elsewhere(document)) == ["other.yaml#/d"]


@pytest.mark.parametrize("name", ["missing.json", "pipe.json", "long.json", "folder"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder").mkdir()
    (tmp_path / "long.json").write_bytes(b" " * (8 * 2**20 + 1))
    nobody: Any = None
    with pytest.raises(ProbeError, match=name):
        _Trial(nobody, Described(file=RelativePath(name))).document(tmp_path)
