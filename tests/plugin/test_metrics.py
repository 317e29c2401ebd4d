"""Metrics and load tests through a session: declared, asked, judged, and in the packet."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.probes.hostile import Asked, Talk, hostile_server, says_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.plugin.project import Project

_MANIFEST = """\
release: {{name: Sample, version: 1.0.0, commit: "${{GIT_COMMIT}}"}}
default_environment: here
environments:
  here:
    access: read-only
    services: {{api: {{url: "{url}"}}}}
    credentials: {{operator: {{value: "Bearer ${{TOKEN}}"}}}}
    prometheus:
      main:
        url: "${{PROMETHEUS_URL}}"
        credential: operator
        queries:
          errors: {{about: errors, query: "errors[$window]", max: 0.05, source: up}}
    load_tests:
      peak: {{service: api, summary: k6.json, response_time: {{p95: 500ms}}}}
checklist:
"""
_CHECKS = """\
import pytest

@pytest.mark.verifies("post.errors")
@pytest.mark.for_each("error_metric")
def test_errors(error_metric, metrics):
    metrics(error_metric).expect()

@pytest.mark.verifies("post.peak")
@pytest.mark.for_each("load_test")
def test_peak(load_test, load_tests):
    load_tests(load_test).expect()
"""
_LOCK = (
    "post.errors: test_all.py::test_errors[main.errors]",
    "post.peak: test_all.py::test_peak[peak]",
)
_TOKEN = "token-of-an-operator"


class Prometheus:
    """Answers every query with ``value``, to who holds the token."""

    def __init__(self) -> None:
        self.value = "0.01"
        self.queries: list[str] = []

    def __call__(self, asked: Asked, talk: Talk) -> None:
        (query,) = parse_qs(urlsplit(asked.target).query)["query"]
        self.queries.append(query)
        known = asked.headers.get("authorization") == f"Bearer {_TOKEN}"
        value = {"t": "1", "c": "99"}.get(query[0], self.value)
        series = [{"metric": {}, "value": [time.time(), value]}]
        found = {"status": "success", "data": {"resultType": "vector", "result": series}}
        says_json(found if known else {}, 200 if known else 401)(asked, talk)


@pytest.fixture
def prometheus() -> Iterator[tuple[Prometheus, str]]:
    answers = Prometheus()
    with hostile_server({"/api/v1/query": answers}) as server:
        yield answers, server.url


def write_summary(project: Project, url: str, p95: float) -> None:
    document = {
        "metrics": {
            "http_req_duration": {"values": {"avg": 9, "med": 9, "p(90)": 9, "p(95)": p95}},
            "http_req_failed": {"values": {"passes": 0, "fails": 5000}},
            "http_reqs": {"values": {"count": 5000}},
        },
        "state": {"testRunDurationMs": 1000},
        "release": {"version": "1.0.0", "commit": project.head(), "url": url},
        "finished_at": datetime.now(UTC).isoformat(),
    }
    (project.path / "k6.json").write_text(json.dumps(document))


def test_both_decide_and_say_why(project: Project, prometheus: tuple[Prometheus, str]) -> None:
    answers, url = prometheus
    project.items("post.errors P0", "post.peak P0", head=_MANIFEST.format(url=url))
    project.write("test_all.py", _CHECKS).lock(*_LOCK)
    project.write(
        ".gitignore", "k6.json\nrelease-evidence/\n__pycache__/\n.pytest_cache/\nstdout\nstderr\n"
    ).commit()
    given = {"PROMETHEUS_URL": url, "TOKEN": _TOKEN}

    nothing = project.pytest("-m", "post_deploy", **given)
    assert nothing.verdict == "HOLD", nothing.text
    assert nothing.item("post.errors")["state"] == "verified"
    assert nothing.codes("post.peak") == ["evidence-unknown"]
    assert "errors[300s]" in answers.queries

    write_summary(project, url, 450)
    assert project.pytest("-m", "post_deploy", **given).verdict == "GO"

    answers.value = "NaN"
    unknown = project.pytest("-m", "post_deploy", **given)
    assert (unknown.verdict, unknown.codes("post.errors")) == ("HOLD", ["evidence-unknown"])

    answers.value = "0.06"
    failed = project.pytest("-m", "post_deploy", **given)
    assert (failed.verdict, failed.item("post.errors")["state"]) == ("NO-GO", "failed")
    assert "at most 0.05" in failed.text
    assert _TOKEN not in failed.text
