"""Waiting for health, and which release answers, against real servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import ForbiddenError
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.model import Database, Expectation, Health, Identity
from pytest_metarelease.manifest.scalars import Seconds, ValuePath
from pytest_metarelease.probes.fallen import FallenPart
from pytest_metarelease.probes.hosts import Hosts
from pytest_metarelease.probes.http import HttpProbe
from pytest_metarelease.probes.identity import identify, same_commit
from pytest_metarelease.probes.readiness import wait_until_healthy
from pytest_metarelease.probes.sql import DatabaseProbe
from tests.probes.hostile import (
    Asked,
    Hostile,
    Script,
    Talk,
    answer,
    closed_port,
    hostile_server,
    says_json,
    then_hang_up,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HEALTH = Health(
    path="/health",
    healthy={ValuePath("status"): Expectation(equals="healthy", states_equals=True)},
    parts=ValuePath("dependencies.*"),
)
IDENTITY = Identity(path="/health", version=ValuePath("version"), commit=ValuePath("commit"))
COMMIT = "9f2c1ab" + "0" * 33
UP = {"status": "healthy", "dependencies": {"db": "up"}}
DOWN = {"status": "degraded", "dependencies": {"db": "down"}}
NEW = {"version": "2.0.0", "commit": COMMIT}
OLD = {"version": "1.9.0", "commit": "0" * 40}


@pytest.fixture
def server() -> Iterator[Hostile]:
    with hostile_server() as running:
        yield running


@pytest.fixture
def notebook() -> Notebook:
    book = Notebook()
    book.check = "check"
    return book


@pytest.fixture
def probe_of(notebook: Notebook) -> Iterator[Callable[[str], HttpProbe]]:
    made = []

    def make(url: str) -> HttpProbe:
        made.append(
            HttpProbe("service:api", url, recorder=notebook, hosts=Hosts.these([url]), timeout=1.0)
        )
        return made[-1]

    yield make
    for probe in made:
        probe.close()


@pytest.fixture
def api(server: Hostile, probe_of: Callable[[str], HttpProbe]) -> HttpProbe:
    return probe_of(server.url)


def judgements(notebook: Notebook) -> list[Judgement]:
    cited = notebook.citations.get("check", [])
    return [one.judgement for one in cited if one.judgement is not Judgement.NONE]


def in_turn(server: Hostile, *scripts: Script) -> Script:
    """Play the scripts one after the other, the last one for ever."""

    def script(asked: Asked, talk: Talk) -> None:
        scripts[min(len(server.asked), len(scripts)) - 1](asked, talk)

    return script


# -- readiness


def test_what_is_never_healthy_is_not_ready(
    server: Hostile, api: HttpProbe, notebook: Notebook
) -> None:
    server.scripts["/health"] = says_json(DOWN, 503)
    seen = wait_until_healthy(api, HEALTH, 0.3)
    assert not seen.healthy
    assert seen.judgement is Judgement.UNMET
    assert seen.parts == {"db": False}
    assert seen.attempts == len(server.asked) > 1
    assert "status 503, not 200; status is degraded, not healthy; db says down" in seen.text
    assert judgements(notebook) == [Judgement.UNMET]
    assert len(notebook.measurements) == seen.attempts


def test_silence_is_unknown_and_on_record(
    probe_of: Callable[[str], HttpProbe], notebook: Notebook
) -> None:
    seen = wait_until_healthy(probe_of(closed_port()), HEALTH, 0.2)
    assert (seen.healthy, seen.judgement) == (False, Judgement.UNKNOWN)
    assert seen.measurement is not None
    assert "no connection" in seen.text
    assert judgements(notebook) == [Judgement.UNKNOWN]


def test_it_becomes_healthy(server: Hostile, api: HttpProbe, notebook: Notebook) -> None:
    server.scripts["/health"] = in_turn(
        server, then_hang_up(b""), says_json(DOWN), says_json({}, 429), says_json(UP)
    )
    seen = wait_until_healthy(api, HEALTH, 30)
    assert (seen.healthy, seen.attempts) == (True, 4)
    assert seen.text.startswith("healthy after")
    assert judgements(notebook) == [Judgement.MET]


def test_the_caller_may_give_up(server: Hostile, api: HttpProbe) -> None:
    server.scripts["/health"] = in_turn(server, says_json({}, 500), says_json(DOWN))

    def give_up(parts: object) -> str | None:
        return "the database is gone" if parts == {"db": False} else None

    seen = wait_until_healthy(api, HEALTH, 600, give_up=give_up)
    assert seen.gave_up == "the database is gone"
    assert "given up because the database is gone" in seen.text
    assert seen.attempts == 2


STARTING = {"status": "degraded", "dependencies": {"db": "up"}}


@pytest.fixture
def fallen(notebook: Notebook) -> Iterator[Callable[[str], FallenPart]]:
    made: list[DatabaseProbe] = []

    def make(url: str) -> FallenPart:
        declared = Database(url=url, timeout=Seconds(2))
        made.append(DatabaseProbe("orders", declared, recorder=notebook))
        return FallenPart({"db": ("database:orders",)}, {"orders": made[0]}, "service:api")

    yield make
    made[0].close()


def _nowhere() -> str:
    return closed_port().replace("http://", "postgresql+psycopg://u@") + "/orders"


def test_a_part_that_was_never_healthy_is_waited_for(
    server: Hostile, api: HttpProbe, fallen: Callable[[str], FallenPart]
) -> None:
    server.scripts["/health"] = says_json(DOWN)
    seen = wait_until_healthy(api, HEALTH, 0.2, give_up=fallen(_nowhere()))
    assert (seen.healthy, seen.gave_up) == (False, None)


def test_a_part_that_only_says_it_is_down_is_waited_for(
    server: Hostile, api: HttpProbe, fallen: Callable[[str], FallenPart], tmp_path: Path
) -> None:
    (tmp_path / "orders.db").touch()
    server.scripts["/health"] = in_turn(server, says_json(STARTING), says_json(DOWN), says_json(UP))
    part = fallen(f"sqlite:///{tmp_path / 'orders.db'}")
    assert wait_until_healthy(api, HEALTH, 30, give_up=part).healthy


def test_a_part_that_was_healthy_and_is_gone_ends_the_wait(
    server: Hostile, api: HttpProbe, fallen: Callable[[str], FallenPart]
) -> None:
    server.scripts["/health"] = in_turn(server, says_json(STARTING), says_json(DOWN))
    seen = wait_until_healthy(api, HEALTH, 600, give_up=fallen(_nowhere()))
    assert seen.gave_up == "db was healthy and database:orders cannot be reached any more"
    assert (seen.attempts, seen.judgement) == (2, Judgement.UNMET)


def test_pauses_grow_to_a_second(server: Hostile, api: HttpProbe) -> None:
    server.scripts["/health"] = in_turn(server, *[says_json(DOWN)] * 8, says_json(UP))
    waits: list[float] = []
    wait_until_healthy(api, HEALTH, 600, pause=lambda seconds, _: waits.append(seconds))
    assert waits == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0]


def test_what_may_not_be_asked_is_not_waited_for(notebook: Notebook) -> None:
    probe = HttpProbe("service:api", closed_port(), recorder=notebook, hosts=Hosts(frozenset()))
    with pytest.raises(ForbiddenError):
        wait_until_healthy(probe, HEALTH, 600)
    probe.close()


# -- identity


def by_connection(server: Hostile, *documents: object) -> Script:
    def script(asked: Asked, talk: Talk) -> None:
        says_json(documents[(asked.connection - 1) % len(documents)])(asked, talk)

    return script


def test_silence_names_no_release(probe_of: Callable[[str], HttpProbe]) -> None:
    seen = identify(probe_of(closed_port()), IDENTITY, "2.0.0", COMMIT)
    assert seen.judgement is Judgement.UNKNOWN
    assert "9 without an answer (" in seen.actual
    assert seen.measurement is not None


def test_nothing_declared_is_unknown(server: Hostile, api: HttpProbe) -> None:
    server.scripts["/health"] = says_json(NEW)
    seen = identify(api, Identity(path="/health"), "2.0.0", COMMIT)
    assert seen.judgement is Judgement.UNKNOWN


def test_every_connection_names_the_release(
    server: Hostile, api: HttpProbe, notebook: Notebook
) -> None:
    server.scripts["/health"] = says_json({"version": "2.0.0", "commit": "9F2C1AB"})
    seen = identify(api, IDENTITY, "2.0.0", COMMIT)
    assert (seen.judgement, seen.expected) == (Judgement.MET, "2.0.0 (9f2c1ab)")
    assert seen.actual == "8 x 2.0.0 (9F2C1AB)"
    assert server.connections == 8
    assert judgements(notebook) == [Judgement.MET]


def test_one_old_replica_of_several_is_found(
    server: Hostile, api: HttpProbe, notebook: Notebook
) -> None:
    server.scripts["/health"] = by_connection(server, NEW, NEW, NEW, OLD)
    seen = identify(api, IDENTITY, "2.0.0", COMMIT)
    assert seen.judgement is Judgement.UNMET
    assert seen.actual == "6 x 2.0.0 (9f2c1ab), 2 x 1.9.0 (0000000)"
    assert judgements(notebook) == [Judgement.UNMET]


def test_a_failing_request_is_asked_anew(server: Hostile, api: HttpProbe) -> None:
    failing = [says_json(NEW)] * 3 + [says_json({}, 500), then_hang_up(b"")] + [says_json(NEW)]
    server.scripts["/health"] = in_turn(server, *failing)
    seen = identify(api, IDENTITY, "2.0.0", COMMIT)
    assert seen.judgement is Judgement.MET
    assert seen.actual.startswith("8 x 2.0.0 (9f2c1ab), 2 without an answer")
    assert len(seen.measurements) == 10


@pytest.mark.parametrize(
    "script",
    [
        says_json({}),
        says_json(NEW, 404),
        says_json({"version": "2.0.0", "commit": None}),
        says_json({"version": "2.0.0", "commit": "9f2"}),
        lambda _, talk: talk.send(answer("<html>", content_type="text/html")),
    ],
    ids=["nothing", "404", "no commit", "too short", "a page"],
)
def test_an_answer_that_does_not_name_it_is_unmet(
    script: Script, server: Hostile, api: HttpProbe
) -> None:
    server.scripts["/health"] = script
    assert identify(api, IDENTITY, "2.0.0", COMMIT).judgement is Judgement.UNMET


def test_commits_are_compared_by_their_beginning() -> None:
    assert same_commit(COMMIT, COMMIT[:7])
    assert not same_commit(COMMIT[:6], COMMIT)
    assert not same_commit(None, COMMIT)
    assert not same_commit("", "")
