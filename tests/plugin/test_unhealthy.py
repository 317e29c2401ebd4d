"""A service that never became healthy is not asked, unless it answers and the manifest says so."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, Literal, cast

import pytest

from pytest_metarelease.errors import NotReadyError
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.model import Environment, Expectation, Health, Service
from pytest_metarelease.manifest.scalars import Access, Seconds, Url, ValuePath
from pytest_metarelease.plugin.doors import HttpDoor, readiness_of
from pytest_metarelease.plugin.target import Seen
from tests.probes.hostile import Asked, Talk, answer, hostile_server


def door(judgement: Judgement, unhealthy: Literal["stop", "go-on"] = "stop") -> HttpDoor:
    health = Health(
        path="/health",
        healthy={ValuePath("status"): Expectation(equals="ok", states_equals=True)},
        unhealthy=unhealthy,
    )
    environment = Environment(
        name="there",
        access=Access.READ_ONLY,
        services={"api": Service(url=Url("http://127.0.0.1:9"), health=health)},
    )
    seen = Seen(
        subject="service:api",
        judgement=judgement,
        expected="healthy within 10 s",
        actual="status is degraded, not ok",
    )
    prepared = SimpleNamespace(readiness={"api": seen})
    target: Any = SimpleNamespace(environment=environment, prepared=prepared, recorder=Notebook())
    return HttpDoor(cast("Any", target))


@pytest.mark.parametrize(
    ("judgement", "unhealthy", "told"),
    [
        (Judgement.UNKNOWN, "stop", "status is degraded, not ok$"),
        (Judgement.UNKNOWN, "go-on", "status is degraded, not ok$"),
        (Judgement.UNMET, "stop", "unhealthy: go-on"),
    ],
)
def test_it_is_not_asked(
    judgement: Judgement, unhealthy: Literal["stop", "go-on"], told: str
) -> None:
    with pytest.raises(NotReadyError, match=told):
        door(judgement, unhealthy).service("api")


@pytest.mark.parametrize(
    ("judgement", "unhealthy"), [(Judgement.UNMET, "go-on"), (Judgement.MET, "stop")]
)
def test_it_is_asked(judgement: Judgement, unhealthy: Literal["stop", "go-on"]) -> None:
    one = door(judgement, unhealthy)
    assert one.service("api").url == "http://127.0.0.1:9"
    one.service("api").close()


def test_its_health_is_always_asked() -> None:
    one = door(Judgement.UNKNOWN)
    one.service("api", ready=False).close()


def test_one_whole_answer_is_awaited_however_long_others_took() -> None:
    """A service that takes a moment, when all the time there was has gone by."""

    def slowly(_: Asked, talk: Talk) -> None:
        talk.drip(answer('{"status": "ok"}'), 0.012)

    with hostile_server({"/health": slowly}) as server:
        health = Health(
            path="/health",
            healthy={ValuePath("status"): Expectation(equals="ok", states_equals=True)},
            within=Seconds(60),
        )
        environment = Environment(
            name="there",
            access=Access.READ_ONLY,
            services={"api": Service(url=Url(server.url), health=health)},
        )
        long_ago = time.monotonic() - 3600
        seen = readiness_of("api", environment, Notebook(), long_ago)
    assert seen.met, seen.actual
