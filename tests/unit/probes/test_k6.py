"""Summaries of k6: only of this release, only its numbers, and only where they can tell."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import ProbeError, UnmetError
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.measuring import LoadTest, ResponseTime
from pytest_metarelease.manifest.scalars import RelativePath, Seconds
from pytest_metarelease.probes.k6 import Expected, LoadTestProbe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NOW = datetime(2030, 1, 2, 12, tzinfo=UTC)
COMMIT = "0123456789abcdef0123456789abcdef01234567"
URL = "https://api.example.org"


def summary(**other: Any) -> dict[str, Any]:
    """Return what handleSummary gets of 10,000 requests, with what docs/performance.md adds."""
    times = {"avg": 120.0, "min": 9.0, "med": 100.0, "max": 2000.0}
    times |= {"p(90)": 200.0, "p(95)": 300.0, "p(99)": 700.0, **other.pop("times", {})}
    failed, requests = other.pop("failed", 10), other.pop("requests", 10_000)
    rate = {"rate": failed / requests, "passes": failed, "fails": requests - failed}
    metrics = {
        "http_req_duration": {"type": "trend", "contains": "time", "values": times},
        "http_req_failed": {"type": "rate", "contains": "default", "values": rate},
        "http_reqs": {"type": "counter", "values": {"count": requests, "rate": 50.0}},
        **other.pop("metrics", {}),
    }
    return {
        "metrics": metrics,
        "state": {"isStdOutTTY": False, "testRunDurationMs": 200_000.5},
        "release": {"version": "1.0.0", "commit": COMMIT, "url": URL},
        "finished_at": "2030-01-02T11:00:00.000Z",
        **other,
    }


def judge(
    folder: Path, document: Any, limits: Mapping[str, float] | None = None, since: str | None = None
) -> tuple[Judgement, str]:
    """Return what is on record of the load test, and what was raised."""
    file = folder / "summary.json"
    if document is not None:
        raw = document if isinstance(document, bytes) else json.dumps(document).encode()
        file.write_bytes(raw)
    stated = {name: Seconds(value) for name, value in (limits or {"p95": 0.5}).items()}
    declared = LoadTest(
        service="api",
        summary=RelativePath("summary.json"),
        response_time=ResponseTime(**stated),
    )
    expected = Expected(version="1.0.0", commit=COMMIT, url=URL, since=since, now=NOW)
    book = Notebook()
    book.check = "check"
    said = ""
    try:
        LoadTestProbe(declared, file, expected, book).expect(next_step="look at it")
    except (UnmetError, ProbeError) as raised:
        said = str(raised)
    (_, citation) = book.citations["check"]
    assert citation.subject == "service:api"
    return citation.judgement, said


def test_no_file_is_no_load(tmp_path: Path) -> None:
    judged, said = judge(tmp_path, None)
    assert judged is Judgement.UNKNOWN
    assert "is not there" in said


def test_a_summary_of_this_release_within_its_limits_is_met(tmp_path: Path) -> None:
    assert judge(tmp_path, summary()) == (Judgement.MET, "")
    assert judge(
        tmp_path, summary(), {"mean": 0.2, "p50": 0.2, "p90": 0.3, "p95": 0.4, "p99": 1}
    ) == (
        Judgement.MET,
        "",
    )


@pytest.mark.parametrize(
    "other",
    [
        {"release": {"version": "1.0.1", "commit": COMMIT, "url": URL}},
        {"release": {"version": "1.0.0", "commit": COMMIT[::-1], "url": URL}},
        {"release": {"version": "1.0.0", "commit": COMMIT, "url": "https://staging.example.org"}},
        {"finished_at": (NOW - timedelta(hours=25)).isoformat()},
        {"finished_at": (NOW + timedelta(hours=1)).isoformat()},
        {"metrics": {"dropped_iterations": {"values": {"count": 1, "rate": 0.1}}}},
        {"requests": 999},
    ],
)
def test_what_is_not_of_this_release_or_cannot_tell_is_unknown(
    tmp_path: Path, other: dict[str, Any]
) -> None:
    judged, said = judge(tmp_path, summary(**other))
    assert judged is Judgement.UNKNOWN, said
    # Also where the numbers are bad: they are not this release's.
    assert judge(tmp_path, summary(times={"med": 9e3}, **other))[0] is Judgement.UNKNOWN


def test_a_test_that_began_before_the_deployment_is_unknown(tmp_path: Path) -> None:
    assert judge(tmp_path, summary(), since="2030-01-02T10:50:00Z")[0] is Judgement.MET
    assert judge(tmp_path, summary(), since="2030-01-02T10:58:00Z")[0] is Judgement.UNKNOWN


@pytest.mark.parametrize(
    ("limits", "judged"),
    [
        ({"p95": 0.25}, Judgement.UNKNOWN),  # p90 keeps it: more than 5 % are slow, or just 5 %
        ({"p95": 0.15}, Judgement.UNMET),  # a tenth and more are slow
        ({"p50": 0.09}, Judgement.UNKNOWN),
        ({"p99": 0.25}, Judgement.UNMET),
        ({"mean": 0.1}, Judgement.UNMET),
        ({"p95": 0.15, "p50": 0.09}, Judgement.UNMET),  # the worse wins
    ],
)
def test_times_are_judged_by_us(
    tmp_path: Path, limits: dict[str, float], judged: Judgement
) -> None:
    found, said = judge(tmp_path, summary(), limits)
    assert found is judged, said
    assert said


@pytest.mark.parametrize(
    ("failed", "judged"),
    [(0, Judgement.MET), (50, Judgement.MET), (100, Judgement.UNKNOWN), (200, Judgement.UNMET)],
)
def test_errors_are_judged_by_their_interval(
    tmp_path: Path, failed: int, judged: Judgement
) -> None:
    assert judge(tmp_path, summary(failed=failed))[0] is judged


def test_a_percentile_that_is_not_in_it_is_unknown(tmp_path: Path) -> None:
    document = summary()
    del document["metrics"]["http_req_duration"]["values"]["p(99)"]
    judged, said = judge(tmp_path, document, {"p99": 9.0})
    assert judged is Judgement.UNKNOWN
    assert "--summary-trend-stats" in said


LEGACY = {  # --summary-export: no release, no time
    "metrics": {
        "http_req_duration": {"avg": 1.0, "p(95)": 2.0},
        "http_req_failed": {"passes": 0, "fails": 10_000, "value": 0},
        "http_reqs": {"count": 10_000, "rate": 50.0},
    },
    "root_group": {},
}


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"null",
        b"[]",
        b"{" * 5000,
        b" " * (5 * 2**20),
        {},
        LEGACY,
        {**summary(), "release": None},
        {**summary(), "finished_at": "2030-01-02T11:00:00"},
        {**summary(), "finished_at": 5},
        {**summary(), "state": {}},
        summary(metrics={"http_reqs": {"values": {"count": 9_999}}}),
        summary(metrics={"http_req_failed": {"values": {"passes": -1, "fails": 10_001}}}),
        summary(metrics={"http_req_failed": {"values": {"passes": 0.5, "fails": 9_999.5}}}),
        summary(metrics={"http_req_failed": {"values": {"passes": True, "fails": 9_999}}}),
        summary(times={"p(95)": "fast"}),
        summary(times={"p(95)": -1}),
        summary(times={"p(95)": None}),
    ],
)
def test_what_is_no_summary_is_unknown(tmp_path: Path, document: Any) -> None:
    judged, said = judge(tmp_path, document)
    assert judged is Judgement.UNKNOWN
    assert said
