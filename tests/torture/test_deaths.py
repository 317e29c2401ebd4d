"""Runs that die: processes that exit, crash, are interrupted and killed, for real.

After each, the packet on disk does not say GO, whatever it said before, and what was seen is kept.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.forks.running import end
from tests.plugin.project import Ran
from tests.torture.place import Place, Row, check, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.forks.process import Process

Workers = tuple[str, ...]
SEGFAULT = "import ctypes\nctypes.string_at(0)"
# Says where it is, then waits to be ended from outside; a deadline ends it in any case.
WAITS = "open('here.flag', 'w').write(str(os.getpid()))\nthreading.Event().wait(60)"

DYING = {
    "os._exit(0)": check("MET\nos._exit(0)"),
    "segfault": check(f"MET\n{SEGFAULT}"),
    "crash in teardown": check(
        marks="@pytest.mark.usefixtures('dying')",
        before="@pytest.fixture\ndef dying():\n    yield\n    os._exit(0)\n",
    ),
    "crash in setup": check(
        marks="@pytest.mark.usefixtures('dying')",
        before="@pytest.fixture\ndef dying():\n    os._exit(0)\n",
    ),
}


@pytest.mark.parametrize("name", DYING)
def test_the_process_dies(gone: Place, name: str) -> None:
    gone.write("test_it.py", DYING[name].replace("post.ITEM", "post.one"))
    ran = gone.pytest("-m", "post_deploy")
    assert ran.exit_code in (0, -signal.SIGSEGV)  # nothing inside can change that
    assert (ran.verdict, ran.decision["state"]) == ("HOLD", "unfinished")
    assert gone.allure_first()[1].startswith("INCOMPLETE")
    assert gone.allure_first()[0] == "broken"
    kinds = [one["kind"] for one in gone.ledger()]
    assert ("citation" in kinds) is (name != "crash in setup")
    checked = gone.metarelease("check", "release-evidence", *_wanted(gone))
    assert checked.exit_code == 21
    assert "has not finished" in checked.text
    assert gone.metarelease("run", "-m", "post_deploy").exit_code == 21


@dataclass(frozen=True, slots=True)
class Crashed:
    """One session under two workers in which many checks end their worker."""

    place: Place
    ran: Ran


CRASHING = tuple(
    Row(name.replace("os._exit(0)", "exit_zero").replace(" ", "_"), source, ("check-crashed",))
    for name, source in DYING.items()
)
SOUND = tuple(Row(f"sound_{number}", check(), (), "verified") for number in range(4))


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Crashed:
    """Run the dying checks beside sound ones, and empty Allure's folder first."""
    place = Place(tmp_path_factory.mktemp("crashed")).rows([*CRASHING, *SOUND])
    return Crashed(place, place.pytest("-m", "post_deploy", "-n", "2", "--clean-alluredir"))


@pytest.mark.parametrize("row", CRASHING, ids=lambda row: row.name)
def test_a_worker_dies(crashed: Crashed, row: Row) -> None:
    assert (crashed.ran.verdict, crashed.ran.exit_code) == ("HOLD", 21), crashed.ran.text
    assert crashed.ran.codes(row.item) == ["check-crashed"]
    statuses = crashed.place.allure(row.nodeids[0])
    assert statuses
    assert "passed" not in statuses


@pytest.mark.parametrize("row", SOUND, ids=lambda row: row.name)
def test_what_others_ran_stays(crashed: Crashed, row: Row) -> None:
    assert crashed.ran.item(row.item)["state"] == "verified"
    assert crashed.place.allure(row.nodeids[0]) == ["passed"]
    assert "worker-lost" in [one["code"] for one in crashed.ran.decision["notes"]]


def test_no_worker_is_replaced(place: Place) -> None:
    rows = [
        Row("a_dies", DYING["os._exit(0)"], ()),
        Row("b_dies", DYING["os._exit(0)"], ()),
        *SOUND,
    ]
    ran = place.rows(rows).pytest("-m", "post_deploy", "-n", "2", "--max-worker-restart=0")
    assert ran.verdict == "HOLD", ran.text
    assert ran.exit_code != 0
    states = {row.name: ran.item(row.item)["state"] for row in rows}
    assert "not verified" in states.values()
    for row in rows:
        if states[row.name] != "verified":
            assert set(ran.codes(row.item)) <= {"check-crashed", "check-not-run"}


