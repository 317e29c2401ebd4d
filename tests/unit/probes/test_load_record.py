"""Samples in a packet: what is written is what is read, and nothing else is believed."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace

import pytest

from pytest_metarelease.errors import PacketError, ProbeError, TooFewSamplesError, UnmetError
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.measuring import EarlierLoad
from pytest_metarelease.manifest.scalars import Seconds, Share
from pytest_metarelease.probes.load_comparison import expect_no_slower
from pytest_metarelease.probes.load_record import MOST_BYTES, LoadRecord
from pytest_metarelease.probes.load_sample import LoadSample, Trial

MATTERS = EarlierLoad(rise=Share(0.2), least=Seconds(0.01), min_samples=100)


def sampled(latencies: list[float], lag: float = 0.0) -> LoadSample:
    trials = tuple(
        Trial(number, number / 100, latency, latency, lag, 200)
        for number, latency in enumerate(latencies)
    )
    return LoadSample(url="http://x", paths=("/",), at="", span=1.0, timeout=5.0, trials=trials)


def record(latencies: list[float]) -> LoadRecord:
    return LoadRecord.of(
        sampled(latencies),
        service="api",
        environment="here",
        rate=100.0,
        url="http://x",
        paths=("/",),
    )


def times(factor: float = 1.0, count: int = 300) -> list[float]:
    return [factor * (0.1 + number / 10_000) for number in range(count)]


def judge(before: LoadRecord, after: list[float], lag: float = 0.0) -> Judgement:
    book = Notebook()
    book.check = "check"
    taken = sampled(after, lag).recorded(book, "service:api", "api.error_rate")
    with contextlib.suppress(UnmetError, ProbeError):
        expect_no_slower(taken, record(after), before, MATTERS, which="1.0.0")
    return book.citations["check"][-1].judgement


def test_nothing_is_no_baseline() -> None:
    assert judge(record([]), times()) is Judgement.UNKNOWN
    assert judge(record(times(count=99)), times()) is Judgement.UNKNOWN
    assert judge(record(times()), times(count=99)) is Judgement.UNKNOWN


def test_met_unmet_and_unclear() -> None:
    assert judge(record(times()), times()) is Judgement.MET
    assert judge(record(times()), times(0.5)) is Judgement.MET
    assert judge(record(times()), times(1.1)) is Judgement.MET
    assert judge(record(times()), times(1.2)) is Judgement.UNKNOWN
    assert judge(record(times()), times(1.5)) is Judgement.UNMET


def test_our_own_lag_is_no_regression_and_no_pass() -> None:
    assert judge(record(times()), times(), lag=0.001) is Judgement.MET
    assert judge(record(times()), times(), lag=0.1) is Judgement.UNKNOWN
    assert judge(record(times()), times(1.5), lag=0.1) is Judgement.UNKNOWN


@pytest.mark.parametrize(
    "other",
    [
        {"service": "web"},
        {"environment": "there"},
        {"url": "http://y"},
        {"paths": ("/", "/more")},
        {"rate": 99.0},
        {"timeout": 4.0},
    ],
)
def test_another_load_is_never_compared(other: dict[str, object]) -> None:
    before = replace(record(times()), **other)  # type: ignore[arg-type]
    assert judge(before, times()) is Judgement.UNKNOWN
    assert judge(before, times(9)) is Judgement.UNKNOWN
    assert next(iter(other)) in before.differences(record(times()))


def test_errors_say_whose_fault_it_is() -> None:
    book = Notebook()
    book.check = "check"
    slow = sampled(times(1.5)).recorded(book, "service:api", "api.error_rate")
    with pytest.raises(UnmetError, match=r"actual    p50 114\.9 -> 172\.[34] ms, slower"):
        expect_no_slower(
            slow, record(times(1.5)), record(times()), MATTERS, which="1.0.0", next_step="look"
        )
    with pytest.raises(TooFewSamplesError, match="not clear yet"):
        expect_no_slower(slow, record(times(1.2)), record(times()), MATTERS, which="1.0.0")


def test_every_sample_survives_to_the_microsecond() -> None:
    kept = record([0.000001, 0.25, 0.25, 4.999999])
    found = LoadRecord.from_bytes(kept.to_bytes())
    assert found == kept
    assert found.latencies == [0.000001, 0.25, 0.25, 4.999999]
    assert (found.counted, found.digest) == (4, kept.digest)


def test_any_change_changes_the_digest() -> None:
    assert len({record(one).digest for one in ([], [0.1], [0.1, 0.1], [0.2])}) == 4


def changed(**values: object) -> bytes:
    document = json.loads(record([0.1, 0.2]).to_bytes())
    return (
        json.dumps({**document, **values}, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"[" * 5000,
        b" " + record([0.1]).to_bytes(),
        b" " * (MOST_BYTES + 1),
        changed(schema="metarelease/load/v2"),
        changed(latencies_us=[[100, -1]]),
        changed(latencies_us=[[100, 1.5]]),
        changed(latencies_us=[[True, 1]]),
        changed(latencies_us=[[200, 1], [100, 1]]),
        changed(latencies_us=[[100, 1], [100, 1]]),
        changed(latencies_us=[[10**12, 1]]),
        changed(latencies_us=[[100, 10**9]]),
        changed(latencies_us=[[100]]),
        changed(bad=-1),
        changed(rate="fast"),
        changed(rate=float("nan")),
        changed(more=1),
    ],
)
def test_what_was_not_written_by_us_is_refused(content: bytes) -> None:
    with pytest.raises(PacketError, match="samples of a load"):
        LoadRecord.from_bytes(content)


def test_the_trivial_change_is_none() -> None:
    assert LoadRecord.from_bytes(changed()) == record([0.1, 0.2])
