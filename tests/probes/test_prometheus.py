"""PromQL against a real Prometheus, and against servers that answer what it may answer."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from pytest_metarelease.errors import ForbiddenError, ProbeError, UnmetError, UsageError
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.measuring import Query
from pytest_metarelease.manifest.scalars import Seconds
from pytest_metarelease.plugin.metrics_door import window_of
from pytest_metarelease.probes.hosts import Hosts
from pytest_metarelease.probes.http import HttpProbe
from pytest_metarelease.probes.prometheus import MetricProbe
from tests.probes.hostile import Asked, Hostile, Talk, answer, hostile_server, says, says_json
from tests.prometheus import prometheus_server

if TYPE_CHECKING:
    from collections.abc import Iterator

_WITHIN = 60.0
_PAGE = """\
# TYPE requests_total counter
requests_total{code="200"} %d
# TYPE failures_total counter
failures_total 0
# TYPE room gauge
room{disk="a"} 0.5
room{disk="b"} 0.25
# TYPE nothing gauge
nothing NaN
"""


def query(text: str, **other: Any) -> Query:
    values = {"about": "errors", "source": 'up{job="api"}', "window": Seconds(60), **other}
    return Query(query=text, **values)


def ask(url: str, declared: Query, *, window: float = 60.0) -> tuple[Judgement, str]:
    """Return what is on record of the metric, and what was raised."""
    book = Notebook()
    book.check = "check"
    http = HttpProbe("metric:p.x", url, recorder=book, hosts=Hosts.these([url]))
    said = ""
    try:
        MetricProbe(declared, http, window).expect(next_step="look at it")
    except (UnmetError, ProbeError) as raised:
        said = str(raised)
    finally:
        http.close()
    cited = book.citations.get("check", [])
    assert {one.subject for one in cited} <= {"metric:p.x"}
    return max((one.judgement for one in cited), key=lambda one: one.rank), said


# -- a real Prometheus


@pytest.fixture(scope="module")
def target() -> Iterator[Hostile]:
    """A product whose metrics are scraped; each scrape finds ten requests more."""
    scraped = [0]

    def page(_: Asked, talk: Talk) -> None:
        scraped[0] += 10
        talk.send(answer(_PAGE % scraped[0], content_type="text/plain; version=0.0.4"))

    with hostile_server({"/metrics": page}) as server:
        yield server


@pytest.fixture(scope="module")
def prometheus(target: Hostile) -> Iterator[str]:
    with prometheus_server(target.url) as url:
        until = time.monotonic() + _WITHIN
        enough = query("vector(1)", min=1, min_samples=5)
        while ask(url, enough)[0] is not Judgement.MET:
            assert time.monotonic() < until, "it scraped nothing"
            time.sleep(0.1)
        yield url


def test_no_series_is_not_zero(prometheus: str) -> None:
    judged, said = ask(prometheus, query("rate(no_such_metric[$window])", max=0.05))
    assert judged is Judgement.UNKNOWN
    assert "no series" in said
    judged, said = ask(prometheus, query("vector(0)", max=0.05, source="no_such_metric"))
    assert judged is Judgement.UNKNOWN


@pytest.mark.parametrize(
    ("text", "limits", "judged"),
    [
        ("failures_total / requests_total", {"max": 0.05}, Judgement.UNKNOWN),  # labels differ
        ("sum(rate(failures_total[$window]))/sum(rate(requests_total[$window]))", {"max": 0.05},
         Judgement.MET),
        ("sum(rate(requests_total[$window]))", {"min": 0.01}, Judgement.MET),
        ("sum(rate(requests_total[$window]))", {"max": 0.01}, Judgement.UNMET),
        ("avg_over_time(up[$window])", {"min": 0.5}, Judgement.MET),
        ("avg_over_time(up[$window])", {"min": 1.5}, Judgement.UNMET),
        ("room", {"max": 0.6}, Judgement.MET),
        ("room", {"max": 0.4}, Judgement.UNMET),  # one of two series
        ("room", {"min": 0.25, "max": 0.5}, Judgement.MET),
        ("room > 0.9", {"max": 0.9}, Judgement.UNKNOWN),
        ("scalar(sum(room))", {"max": 0.75}, Judgement.MET),
        ("nothing", {"max": 1}, Judgement.UNKNOWN),
        ("vector(0) / 0", {"max": 1}, Judgement.UNKNOWN),
        ("vector(1) / 0", {"max": 1}, Judgement.UNKNOWN),
        ("room[1m]", {"max": 1}, Judgement.UNKNOWN),
        ('"text"', {"max": 1}, Judgement.UNKNOWN),
        ("room +", {"max": 1}, Judgement.UNKNOWN),
    ],
)  # fmt: skip
def test_what_it_says_is_held_against_the_limits(
    prometheus: str, text: str, limits: dict[str, float], judged: Judgement
) -> None:
    found, said = ask(prometheus, query(text, **limits))
    assert found is judged, said
    assert (said == "") == (judged is Judgement.MET)


def test_the_text_says_which_series_and_what_next(prometheus: str) -> None:
    _, said = ask(prometheus, query("room", max=0.4))
    assert "expected  room: at most 0.4" in said
    assert 'disk="a"' in said
    assert 'disk="b"' not in said
    assert "look at it" in said


def test_few_scrapes_and_a_young_release_are_unknown(prometheus: str) -> None:
    judged, said = ask(prometheus, query("room", max=1, min_samples=100_000))
    assert judged is Judgement.UNKNOWN
    assert "100000 scrapes in 60s" in said
    http = HttpProbe("metric:p.x", prometheus, recorder=Notebook(), hosts=Hosts.these([prometheus]))
    with pytest.raises(ProbeError, match="deployed only now"):
        MetricProbe(query("room", max=1), http, 0.5).expect()
    http.close()


def test_only_declared_hosts_are_asked(prometheus: str, target: Hostile) -> None:
    http = HttpProbe("metric:p.x", prometheus, recorder=Notebook(), hosts=Hosts.these([target.url]))
    with pytest.raises(ForbiddenError):
        MetricProbe(query("room", max=1), http, 60).expect()
    http.close()


def test_a_target_that_went_away_is_unknown() -> None:
    with hostile_server() as gone:
        gone.scripts["/metrics"] = says(answer(_PAGE % 1, content_type="text/plain"))
        with prometheus_server(gone.url) as url:
            wanted = query("vector(1)", min=1, source="room", min_samples=1)
            until = time.monotonic() + _WITHIN
            while ask(url, wanted)[0] is not Judgement.MET:
                assert time.monotonic() < until
                time.sleep(0.1)
            gone.scripts["/metrics"] = says(answer("", 500))
            while ask(url, wanted)[0] is Judgement.MET:
                assert time.monotonic() < until
                time.sleep(0.1)
            judged, said = ask(url, wanted)
            assert judged is Judgement.UNKNOWN
            assert "no series" in said


# -- what a Prometheus, or what stands before it, may answer


def vector(*values: object, at: float | None = None) -> dict[str, Any]:
    moment = time.time() if at is None else at
    series = [{"metric": {"n": str(n)}, "value": [moment, one]} for n, one in enumerate(values)]
    return {"status": "success", "data": {"resultType": "vector", "result": series}}


class Server:
    """Answers as Prometheus does: the age and the number of scrapes, and what a test wants."""

    def __init__(self, server: Hostile) -> None:
        self.url = server.url
        self.ages, self.counts, self.answer = vector("1"), vector("100"), vector("0.5")
        server.scripts["/api/v1/query"] = self._answer

    def _answer(self, asked: Asked, talk: Talk) -> None:
        (text,) = parse_qs(urlsplit(asked.target).query)["query"]
        found = self.answer
        if text.startswith("time()"):
            found = self.ages
        elif text.startswith("count_over_time"):
            found = self.counts
        says_json(found)(asked, talk)


@pytest.fixture
def server() -> Iterator[Server]:
    with hostile_server() as running:
        yield Server(running)


ROOM = query("room", max=1)


def test_a_healthy_answer_is_met(server: Server) -> None:
    assert ask(server.url, ROOM) == (Judgement.MET, "")


@pytest.mark.parametrize(
    "found",
    [
        {},
        [],
        {"status": "success"},
        {"status": "success", "data": []},
        {"status": "success", "data": {"resultType": "vector"}},
        {"status": "success", "data": {"resultType": "vector", "result": []}},
        {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}}]}},
        {"status": "success", "data": {"resultType": "scalar", "result": None}},
        {"status": "success", "data": {"resultType": "matrix", "result": []}},
        {"status": "error", "errorType": "timeout", "error": "query timed out"},
        {**vector("0.5"), "warnings": ["partial response: store 10.0.0.1 did not answer"]},
        vector(0.5),
        vector("half"),
        vector("1e"),
        vector("NaN"),
        vector("0.5", "NaN"),
        vector("-Inf"),
        vector("0.5", at=1.0),
        vector(*["0.5"] * 1001),
    ],
)
def test_what_is_no_whole_answer_is_unknown(server: Server, found: Any) -> None:
    server.answer = found
    judged, said = ask(server.url, ROOM)
    assert judged is Judgement.UNKNOWN, said
    assert said


def test_a_breach_is_a_breach_beside_a_series_without_a_number(server: Server) -> None:
    server.answer = vector("NaN", "2")
    assert ask(server.url, ROOM)[0] is Judgement.UNMET


@pytest.mark.parametrize("age", ["121", "-121", "NaN", "+Inf"])
def test_old_scrapes_are_unknown(server: Server, age: str) -> None:
    server.ages = vector("1", age)
    assert ask(server.url, ROOM)[0] is Judgement.UNKNOWN


@pytest.mark.parametrize("count", ["1", "0", "NaN"])
def test_few_scrapes_are_unknown(server: Server, count: str) -> None:
    server.counts = vector("100", count)
    assert ask(server.url, ROOM)[0] is Judgement.UNKNOWN


def test_a_silent_server_is_unknown() -> None:
    with hostile_server() as nothing:
        judged, said = ask(nothing.url, ROOM)
    assert judged is Judgement.UNKNOWN
    assert "status 404" in said


# -- the window


def test_the_window_begins_at_the_deployment() -> None:
    now = datetime(2030, 1, 1, 12, tzinfo=UTC)
    assert window_of(300, None, now) == 300
    assert window_of(300, "2030-01-01T11:59:00Z", now) == 60
    assert window_of(300, "2030-01-01T10:00:00+00:00", now) == 300
    assert window_of(300, "2030-01-01T13:00:00Z", now) == 0
    for wrong in ("yesterday", "2030-01-01T11:59:00"):
        with pytest.raises(UsageError):
            window_of(300, wrong, now)
