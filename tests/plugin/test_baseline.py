"""A load against that of the release before: two runs, two packets, one real server."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.probes.hostile import Asked, Hostile, Talk, answer, hostile_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.plugin.project import Project, Ran

_MANIFEST = """\
release: {{name: Sample, version: 1.0.0, commit: "${{GIT_COMMIT}}"}}
default_environment: here
environments:
  here:
    access: read-only
    credentials: {{viewer: {{header: X-Api-Key, value: "${{VIEWER_KEY}}"}}}}
    services:
      api:
        url: "{url}"
        endpoints: {{book: {{path: /book, credential: viewer, headers: {{Accept-Version: "2"}}}}}}
        sampling:
          {{endpoints: [book], rate: {rate}, samples: 60, max_samples: 60,
          earlier: {{least: 200ms, min_samples: 60}}}}
checklist:
"""
_CHECK = """\
import pytest

@pytest.mark.verifies("post.speed")
@pytest.mark.for_each("compared")
def test_speed(compared, release, load):
    release.expect_no_slower(compared, load(compared), next_step="look at it")
"""
KEY = "viewer-5b0e8c6d1f2a47e9"
_LOCK = "post.speed: test_speed.py::test_speed[api]"


class Service:
    """Answers after ``delay`` seconds."""

    def __init__(self, server: Hostile) -> None:
        self.url, self.delay = server.url, 0.0
        server.scripts["/book"] = self._answer

    def _answer(self, asked: Asked, talk: Talk) -> None:
        time.sleep(self.delay)
        right = asked.headers.get("x-api-key") == KEY and asked.headers["accept-version"] == "2"
        talk.send(answer("[]", 200 if right else 401))


@pytest.fixture
def service() -> Iterator[Service]:
    with hostile_server() as server:
        yield Service(server)


@pytest.fixture
def sample(project: Project, service: Service) -> Project:
    return declare(project, service)


def declare(project: Project, service: Service, rate: str = "100/s") -> Project:
    project.write(".gitignore", "[0-9]/\n__pycache__/\n.pytest_cache/\nstdout\nstderr\n")
    project.items("post.speed P2", head=_MANIFEST.format(url=service.url, rate=rate))
    return project.write("test_speed.py", _CHECK).lock(_LOCK)


def run(project: Project, to: str, *more: str) -> Ran:
    """Run as the next release: a commit of its own."""
    project.write("next.txt", to)
    ran = project.pytest("-m", "post_deploy", f"--release-evidence={to}", *more, VIEWER_KEY=KEY)
    ran.decision.update(project.decision(to))
    return ran


def test_without_a_comparable_packet_it_is_hold_with_one_the_times_decide(
    sample: Project, service: Service
) -> None:
    first = run(sample, "1")
    assert (first.verdict, first.codes("post.speed")) == ("HOLD", ["check-broken"]), first.text
    assert "--release-baseline DIR" in first.text
    file = sample.path / "1" / "attachments" / "load-api.json"
    kept = json.loads(file.read_text())
    assert sum(count for _, count in kept["latencies_us"]) == 60

    same = run(sample, "2", "--release-baseline=1")
    assert same.verdict == "GO", same.text
    (check,) = same.item("post.speed")["checks"]
    assert "within that" in check["measurements"][-1]["actual"]

    itself = sample.pytest(
        "-m", "post_deploy", "--release-evidence=3", "--release-baseline=2", VIEWER_KEY=KEY
    )
    assert "of this very commit" in itself.text
    assert sample.decision("3")["verdict"] == "HOLD"

    service.delay = 0.5
    slower = run(sample, "4", "--release-baseline=1")
    assert (slower.verdict, slower.item("post.speed")["state"]) == ("HOLD", "failed"), slower.text
    assert "slower" in slower.text

    kept["latencies_us"] = [[4_000_000, 60]]
    file.write_text(json.dumps(kept, sort_keys=True, separators=(",", ":")) + "\n")
    forged = run(sample, "5", "--release-baseline=1")
    assert forged.verdict == "HOLD"
    assert "its record vouches for" in forged.text

    service.delay = 0.0
    declare(sample, service, rate="50/s")
    other = run(sample, "6", "--release-baseline=2")
    assert other.verdict == "HOLD"
    assert "rate 100.0 instead of 50.0" in other.text


def test_workers_find_the_packet_and_share_one_sample(sample: Project) -> None:
    run(sample, "1", "-n", "2")
    same = run(sample, "2", "--release-baseline=1", "-n", "2")
    assert same.verdict == "GO", same.text
