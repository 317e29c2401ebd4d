"""What a health answer says, in each shape that a product may give it."""

from __future__ import annotations

import json

import pytest

from pytest_metarelease.evidence import Measurement, Notebook
from pytest_metarelease.manifest.model import Expectation, Health
from pytest_metarelease.manifest.scalars import ValuePath
from pytest_metarelease.probes.exchange import Response
from pytest_metarelease.probes.health import health_problems, parts


def health(parts: str | None = "dependencies.*", **healthy: str) -> Health:
    wanted = {
        ValuePath(key): Expectation(equals=one, states_equals=True) for key, one in healthy.items()
    }
    where = None if parts is None else ValuePath(parts)
    return Health(path="/health", healthy=wanted, parts=where)


def answer(document: object, status: int = 200) -> Response:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    asked = Measurement(
        id="1", subject="service:api", probe="http", asked="GET", at="", duration=0, answer=""
    )
    return Response(
        url="", status=status, headers=(), body=body, measurement=asked, recorder=Notebook()
    )


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({}, "nothing at status"),
        (b"", "the answer is empty"),
        (b"<html>", "expected JSON"),
        ([], "nothing at status"),
        ({"status": "healthy"}, "nothing at dependencies"),
        ({"status": "healthy", "dependencies": {}}, "no parts at dependencies.*"),
        ({"status": "degraded", "dependencies": {"db": "up"}}, "status is degraded, not healthy"),
        ({"status": "healthy", "dependencies": {"db": "down"}}, "db says down"),
        ({"status": "healthy", "dependencies": {"db": None}}, "db says None"),
        ({"status": "healthy", "dependencies": {"db": {"status": "up"}}}, "db says {"),
    ],
)
def test_it_is_not_healthy(document: object, problem: str) -> None:
    assert problem in "; ".join(health_problems(health(status="healthy"), answer(document)))


def test_it_is_healthy() -> None:
    document = {"status": "healthy", "dependencies": {"db": "UP", "chain": True, "x": "ok"}}
    assert health_problems(health(status="healthy"), answer(document)) == ()
    assert health_problems(health(status="healthy"), answer(document, 503)) == (
        "status 503, not 200",
    )


def test_a_text_answer_is_enough_where_nothing_else_is_declared() -> None:
    assert health_problems(health(None), answer(b"OK")) == ()
    assert health_problems(health(None), answer(b"OK", 500)) == ("status 500, not 200",)


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("dependencies.*", {"dependencies": {"db": "up", "api.v2": "down"}}),
        ("services.*.status", {"services": {"db": {"status": "up"}, "api.v2": {"status": "no"}}}),
        ("*.up", {"db": {"up": True}, "api.v2": {"up": False}}),
    ],
)
def test_parts_are_named_by_what_stands_for_the_star(path: str, document: object) -> None:
    assert parts(health(path), document) == {"db": True, "api.v2": False}
