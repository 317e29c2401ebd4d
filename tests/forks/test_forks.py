"""A forked run and a fresh one say the same: exit code, decision, lines, files, what a check sees.

Without this, nothing that the torture suite finds in its forked runs would say anything.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.forks.process import METARELEASE, Server, ServerError
from tests.forks.running import end, environment
from tests.torture.place import Place, check, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RUN = ("-m", "post_deploy")
VARYING = re.compile(
    r"[0-9a-f]{32,}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{12}\.\.\.|\b[0-9a-f]{7}\b"
    r"|\d{4}-\d\d-\d\dT[\d:.]+Z?|\d+\.\d+(e-\d+)?|\b\d+ ?m?s\b|0x[0-9a-f]+"
    r"|/\S*/(forked|fresh)\b|\bgw\d\b|\d{2}:\d{2}:\d{2}|, line \d+ in .*"
)
FACTS = """\
import json, os, signal, sys, threading
changing = ("PYTEST_XDIST_TESTRUNUID", "PYTEST_XDIST_WORKER")
open("facts.flag", "w").write(json.dumps({
    "argv": sys.argv, "path": sys.path, "flags": list(sys.flags), "folder": os.getcwd(),
    "variables": {k: v for k, v in os.environ.items() if k not in changing},
    "threads": sorted(one.name.partition("-")[0] for one in threading.enumerate()),
    "handlers": [str(signal.getsignal(one)).partition(" at ")[0] for one in signal.Signals],
    "blocked": len(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "main": sys.modules["__main__"].__name__, "recursion": sys.getrecursionlimit(),
    "hooks": sorted(type(one).__name__ for one in sys.meta_path),
    "early": sorted(one for one in sys.modules if one.split(".")[0] in ("tests", "httpx", "web3")),
    "files": len(os.listdir("/proc/self/fd")), "umask": os.umask(0o22),
    "grouped": os.getpgid(0) == os.getsid(0)}))
"""
SOURCES: dict[str, str] = {
    "go": check(),
    "no go": check("MET\nassert 0"),
    "import error": "import nothing_of_that_name\n",
    "os._exit": check("MET\nos._exit(3)"),
    "segfault": check("MET\nimport ctypes\nctypes.string_at(0)"),
    "killed": check("MET\nos.kill(os.getpid(), signal.SIGKILL)"),
    "pytest.exit": check("MET\npytest.exit('enough', returncode=7)"),
    "interrupted": check("MET\nraise KeyboardInterrupt"),
    "at the end": check(
        "MET", before="import atexit\natexit.register(lambda: print('the end', file=sys.stderr))"
    ),
    "a thread to wait for": check(
        "MET\nthreading.Thread(target=lambda: (threading.main_thread().join(), "
        "os.write(2, b'the end\\n'))).start()"
    ),
    "children": check("subprocess.run([sys.executable, '-c', 'print(7)'], check=True)\nMET"),
    "facts": check(f"{FACTS}MET"),
}
WIRE = check(
    "MET\nlog = logging.getLogger('httpx')\n"
    "assert (log.level, log.propagate, log.handlers) == (0, True, [])\n"
    "assert 'httpx' in str(httpx.Client) and 'web3' in str(web3.Web3)",
    before="import logging, httpx, web3, sqlalchemy, eth_account",
)
SPREAD = ("no go", "killed", "facts")
COMMANDS: dict[str, tuple[str, ...]] = {
    "without us": ("pytest", "-p", "no:pytest_metarelease.plugin", "-o", "markers=verifies(x): y"),
    "the wrapper, two workers": ("metarelease", "run", *RUN, "-n", "2"),
    "no packet": ("metarelease", "check", "nowhere", "--stage", "post_deploy", "--environment",
                  "here", "--commit", "0" * 40),
    "lock": ("metarelease", "lock"),
}  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server of our own, ended at the end."""
    made = Server(environment({}))
    yield made
    made.close()


@pytest.fixture(scope="module")
def wired() -> Iterator[Server]:
    """A server that has imported the wire libraries, ended at the end."""
    made = Server(environment({}), wired=True)
    yield made
    made.close()


def command(words: tuple[str, ...]) -> list[str]:
    """Return the command as the torture suite starts it."""
    first = [sys.executable, "-m", "pytest"] if words[0] == "pytest" else [METARELEASE]
    return [*first, *words[1:]]


def both(
    server: Server, path: Path, source: str, *words: str, ini: str = ""
) -> tuple[Place, Place, list[int]]:
    """Run one project by a fork and by a fresh interpreter."""
    codes, places = [], []
    for name in ("forked", "fresh"):
        place = Place(path / name).one(source)
        if ini:
            place.write("pytest.ini", ini)
        place.commit()
        given = environment({})
        with (place.path / ".git/output").open("w") as output:
            if name == "forked":
                assert server.can(command(words), place.path, given)
                process = server.start(command(words), place.path, given, output)
                codes.append(process.wait(60))
                end(process)
            else:
                codes.append(_fresh(command(words), place.path, given, output.fileno()))
        places.append(place)
    return places[0], places[1], codes


def _fresh(words: list[str], folder: Path, variables: Mapping[str, str], output: int) -> int:
    process = subprocess.Popen(
        words, cwd=folder, env=variables, stdin=subprocess.DEVNULL, stdout=output,
        stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        return process.wait(60)
    finally:
        end(process)


def said(place: Place) -> list[str]:
    """Return the lines of a run without times, ids and places; workers speak in any order."""
    lines = [VARYING.sub("*", one) for one in place.output().splitlines()]
    return sorted(one.strip("=_-* ") for one in lines if "File " not in one)


def decided(place: Place) -> list[str]:
    """Return the lines of the decision without times and ids."""
    return VARYING.sub("*", json.dumps(place.decision(), indent=1, sort_keys=True)).splitlines()


def files(place: Place) -> list[str]:
    """Return the names of all files that a run left, without ids."""
    left = place.path.rglob("*")
    return sorted(
        VARYING.sub("*", str(one.relative_to(place.path))) for one in left if ".git" not in str(one)
    )


def same(forked: Place, fresh: Place, codes: list[int]) -> None:
    """Hold everything that a run leaves against everything that the other one left."""
    assert codes[0] == codes[1], (forked.output(), fresh.output())
    assert said(forked) == said(fresh)
    assert decided(forked) == decided(fresh)
    assert files(forked) == files(fresh)
    if (fresh.path / "facts.flag").exists():
        assert _facts(forked) == _facts(fresh)


@pytest.mark.parametrize("name", SOURCES)
def test_a_run_is_the_same(server: Server, tmp_path: Path, name: str) -> None:
    forked, fresh, codes = both(server, tmp_path, SOURCES[name], "pytest", *RUN)
    same(forked, fresh, codes)


@pytest.mark.parametrize("name", SPREAD)
def test_a_run_with_workers_is_the_same(server: Server, tmp_path: Path, name: str) -> None:
    forked, fresh, codes = both(server, tmp_path, SOURCES[name], "pytest", *RUN, "-n", "2")
    same(forked, fresh, codes)


@pytest.mark.parametrize("name", ["go", "no go", "a wire", "a wire, two workers"])
def test_a_run_that_has_the_wires_from_its_start_is_the_same(
    wired: Server, tmp_path: Path, name: str
) -> None:
    source, _, workers = name.partition(", two ")
    spread = ("-n", "2") if workers else ()
    same(*both(wired, tmp_path, {**SOURCES, "a wire": WIRE}[source], "pytest", *RUN, *spread))


@pytest.mark.parametrize("name", ["go", "no go", "facts"])
def test_a_run_where_warnings_are_errors_is_the_same(
    server: Server, tmp_path: Path, name: str
) -> None:
    ini = "[pytest]\nfilterwarnings = error\n"
    same(*both(server, tmp_path, SOURCES[name], "pytest", *RUN, ini=ini))


def _facts(place: Place) -> Any:
    text = (place.path / "facts.flag").read_text()
    return json.loads(re.sub(r"/(forked|fresh)\b", "/*", text))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_the_same(server: Server, tmp_path: Path, name: str) -> None:
    same(*both(server, tmp_path, check(), *COMMANDS[name]))


def test_what_the_start_decides_is_no_fork(server: Server, tmp_path: Path) -> None:
    run = command(("pytest",))
    assert server.can(run, tmp_path, environment({"OWN": "1"}))
    for given in ("PYTHONOPTIMIZE", "PYTHONHASHSEED", "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "LC_ALL"):
        assert not server.can(run, tmp_path, environment({given: "1"}))
    assert not server.can([sys.executable, "-O", "-m", "pytest"], tmp_path, environment({}))
    for name in ("pytest.ini", "yaml.txt"):
        (tmp_path / name).touch()
    assert server.can(run, tmp_path, environment({}))
    (tmp_path / "yaml.py").touch()
    assert not server.can(run, tmp_path, environment({}))
    (tmp_path / "yaml.py").unlink()
    (tmp_path / "pytest_metarelease").mkdir()
    assert not server.can(run, tmp_path, environment({}))


def test_the_group_of_a_run_is_killed_with_its_workers(server: Server, tmp_path: Path) -> None:
    body = "open('here.flag', 'w').write(str(os.getpid()))\nthreading.Event().wait(60)"
    place = Place(tmp_path / "p").one(check(body))
    given = environment({})
    with (place.path / ".git/output").open("w") as output:
        run = command(("pytest", *RUN, "-n", "2"))
        process = server.start(run, place.path, given, output)
    worker = os.pidfd_open(int(wait_for(place.path / "here.flag", process)))
    end(process)
    assert process.wait(0) == -signal.SIGKILL
    assert select.select([worker], [], [], 60)[0]
    os.close(worker)


def test_a_server_that_died_is_an_error_that_says_so(tmp_path: Path) -> None:
    server = Server(environment({}))
    place = Place(tmp_path / "p").one(check("threading.Event().wait(60)"))
    try:
        with (place.path / ".git/output").open("w") as output:
            run = server.start(command(("pytest", *RUN)), place.path, environment({}), output)
            os.kill(server._process.pid, signal.SIGKILL)
            with pytest.raises(ServerError, match="does not answer"):
                run.wait(60)
            os.killpg(run.pid, signal.SIGKILL)
            with pytest.raises(ServerError, match="does not answer"):
                server.start(command(("pytest",)), place.path, environment({}), output)
    finally:
        server.close()


def test_nothing_is_left_when_its_owner_is_killed() -> None:
    code = (
        "import os, signal\nfrom tests.forks.process import Server\n"
        "from tests.forks.running import environment\nmade = Server(environment({}))\n"
        "print(made.folder, made._process.pid, flush=True)\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    owner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    told, _ = owner.communicate(timeout=60)
    assert owner.returncode == -signal.SIGKILL
    folder, pid = told.split()
    with contextlib.suppress(ProcessLookupError):
        server = os.pidfd_open(int(pid))
        assert select.select([server], [], [], 60)[0]
        os.close(server)
    assert not Path(folder).exists()