LOST = """\
import os

def pytest_sessionfinish(session):
    worker = getattr(session.config, "workerinput", {}).get("workerid")
    if worker == "gw0":
        os._exit(1)
"""
# Before it has told the controller what it collected, so that no check was given to it.
LOST_BEFORE = """\
import os

def pytest_collection_modifyitems(config):
    worker = getattr(config, "workerinput", {}).get("workerid")
    if worker == "gw0":
        os._exit(1)
"""
LOST_WITH_WORK = """\
import os

def pytest_runtest_protocol(item):
    worker = getattr(item.config, "workerinput", {}).get("workerid")
    if worker == "gw0":
        os._exit(1)
"""


@pytest.mark.parametrize(
    "source", [LOST, LOST_BEFORE], ids=["at the end", "before it was given a check"]
)
def test_a_worker_is_lost_and_everything_ran(place: Place, source: str) -> None:
    place.rows(SOUND).write("conftest.py", source)
    ran = place.pytest("-m", "post_deploy", "-n", "2")
    assert (ran.verdict, ran.exit_code) == ("GO", 0), ran.text
    assert "worker-lost" in [one["code"] for one in ran.decision["notes"]]


def test_a_worker_is_lost_with_a_check_that_it_never_began(place: Place) -> None:
    place.rows(SOUND).write("conftest.py", LOST_WITH_WORK)
    ran = place.pytest("-m", "post_deploy", "-n", "2")
    assert (ran.verdict, ran.exit_code) == ("HOLD", 21), ran.text
    codes = [code for row in SOUND for code in ran.codes(row.item)]
    assert codes == ["check-crashed"]


def test_a_worker_is_killed(gone: Place) -> None:
    gone.write("test_it.py", check(f"MET\n{WAITS}").replace("post.ITEM", "post.one"))
    process = gone.start("-m", "post_deploy", "-n", "2")
    try:
        os.kill(int(wait_for(gone.path / "here.flag", process)), signal.SIGKILL)
        assert process.wait(timeout=60) == 21, gone.output()
    finally:
        end(process)
    assert gone.decision()["verdict"] == "HOLD"
    assert "check-crashed" in str(gone.decision()["items"])


@pytest.fixture
def waiting(gone: Place, workers: Workers) -> Iterator[tuple[Place, Process]]:
    """A run, alone or with two workers, that is in the middle of its check."""
    gone.write("test_it.py", check(f"MET\n{WAITS}").replace("post.ITEM", "post.one"))
    process = gone.start("-m", "post_deploy", *workers)
    wait_for(gone.path / "here.flag", process)
    yield gone, process
    end(process)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGKILL", "SIGINT"])
def test_a_signal_ends_the_run(waiting: tuple[Place, Process], name: str) -> None:
    place, process = waiting
    number = signal.Signals[name]
    process.send_signal(number)
    code = process.wait(timeout=60)
    assert code != 0
    decision = place.decision()
    assert (decision["verdict"], decision["state"]) == ("HOLD", "unfinished"), place.output()
    assert any(one["kind"] == "citation" for one in place.ledger())
    assert "passed" not in place.allure("test_it.py::test_it")
    assert place.metarelease("check", "release-evidence", *_wanted(place)).exit_code == 21


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_to_the_wrapper_reaches_pytest(gone: Place, name: str) -> None:
    gone.write("test_it.py", check(f"MET\n{WAITS}").replace("post.ITEM", "post.one"))
    process = gone.start_command("run", "-m", "post_deploy")
    try:
        child = int(wait_for(gone.path / "here.flag", process))
        process.send_signal(signal.Signals[name])
        assert process.wait(timeout=60) == 21, gone.output()
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)
    finally:
        end(process)
    assert gone.decision()["verdict"] == "HOLD"


ENDED = {
    "pytest.exit(returncode=0)": check("MET\npytest.exit('enough', returncode=0)"),
    "pytest.exit()": check("MET\npytest.exit('enough')"),
    "pytest.exit in teardown": check(
        marks="@pytest.mark.usefixtures('dying')",
        before="@pytest.fixture\ndef dying():\n    yield\n    pytest.exit('x', returncode=0)\n",
    ),
    "KeyboardInterrupt": check("MET\nraise KeyboardInterrupt"),
    "sys.exit(0) in the module": "import sys\nsys.exit(0)\n",
    "pytest.exit in the module": "import pytest\npytest.exit('x', returncode=0)\n",
}


@pytest.mark.parametrize("name", ENDED)
def test_the_run_is_ended_from_inside(gone: Place, workers: Workers, name: str) -> None:
    gone.write("test_it.py", ENDED[name].replace("post.ITEM", "post.one"))
    ran = gone.pytest("-m", "post_deploy", *workers)
    assert ran.verdict == "HOLD", ran.text
    assert ran.exit_code != 0, ran.text
    assert "passed" not in gone.allure("test_it.py::test_it")


