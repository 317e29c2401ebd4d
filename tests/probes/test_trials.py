"""Requests that must be refused: nothing is refused that was not answered, and what stands out is
told from a service that fails anyway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import ProbeError, UnmetError
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.probes.api import trials
from pytest_metarelease.probes.api.trials import Trials
from pytest_metarelease.probes.hosts import Hosts
from pytest_metarelease.probes.http import HttpProbe
from tests.probes.hostile import Hostile, hostile_server, says_json, then_hang_up

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[Hostile]:
    with hostile_server() as running:
        yield running


@pytest.fixture
def probe(server: Hostile) -> Iterator[HttpProbe]:
    recorder = Notebook()
    recorder.check = "it"
    hosts = Hosts.these([server.url])
    made = HttpProbe(
        "service:api", server.url, recorder=recorder, hosts=hosts, access=Access.TRANSACT, timeout=2
    )
    yield made
    made.close()


def tried(probe: HttpProbe, path: str, *, works: bool = True, redirect: bool = False) -> Trials:
    made = Trials(probe.recorder, lambda: works)
    made.refused(path, lambda: probe.get(path), redirect=redirect)
    return made


def judgements(probe: HttpProbe) -> set[Judgement]:
    recorder = probe.recorder
    assert isinstance(recorder, Notebook)
    return {one.judgement for one in recorder.citations["it"]} - {Judgement.NONE}


def test_nothing_tried_raises_nothing_and_verifies_nothing(probe: HttpProbe) -> None:
    Trials(probe.recorder, lambda: True).finish("refusals")
    assert isinstance(probe.recorder, Notebook)
    assert probe.recorder.citations == {}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 415, 422])
def test_every_4xx_refuses(server: Hostile, probe: HttpProbe, status: int) -> None:
    server.scripts["/x"] = says_json({}, status)
    tried(probe, "/x").finish("a refusal")
    assert judgements(probe) == {Judgement.MET}


@pytest.mark.parametrize("status", [200, 201, 204, 500, 503])
def test_success_and_failure_do_not(server: Hostile, probe: HttpProbe, status: int) -> None:
    server.scripts["/x"] = says_json({}, status)
    with pytest.raises(UnmetError, match=str(status)):
        tried(probe, "/x").finish("a refusal")
    assert judgements(probe) == {Judgement.UNMET}


def test_a_failure_of_what_fails_anyway_is_unknown(server: Hostile, probe: HttpProbe) -> None:
    server.scripts["/x"] = says_json({}, 500)
    with pytest.raises(ProbeError, match="what is right fails as well"):
        tried(probe, "/x", works=False).finish("a refusal")
    assert judgements(probe) == {Judgement.UNKNOWN}


def test_a_redirect_is_no_refusal_but_for_strangers(server: Hostile, probe: HttpProbe) -> None:
    server.scripts["/x"] = says_json({}, 302, Location="/login")
    with pytest.raises(ProbeError, match="redirected"):
        tried(probe, "/x").finish("a refusal")
    tried(probe, "/x", redirect=True).finish("a refusal")


def test_who_is_put_off_for_ever_measured_nothing(server: Hostile, probe: HttpProbe) -> None:
    server.scripts["/x"] = says_json({}, 429, Retry_After="3600")
    with pytest.raises(ProbeError, match="not measured"):
        tried(probe, "/x").finish("a refusal")
    assert judgements(probe) == {Judgement.UNKNOWN}


def test_a_request_that_silences_the_service_is_told(server: Hostile, probe: HttpProbe) -> None:
    server.scripts["/x"] = then_hang_up(b"")
    with pytest.raises(UnmetError, match="no answer"):
        tried(probe, "/x").finish("a refusal")


def test_a_service_that_went_away_is_unknown(
    server: Hostile, probe: HttpProbe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "_BETWEEN_LOOKS", 0.0)
    server.scripts["/x"] = then_hang_up(b"")
    with pytest.raises(ProbeError):
        tried(probe, "/x", works=False).finish("a refusal")
    assert judgements(probe) == {Judgement.UNKNOWN}


def test_everything_that_was_found_is_told(server: Hostile, probe: HttpProbe) -> None:
    server.scripts["/x"] = says_json({}, 200)
    server.scripts["/y"] = says_json({}, 500)
    found = Trials(probe.recorder, lambda: True)
    for path in ("/x", "/y"):
        found.refused(f"asking {path}", lambda path=path: probe.get(path))  # type: ignore[misc]
    with pytest.raises(UnmetError, match=r"(?s)asking /x.*asking /y"):
        found.finish("refusals")
