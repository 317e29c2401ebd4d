"""Parts of an environment that is no sandbox, broken and mended as its manifest says."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.probes.hostile import Asked, Hangup, Talk, hostile_server, says_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.plugin.project import Project, Ran

CHECKS = """
import pytest

@pytest.mark.verifies("post.outages")
@pytest.mark.for_each("outage")
def test_health_tells(outage, outages):
    for course in outages(outage):
        course.expect_told()
        course.expect_recovery()
"""
HEAD = """\
release: {{name: Sample, version: 1.0.0, commit: "${{GIT_COMMIT}}"}}
default_environment: staging
environments:
  staging:
    access: transact
    outages: allowed
    external: {{courier: {{url: "{courier}", answer: {{}}}}}}
    services:
      api:
        url: "{api}"
        health:
          path: /health
          healthy: {{status: ok}}
          agrees: {{delivery: "external:courier"}}
          outages: {{{outages}}}
          notices: {notices}s
          within: 10s
checklist:
"""
WELL, ILL = says_json({"status": "ok"}), says_json({"status": "degraded"}, status=503)


@dataclass
class Staging:
    """An API that asks a courier, and a courier that a file takes away."""

    folder: Path
    honest: bool = True
    asked: list[str] = field(default_factory=list)

    @property
    def gone(self) -> Path:
        return self.folder / "gone"

    def health(self, asked: Asked, talk: Talk) -> None:
        (ILL if self.honest and self.gone.exists() else WELL)(asked, talk)

    def courier(self, asked: Asked, talk: Talk) -> None:
        self.asked.append("gone" if self.gone.exists() else "there")
        if self.gone.exists():
            raise Hangup
        WELL(asked, talk)

    def run(self, project: Project, ways: str, *options: str, notices: int = 10) -> Ran:
        with self._served() as urls:
            head = HEAD.format(outages=ways, notices=notices, **urls)
            project.items("post.outages P0", head=head)
            project.write("test_outages.py", CHECKS)
            project.lock(
                "post.outages: test_outages.py::test_health_tells[api.delivery]",
                environment="staging",
            )
            return project.pytest("-m", "post_deploy", *options)

    @contextmanager
    def _served(self) -> Iterator[dict[str, str]]:
        with (
            hostile_server({"/health": self.health}) as api,
            hostile_server({"/": self.courier}) as courier,
        ):
            yield {"api": api.url, "courier": courier.url}


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(tmp_path)


def down(staging: Staging, run: str = "touch", undo: str = "rm") -> str:
    place = json.dumps(str(staging.gone))
    return f"delivery: {{down: {{run: [{run}, {place}], undo: [{undo}, {place}]}}}}"


def test_without_a_way_to_break_it_nothing_is_verified(project: Project, staging: Staging) -> None:
    ran = staging.run(project, "")
    assert ran.verdict == "HOLD", ran.text
    assert "services.api.health.outages.delivery" in ran.text


def test_an_outage_that_health_tells_of(project: Project, staging: Staging) -> None:
    ran = staging.run(project, down(staging))
    assert ran.verdict == "GO", ran.text
    assert not staging.gone.exists()


def test_health_that_says_nothing_is_found_where_the_part_is_really_gone(
    project: Project, staging: Staging
) -> None:
    staging.honest = False
    ran = staging.run(project, down(staging), notices=1)
    assert ran.verdict == "NO-GO", ran.text
    assert "not told within 1 s" in ran.text
    assert staging.asked[-1] == "gone"
    assert not staging.gone.exists()


def test_a_command_that_breaks_nothing_is_no_finding(project: Project, staging: Staging) -> None:
    ran = staging.run(project, down(staging, run="echo", undo="echo"), notices=1)
    assert ran.verdict == "HOLD", ran.text
    assert "external:courier answered us meanwhile; mend the command" in ran.text


def test_nothing_is_broken_that_other_processes_ask(project: Project, staging: Staging) -> None:
    ran = staging.run(project, down(staging), "-n", "2")
    assert ran.verdict == "HOLD", ran.text
    assert "run these checks by themselves" in " ".join(ran.text.split())
    assert "gone" not in staging.asked
