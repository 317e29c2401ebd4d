"""The packet: never an old GO beside a new run, whatever happens to the run."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from tests.forks.running import environment
from tests.plugin.project import MEASURED, ONE, Project

Workers = tuple[str, ...]


@pytest.fixture
def gone(project: Project) -> Project:
    """A project with a GO of an earlier run on disk."""
    project.items("post.one P0").write("test_one.py", MEASURED).lock(ONE)
    assert project.pytest("-m", "post_deploy").verdict == "GO"
    return project


def test_a_process_that_ends_early_leaves_hold(gone: Project) -> None:
    gone.write("test_one.py", "import os\n" + MEASURED + "    os._exit(0)\n")
    ran = gone.pytest("-m", "post_deploy")
    assert ran.exit_code == 0  # the process said so; the packet does not
    assert (ran.verdict, ran.decision["state"]) == ("HOLD", "unfinished")


def test_a_killed_run_leaves_hold_and_its_evidence(gone: Project) -> None:
    gone.write(
        "test_one.py",
        MEASURED + "    import os, signal\n    os.kill(os.getpid(), signal.SIGKILL)\n",
    )
    gone.commit()
    process = subprocess.run(
        [sys.executable, "-m", "pytest", "-m", "post_deploy"],
        cwd=gone.path,
        env=environment({}),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == -signal.SIGKILL
    assert gone.decision()["verdict"] == "HOLD"
    ledger = (gone.path / "release-evidence/ledger/main.jsonl").read_text().splitlines()
    assert any(json.loads(line)["kind"] == "citation" for line in ledger)


def test_a_crashed_worker_is_broken_not_passed(gone: Project) -> None:
    gone.write("test_one.py", MEASURED + "    import os\n    os._exit(1)\n")
    ran = gone.pytest("-m", "post_deploy", "-n", "2")
    assert ran.verdict == "HOLD", ran.text
    assert ran.codes("post.one") == ["check-crashed"]


def test_an_earlier_packet_moves_to_history(gone: Project) -> None:
    earlier = gone.decision()["run_id"]
    ran = gone.pytest("-m", "post_deploy", RELEASE_RUN_ID="second")
    assert ran.decision["run_id"] == "second"
    assert gone.decision(f"release-evidence/history/{earlier}")["verdict"] == "GO"


def test_without_a_gate_a_tombstone_replaces_the_packet(gone: Project, workers: Workers) -> None:
    ran = gone.pytest(*workers)
    assert ran.exit_code == 0
    assert (ran.verdict, ran.decision["state"]) == ("HOLD", "no verdict")
    assert ran.text.strip().splitlines()[-1].startswith("no release verdict was made")


def test_advisory_leaves_the_exit_code_to_pytest(project: Project) -> None:
    project.items("post.one P0").lock(ONE)
    project.write(
        "test_one.py", MEASURED.replace("    evidence", "    pytest.skip()\n    evidence")
    )
    ran = project.pytest("-m", "post_deploy", "--release-advisory")
    assert (ran.exit_code, ran.verdict) == (0, "HOLD")
    assert "advisory" in ran.text


def test_two_runs_do_not_share_a_packet(gone: Project) -> None:
    script = f"""\
import fcntl, subprocess, sys
lock = open("release-evidence/run.lock", "a+")
fcntl.flock(lock, fcntl.LOCK_EX)
sys.exit(subprocess.call([{sys.executable!r}, "-m", "pytest", "-m", "post_deploy"]))
"""
    gone.write("hold.py", script)
    process = subprocess.run(
        [sys.executable, "hold.py"],
        cwd=gone.path,
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == 4
    assert "another run" in process.stderr + process.stdout


def test_the_wrapper_believes_only_its_own_run(gone: Project) -> None:
    ran = gone.metarelease("run", "-m", "post_deploy")
    assert (ran.exit_code, ran.verdict) == (0, "GO"), ran.text
    ran = gone.metarelease("run", "-m", "post_deploy", "-p", "no:pytest_metarelease.plugin")
    assert ran.exit_code == 21
    assert "HOLD: the run did not finish" in ran.text
    ran = gone.metarelease("run", "--version")
    assert ran.exit_code == 21


def test_check_recomputes_for_a_deploy_job(gone: Project) -> None:
    wanted = ["--stage", "post_deploy", "--environment", "here", "--commit", gone.head()]
    ran = gone.metarelease("check", "release-evidence", *wanted)
    assert ran.exit_code == 0, ran.text
    assert "GO" in ran.text
    other = ["--stage", "post_deploy", "--environment", "there", "--commit", gone.head()]
    assert gone.metarelease("check", "release-evidence", *other).exit_code == 4
    wrong = ["--stage", "post_deploy", "--environment", "here", "--commit", "0" * 40]
    assert gone.metarelease("check", "release-evidence", *wrong).exit_code == 21


def test_check_does_not_believe_the_decision(gone: Project) -> None:
    path = gone.path / "release-evidence/record.json"
    record = json.loads(path.read_bytes())
    (nodeid,) = record["results"]
    record["results"][nodeid]["citations"] = []
    path.write_text(json.dumps(record))
    wanted = ["--stage", "post_deploy", "--environment", "here", "--commit", gone.head()]
    ran = gone.metarelease("check", "release-evidence", *wanted)
    assert ran.exit_code == 21, ran.text


def test_the_step_summary_gets_the_markdown(project: Project) -> None:
    project.items("post.one P0").write("test_one.py", MEASURED).lock(ONE)
    summary = project.path / "summary.md"
    ran = project.pytest("-m", "post_deploy", GITHUB_STEP_SUMMARY=str(summary))
    assert ran.exit_code == 0
    assert "GO" in summary.read_text()


def test_a_changed_exit_status_is_noticed(project: Project) -> None:
    project.items("post.one P0").write("test_one.py", MEASURED).lock(ONE)
    project.write(
        "conftest.py",
        """\
        import pytest

        @pytest.hookimpl(wrapper=True)
        def pytest_sessionfinish(session):
            yield
            session.exitstatus = 1
        """,
    )
    ran = project.pytest("-m", "post_deploy")
    assert ran.exit_code != 0
    assert ran.verdict == "HOLD"
