"""A service against its OpenAPI description, by schemathesis, within its budget and its access."""

from __future__ import annotations

import json
import sys
import threading
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import (
    MalformedError,
    ProbeError,
    TooFewSamplesError,
    UndeclaredError,
    UnmetError,
    UnsupportedError,
)
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.interface import Description
from pytest_metarelease.manifest.model import Service
from pytest_metarelease.manifest.scalars import Access, RelativePath, Seconds, Url
from pytest_metarelease.probes.api.conformance import Conformance, try_conformance
from pytest_metarelease.probes.hosts import Hosts
from pytest_metarelease.probes.http import HttpProbe
from tests.system.bench import OPENAPI_PYTHON

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "token-of-the-operator-77"
NUMBER = {
    "200": {"description": "", "content": {"application/json": {"schema": {"type": "integer"}}}}
}
ITEM = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}
NEW = {
    "required": True,
    "content": {
        "application/json": {"schema": {"type": "object", "properties": {"n": {"type": "integer"}}}}
    },
}
DOCUMENT = {
    "openapi": "3.0.3",
    "info": {"title": "Items", "version": "1"},
    "paths": {
        "/count": {"get": {"responses": NUMBER}},
        "/items/{id}": {
            "get": {"parameters": [ITEM], "responses": NUMBER},
            "delete": {"parameters": [ITEM], "responses": NUMBER},
        },
        "/items": {"post": {"requestBody": NEW, "responses": NUMBER}},
    },
}


class _Items(ThreadingHTTPServer):
    """Answers numbers, but for ids from ``wrong`` on; what arrives is in ``seen``."""

    daemon_threads = True
    document: Any = DOCUMENT
    wrong: int | None = None

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, str | None]] = []
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, _Items)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        server.seen.append((self.command, self.path + body.decode(), self.headers["X-Token"]))
        if self.path == "/openapi.json":
            return self._answer(server.document)
        number = self.path.rpartition("/")[2]
        if server.wrong is not None and number.isdecimal() and int(number) >= server.wrong:
            return self._answer({"secret": TOKEN})
        return self._answer(7)

    do_POST = do_DELETE = do_GET  # noqa: N815 - what http.server looks for

    def _answer(self, what: Any) -> None:
        body = json.dumps(what).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def items() -> Iterator[_Items]:
    with _Items() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(5)


@contextmanager
def asking(
    items: _Items, access: Access = Access.TRANSACT, root: Path | None = None, **declared: Any
) -> Iterator[tuple[Notebook, Conformance]]:
    """What came of a trial; the values of secrets are masked as the plugin masks them."""
    python = declared.pop("python", str(OPENAPI_PYTHON))
    recorder = Notebook(redact=lambda text: text.replace(TOKEN, "***"))
    recorder.check = "conformance"
    url = Url(f"http://127.0.0.1:{items.server_address[1]}")
    given: dict[str, Any] = {"document": "/openapi.json", "examples": 5} | declared
    description = Description(**given)
    service = Service(url=url, openapi=description)
    probe = HttpProbe(
        "service:items", url, recorder=recorder, hosts=Hosts.these([url]), access=access,
        credentials={"operator": ("X-Token", TOKEN)},
    )  # fmt: skip
    with closing(probe):
        yield (
            recorder,
            try_conformance(probe, service, access, root=root or OPENAPI_PYTHON, python=python),
        )


def judgements(recorder: Notebook) -> set[Judgement]:
    return {one.judgement for one in recorder.citations["conformance"]}


def test_without_schemathesis_nothing_is_verified(items: _Items) -> None:
    with (
        pytest.raises(UnsupportedError, match=r"pip install 'pytest-metarelease\[openapi\]'"),
        asking(items, python=sys.executable),
    ):
        raise AssertionError("unreachable")
    assert [path for _, path, _ in items.seen] == ["/openapi.json"]


def test_without_a_python_nothing_is_verified(items: _Items) -> None:
    with pytest.raises(ProbeError, match="cannot be started"), asking(items, python="/none/python"):
        raise AssertionError("unreachable")


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({}, "no OpenAPI 3"),
        ({"openapi": "3.0.3", "paths": {}}, "has no paths"),
        (
            {**DOCUMENT, "components": {"schemas": {"A": {"$ref": "file:///etc/passwd"}}}},
            "refers to file:///etc/passwd",
        ),
    ],
)
def test_what_is_no_description_is_unknown(items: _Items, document: Any, why: str) -> None:
    items.document = document
    with pytest.raises(MalformedError, match=why), asking(items):
        raise AssertionError("unreachable")


def test_what_is_left_out_must_be_there(items: _Items) -> None:
    with (
        pytest.raises(UndeclaredError, match="POST /item is no operation"),
        asking(items, unchecked={"POST /item": "a typing error"}),
    ):
        raise AssertionError("unreachable")


def test_a_conforming_service_is_verified_and_the_same_requests_are_made(items: _Items) -> None:
    seen = []
    for _ in range(2):
        items.seen.clear()
        with asking(items, credential="operator") as (recorder, found):
            found.expect()
        seen.append([one for one in items.seen if one[1] != "/openapi.json"])
    assert seen[0] == seen[1]
    assert judgements(recorder) == {Judgement.MET, Judgement.NONE}
    assert set(found.tried.cases) == {"GET /count", "GET /items/{id}", "POST /items"}
    assert found.tried.untried == {"DELETE /items/{id}": "DELETE is never sent"}
    assert {token for _, _, token in items.seen} == {TOKEN}
    assert "3 of 4 operations" in found.measurement.answer
    assert "DELETE" not in {method for method, _, _ in items.seen}
    assert found.tried.sent == len(items.seen)


def test_a_nonconformity_is_found_with_a_line_that_asks_again(items: _Items) -> None:
    items.wrong = 1
    unchecked = {"POST /items": "makes items", "GET /count": "counts them"}
    with (
        asking(items, credential="operator", unchecked=unchecked) as (recorder, found),
        pytest.raises(UnmetError) as raised,
    ):
        found.expect()
    text = str(raised.value)
    assert "GET /items/{id}: Response violates schema" in text
    line = (
        f"curl -i -X GET -H '<the credential operator>' http://127.0.0.1:{items.server_port}/items/"
    )
    assert line in text
    assert TOKEN not in text + repr(recorder.citations) + repr(recorder.measurements)
    assert Judgement.UNMET in judgements(recorder)


def test_the_budget_is_what_arrives(items: _Items) -> None:
    with (
        asking(items, Access.READ_ONLY, requests=2) as (recorder, found),
        pytest.raises(TooFewSamplesError, match=r"not tried within the budget: GET /items/"),
    ):
        found.expect()
    assert [method for method, _, _ in items.seen] == ["GET", "GET"]
    assert found.tried.untried["POST /items"] == "it writes, and access is read-only"
    assert judgements(recorder) == {Judgement.UNKNOWN, Judgement.NONE}


def test_no_request_is_sent_after_its_time(items: _Items, tmp_path: Path) -> None:
    (tmp_path / "items.json").write_text(json.dumps(DOCUMENT))
    file = RelativePath("items.json")
    late: dict[str, Any] = {"document": None, "file": file, "within": Seconds(0)}
    with asking(items, root=tmp_path, **late) as (_, found), pytest.raises(TooFewSamplesError):
        found.expect()
    assert items.seen == []