EARLY = {
    "sys.exit(0) in conftest": {"conftest": "import sys\nsys.exit(0)\n"},
    "os._exit(0) in conftest": {"conftest": "import os\nos._exit(0)\n"},
    "import error in conftest": {"conftest": "import nothing_of_that_name\n"},
    "cmdline_main": {"conftest": "def pytest_cmdline_main(config):\n    return 0\n"},
    "configure exits": {
        "conftest": "import pytest\ndef pytest_configure():\n    pytest.exit('x', 0)\n"
    },
    "sessionstart exits": {
        "conftest": "import pytest\ndef pytest_sessionstart():\n    pytest.exit('x', 0)\n"
    },
}


@pytest.mark.parametrize("name", EARLY)
def test_the_wrapper_sees_a_run_that_never_began(gone: Place, name: str) -> None:
    gone.one(**EARLY[name])
    ran = gone.metarelease("run", "-m", "post_deploy")
    assert (ran.exit_code, ran.verdict) == (21, "HOLD"), ran.text
    assert gone.metarelease("check", "release-evidence", *_wanted(gone)).exit_code == 21


OPTIONS = [
    ["--help"],
    ["--version"],
    ["--no-such-option"],
    ["-p", "no:pytest_metarelease.plugin"],
    ["--release-gate=off"],
    ["--collect-only"],
    ["-c", "/dev/null", "--rootdir", "/"],
]


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
def test_the_wrapper_sees_a_run_that_was_none(gone: Place, options: list[str]) -> None:
    ran = gone.metarelease("run", "-m", "post_deploy", *options, RELEASE_RUN_ID="the-same")
    assert (ran.exit_code, ran.verdict) == (21, "HOLD"), ran.text
    assert gone.metarelease("check", "release-evidence", *_wanted(gone)).exit_code == 21


def test_the_same_id_twice_is_no_way_back(gone: Place) -> None:
    ran = gone.metarelease("run", "-m", "post_deploy", RELEASE_RUN_ID="job-7")
    assert (ran.exit_code, ran.verdict) == (0, "GO"), ran.text
    ran = gone.metarelease(
        "run", "-m", "post_deploy", RELEASE_RUN_ID="job-7", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"
    )
    assert (ran.exit_code, ran.verdict) == (21, "HOLD"), ran.text


def test_wrapper_and_ini_file_mean_one_folder(gone: Place) -> None:
    gone.write(
        "pytest.ini", "[pytest]\nrelease_evidence = elsewhere\naddopts = --release-evidence=x\n"
    )
    ran = gone.metarelease("run", "-m", "post_deploy")
    assert (ran.exit_code, ran.verdict) == (0, "GO"), ran.text


COLLECTING = {
    "import error": "import nothing_of_that_name\n",
    "syntax error": "def test_it(:\n",
    "importorskip": "import pytest\npytest.importorskip('nothing_of_that_name')\n",
    "module skip": "import pytest\npytest.skip('x', allow_module_level=True)\n",
}


@pytest.mark.parametrize("name", COLLECTING)
@pytest.mark.parametrize("options", [(), ("--continue-on-collection-errors",)], ids=["", "on"])
def test_a_file_is_not_collected(
    place: Place, workers: Workers, name: str, options: tuple[str, ...]
) -> None:
    place.one().write("test_other.py", COLLECTING[name])
    ran = place.pytest("-m", "post_deploy", *options, *workers)
    assert ran.verdict == "HOLD", ran.text
    assert ran.exit_code != 0
    code = "collection-error" if "error" in name else "collection-skipped"
    assert code in place.finding_codes()


def test_workers_collect_different_tests(place: Place) -> None:
    place.one().write(
        "test_other.py",
        "import os\n\ndef test_{}(): pass\nglobals()['test_' + os.environ['PYTEST_XDIST_WORKER']]"
        " = lambda: None\n".replace("{}", "x"),
    )
    ran = place.pytest("-n", "2", "--release-gate=on")
    assert (ran.verdict, ran.exit_code != 0) == ("HOLD", True), ran.text


@pytest.mark.parametrize("hook", ["pytest_runtest_logreport(report)", "pytest_runtest_setup(item)"])
def test_an_internal_error(place: Place, workers: Workers, hook: str) -> None:
    broken = "raise RuntimeError('of a plugin')"
    place.one().write("conftest.py", f"def {hook}:\n    {broken}\n")
    ran = place.pytest("-m", "post_deploy", *workers)
    assert ran.verdict == "HOLD", ran.text
    assert ran.exit_code != 0


def _wanted(place: Place) -> list[str]:
    return ["--stage", "post_deploy", "--environment", "here", "--commit", place.head()]
