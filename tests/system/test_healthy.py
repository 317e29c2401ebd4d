"""A healthy release is GO by what was measured; what did not run is HOLD; nothing stays behind."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.system.running import Ran, Runs, wait_until

if TYPE_CHECKING:
    from pathlib import Path

WORKERS = {"alone": (), "two workers": ("-n", "2")}
#: Seconds in which what a killed run started must end by itself.
GONE_WITHIN = 60.0


@pytest.fixture(scope="module", params=list(WORKERS))
def healthy(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Runs, Ran]:
    runs = Runs(tmp_path_factory.mktemp("healthy"))
    return runs, runs.pytest("-m", "post_deploy", *WORKERS[request.param])


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


def test_a_healthy_release_is_go(healthy: tuple[Runs, Ran]) -> None:
    _, ran = healthy
    assert (ran.exit_code, ran.verdict) == (0, "GO"), ran.text
    assert ran.decision["title"] == "GO (rehearsal)"
    assert ran.decision["scope"]["complete"]
    assert ran.decision["unclaimed"] == []
    assert "release verdict: GO (rehearsal)" in ran.text
    assert {one["state"] for one in ran.decision["triggers"]} == {"ok"}


def test_every_item_is_verified_by_what_was_measured(healthy: tuple[Runs, Ran]) -> None:
    _, ran = healthy
    assert len(ran.items) == 34
    states = ran.states
    # A sandbox on loopback speaks no TLS, and there was none of an earlier release.
    for name in ("post.tls", "post.performance-baseline"):
        assert states.pop(name) == "not applicable"
    assert set(states.values()) == {"verified"}, ran.text
    assert [name for name in states if not ran.judged("met", name)] == []
    assert [name for name in ran.items if ran.judged("unmet", name)] == []


def test_nothing_stays_behind(healthy: tuple[Runs, Ran]) -> None:
    runs, _ = healthy
    assert runs.processes() == {}
    assert runs.left() == []


def test_a_narrowed_run_holds_and_lists_what_did_not_run(runs: Runs) -> None:
    ran = runs.pytest("-m", "post_deploy", "-k", "health")
    assert (ran.exit_code, ran.verdict) == (21, "HOLD"), ran.text
    states = ran.states
    assert states.pop("post.health-time") == "verified"
    for name in ("post.tls", "post.performance-baseline"):
        assert states.pop(name) == "not applicable"
    # Its critical dependencies were not asked.
    assert set(states.values()) == {"not verified"}
    silent = [check for one in ran.items.values() for check in one["checks"]]
    for check in silent:
        ran_it = "health" in check["nodeid"]
        assert check["outcome"] == ("passed" if ran_it else "not run"), check
    told = (runs.packet / "decision.md").read_text(encoding="utf-8")
    for name in states:
        assert {one["code"] for one in ran.reasons(name)} >= {"check-not-run"}, ran.reasons(name)
        assert name in told  # the terminal names the first of them
    assert "not run" in ran.text


def test_a_mark_that_nobody_knows_is_refused(runs: Runs) -> None:
    ran = runs.pytest("-m", "post_deploi")
    assert ran.exit_code == 4
    assert "did you mean post_deploy?" in ran.text
    assert ran.decision == {}
    assert runs.left() == []


def test_the_deploy_stage_is_go(runs: Runs) -> None:
    ran = runs.metarelease("-m", "deploy")
    assert (ran.exit_code, ran.verdict) == (0, "GO"), ran.text
    assert ran.decision["scope"]["complete"]
    states = ran.states
    # No explorer can know the contracts of a sandbox.
    assert states.pop("deploy.explorer") == "not applicable"
    assert set(states.values()) == {"verified"}
    assert ran.text.rstrip().endswith(f"GO (rehearsal)   packet {runs.packet}")


def test_smoke_is_go_and_says_that_it_is_a_part(runs: Runs) -> None:
    ran = runs.metarelease("-m", "smoke")
    assert (ran.exit_code, ran.verdict) == (0, "GO"), ran.text
    assert not ran.decision["scope"]["complete"]
    assert set(ran.states) == {
        "post.identity",
        "post.health",
        "post.endpoints",
        "post.contracts",
    } | {"post.health-time"}
    assert "5 of 34 post_deploy items" in ran.decision["title"]
    assert ran.decision["title"] in ran.text


@pytest.mark.parametrize("workers", WORKERS.values(), ids=list(WORKERS))
def test_a_killed_run_leaves_no_process_and_no_verdict(
    runs: Runs, workers: tuple[str, ...]
) -> None:
    with runs.started("-m", "post_deploy", *workers) as process:
        try:
            wait_until(lambda: _has_measured(runs) or process.poll() is not None, within=120)
            assert process.poll() is None, runs.text()
            assert any("pytest_metarelease.sandbox" in one for one in runs.processes().values())
        finally:
            process.send_signal(signal.SIGKILL)
    wait_until(lambda: runs.processes() == {}, within=GONE_WITHIN)
    decision = runs.decision()
    assert (decision["verdict"], decision["state"]) == ("HOLD", "unfinished")


def _has_measured(runs: Runs) -> bool:
    return any(path.stat().st_size for path in runs.packet.glob("ledger/*"))
