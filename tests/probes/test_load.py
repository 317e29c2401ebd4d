"""The load sampler against real servers: the rate is kept, a stall is seen, everything ends."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import ForbiddenError, TooFewSamplesError, UnmetError, UsageError
from pytest_metarelease.evidence import Judgement, Notebook, RateSample
from pytest_metarelease.manifest.measuring import ResponseTime
from pytest_metarelease.manifest.scalars import Seconds
from pytest_metarelease.probes.hosts import Hosts
from pytest_metarelease.probes.load import MOST_IN_FLIGHT, sample
from pytest_metarelease.probes.load_sample import LoadSample, Trial
from tests.probes.hostile import (
    Asked,
    Hostile,
    Talk,
    answer,
    closed_port,
    hostile_server,
    says,
    says_json,
    then_hang_up,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[Hostile]:
    with hostile_server() as running:
        yield running


def take(
    server: Hostile, *paths: str, rate: float = 200, samples: int = 40, timeout: float = 5
) -> LoadSample:
    hosts = Hosts.these([server.url])
    return sample(server.url, paths, rate=rate, samples=samples, timeout=timeout, hosts=hosts)


def within(sampled: LoadSample, book: Notebook, **limits: float) -> LoadSample:
    book.check = "check"
    stated = ResponseTime(**{name: Seconds(value) for name, value in limits.items()})
    return sampled.recorded(book, "service:api", "api.error_rate").expect_within(stated)


def made(latencies: list[float], **other: object) -> LoadSample:
    """Return a sample as if it had been taken, for what follows from it."""
    trials = tuple(
        Trial(number, number / 100, latency, latency, 0.0, 200)
        for number, latency in enumerate(latencies)
    )
    values = {"url": "http://x", "paths": ("/",), "at": "", "span": 1.0, "timeout": 5.0}
    return LoadSample(**{**values, "trials": trials, **other})  # type: ignore[arg-type]


# -- nothing verifies by itself


def test_what_cannot_be_sampled_is_a_usage_error(server: Hostile) -> None:
    hosts = Hosts.these([server.url])
    for wrong in ({"rate": 0.0}, {"samples": 0}, {"samples": 10**9}, {"timeout": 0.0}):
        asked = {"rate": 1.0, "samples": 1, "timeout": 1.0, **wrong}
        with pytest.raises(UsageError):
            sample(server.url, ["/"], hosts=hosts, **asked)  # type: ignore[arg-type]
    with pytest.raises(UsageError):
        sample(server.url, [], rate=1, samples=1, timeout=1, hosts=hosts)
    with pytest.raises(ForbiddenError):
        sample("http://127.0.0.1:9", ["/"], rate=1, samples=1, timeout=1, hosts=hosts)
    assert server.asked == []


def test_too_few_samples_are_unknown() -> None:
    book = Notebook()
    with pytest.raises(TooFewSamplesError, match="p99 10 ms of 298: too few samples to tell"):
        within(made([0.01] * 298), book, p99=0.5)
    within(made([0.01] * 299), book, p99=0.5)
    judged = [one.judgement for one in book.citations["check"]]
    assert judged[1::2] == [Judgement.UNKNOWN, Judgement.MET]


def test_without_limits_nothing_is_judged() -> None:
    book = Notebook()
    book.check = "check"
    recorded = made([0.01] * 9).recorded(book, "service:api", "api.error_rate")
    for limits in (None, ResponseTime()):
        with pytest.raises(UsageError):
            recorded.expect_within(limits)
    with pytest.raises(UsageError):
        made([0.01] * 9).expect_within(ResponseTime(mean=Seconds(1)))


# -- against servers


def test_all_paths_are_asked_in_turn_by_get(server: Hostile) -> None:
    server.scripts |= {"/a": says_json({}), "/b": says_json({})}
    taken = take(server, "/a", "/b?q=1", samples=20)
    assert sorted(one.target for one in server.asked) == ["/a"] * 10 + ["/b?q=1"] * 10
    assert {one.method for one in server.asked} == {"GET"}
    assert [trial.status for trial in taken.trials] == [200] * 20
    assert taken.rate_sample("api.error_rate", 2) == RateSample(
        measure="api.error_rate", bad=0, total=20, excluded=0, looks=2
    )


def test_each_path_is_asked_with_its_own_headers(server: Hostile) -> None:
    server.scripts |= {"/a": says_json({}), "/b": says_json({})}
    own = [{"X-Own": "a"}, {"user-agent": "b"}]
    hosts = Hosts.these([server.url])
    sample(server.url, ["/a", "/b"], rate=200, samples=8, timeout=5, hosts=hosts, headers=own)
    seen = {
        (one.target, one.headers.get("x-own"), one.headers["user-agent"]) for one in server.asked
    }
    assert seen == {("/a", "a", "pytest-metarelease"), ("/b", None, "b")}


def test_the_rate_is_that_of_the_schedule(server: Hostile) -> None:
    server.scripts["/"] = says_json({})
    taken = take(server, "/", rate=100, samples=50)
    assert [trial.offset for trial in taken.trials] == pytest.approx([n / 100 for n in range(50)])
    assert taken.span >= 0.49


def test_what_went_wrong_is_counted_and_429_is_not(server: Hostile) -> None:
    server.scripts |= {
        "/ok": says_json({}),
        "/broken": says_json({}, 500),
        "/gone": says_json({}, 404),
        "/limited": says_json({}, 429),
        "/torn": then_hang_up(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"),
    }
    taken = take(server, "/ok", "/broken", "/gone", "/limited", "/torn", samples=50)
    counted = taken.rate_sample("m")
    assert (counted.bad, counted.total, counted.excluded) == (30, 40, 10)
    # A failing answer is no fast answer, and a lost one took at least the time-out.
    assert len(taken.latencies) == 20
    assert sum(latency >= 5 for latency in taken.latencies) == 10


def test_nobody_there_is_all_bad() -> None:
    url = closed_port()
    hosts = Hosts.these([url])
    taken = sample(url, ["/"], rate=200, samples=20, timeout=1, hosts=hosts)
    assert taken.bad == 20
    assert taken.mean >= 1


def test_a_kept_connection_that_was_closed_is_no_error(server: Hostile) -> None:
    seen: dict[int, int] = {}

    def twice(asked: Asked, talk: Talk) -> None:
        seen[asked.connection] = seen.get(asked.connection, 0) + 1
        if seen[asked.connection] > 2:
            then_hang_up(b"")(asked, talk)
        talk.send(answer("{}"))

    server.scripts["/"] = twice
    assert take(server, "/", samples=30).bad == 0


def test_few_connections_carry_a_fast_service(server: Hostile) -> None:
    server.scripts["/"] = says_json({})
    take(server, "/", rate=100, samples=60)
    assert server.connections < MOST_IN_FLIGHT / 2


def test_a_stall_is_seen_by_everyone_who_was_due(server: Hostile) -> None:
    """A closed loop would have had one slow request; here, all that were due during the stall."""
    stall = threading.Event()

    def frozen_once(_: Asked, talk: Talk) -> None:
        if len(server.asked) >= 20:
            stall.wait(0.5)
        talk.send(answer("{}"))

    server.scripts["/"] = frozen_once
    timer = threading.Timer(0.7, stall.set)
    timer.start()
    taken = take(server, "/", rate=100, samples=100)
    timer.join()
    assert sum(trial.latency > 0.1 for trial in taken.trials) >= 20
    assert taken.bad == 0


def test_a_slow_service_keeps_the_loop_open_within_bounds(server: Hostile) -> None:
    def slow(_: Asked, talk: Talk) -> None:
        talk.wait(0.7)
        talk.send(answer("{}"))

    server.scripts["/"] = slow
    book = Notebook()
    taken = take(server, "/", rate=200, samples=200, timeout=5)
    assert server.connections <= MOST_IN_FLIGHT
    assert taken.span < 200 / 200 + 5 + 2
    assert min(taken.latencies) >= 0.7
    with pytest.raises(UnmetError, match="mean at most 500 ms"):
        within(taken, book, mean=0.5, p95=1)
    assert book.citations["check"][-1].judgement is Judgement.UNMET


def test_a_dripping_service_ends_in_time(server: Hostile) -> None:
    def drip(_: Asked, talk: Talk) -> None:
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
        talk.drip(b"x" * 9999, 0.05)

    server.scripts["/"] = drip
    began = time.monotonic()
    taken = take(server, "/", rate=100, samples=10, timeout=0.5)
    assert time.monotonic() - began < 0.1 + 0.5 + 2
    assert taken.bad == 10
    assert all(trial.error for trial in taken.trials)


def test_silence_ends_in_time(server: Hostile) -> None:
    server.scripts["/"] = lambda _, talk: talk.wait(60)
    taken = take(server, "/", rate=500, samples=100, timeout=0.4)
    assert taken.bad == 100
    assert taken.span < 100 / 500 + 0.4 + 2


def test_a_large_body_is_not_kept(server: Hostile) -> None:
    server.scripts["/"] = says(answer(b"x" * 9_000_000))
    assert take(server, "/", samples=2).bad == 0


# -- what a sample amounts to


def test_limits_are_judged_together() -> None:
    book = Notebook()
    sampled = made([0.1] * 380 + [2.0] * 20)
    with pytest.raises(UnmetError, match=r"mean 195 ms of 400; p95 .*; p99 2000 ms"):
        within(sampled, book, mean=0.5, p95=1, p99=1)
    assert book.measurements["main-1"].answer == (
        "0 of 400 went wrong; mean 195 ms, p50 100 ms, p90 100 ms, p95 100 ms, p99 2000 ms, "
        "most 2000 ms; own lag at most 0 ms"
    )


def test_our_own_lag_makes_it_unknown() -> None:
    trials = tuple(Trial(n, n / 100, 0.3, 0.1, 0.2, 200) for n in range(400))
    with pytest.raises(TooFewSamplesError, match="our own clock was 200 ms late"):
        within(made([], trials=trials), Notebook(), mean=0.5)


def test_a_breach_by_our_own_bound_is_unknown() -> None:
    trials = tuple(Trial(n, n / 100, 0.8, 0.3, 0.0, 200) for n in range(400))
    with pytest.raises(TooFewSamplesError, match="all our connections were in use"):
        within(made([], trials=trials), Notebook(), mean=0.5)


def test_rounds_are_joined() -> None:
    joined = made([0.1] * 3).joined(made([0.2] * 5))
    assert len(joined) == 8
    assert joined.span == 2.0
    assert joined.mean == pytest.approx(1.3 / 8)
    assert joined.percentile(0.5) == 0.2
