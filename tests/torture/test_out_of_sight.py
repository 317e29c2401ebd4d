# ruff: noqa: E501 - one row, one line: the table is read across
"""What happens where nobody looks: coroutines, ends of shared fixtures, the clock, git's index.

Each of these once was a GO. Rows share a session, alone and with two workers.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.approvals.writing import render
from tests.plugin.project import Ran
from tests.torture.place import MET, Place, Row, check
from tests.torture.test_approvals import put, waiver, when

if TYPE_CHECKING:
    from collections.abc import Iterator

Workers = tuple[str, ...]
_NEVER = "MET\nasync def ask(): pass\n"
_POOL = """\
MET
import asyncio
from concurrent.futures import ThreadPoolExecutor, wait
def fails(): raise AssertionError('the money is gone')
with ThreadPoolExecutor(2) as pool:
"""
_LOOP = """\
    async def ask():
        with pytest.raises(AssertionError):
            await asyncio.get_running_loop().run_in_executor(pool, fails)
    asyncio.run(ask())"""
_CASE = f"""\
import pytest, unittest

class TestIt(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _evidence(self, evidence):
        self.evidence = evidence

    @pytest.mark.verifies("post.ITEM")
    def test_it(self):
        self.{MET}
        assert 0, "the price"
"""


def _async(body: str) -> str:
    return check(body).replace("def test_it", "async def test_it")


_IN, _FAILED = ("TestIt::test_it",), ("check-failed",)
ROWS = (
    Row("anyio_returns", _async("MET\nreturn False"), ("check-broken",)),
    Row("anyio_swallowed", _async("MET\nassert 0"), _FAILED, "failed"),
    Row("wrapped_returns", _async("MET\nreturn False"), ("check-broken",)),
    Row("wrapped_swallowed", _async("MET\nassert 0"), _FAILED, "failed"),
    Row("case_without_exception", _CASE, _FAILED, "failed", checks=_IN),
    Row("case_forgets", _CASE, _FAILED, "failed", checks=_IN),
)
# These are findings of the run; the item itself has what it needs.
KEPT = (
    Row("never_in_a_list", check(_NEVER + "with warnings.catch_warnings(record=True):\n    ask()"), ()),
    Row("never_filtered", check(_NEVER + "warnings.simplefilter('ignore')\nask()"), ()),
    Row("thread_filtered", check("MET\nwarnings.simplefilter('ignore')\nthread = threading.Thread(target=lambda: 1 / 0)\nthread.start()\nthread.join()"), ()),
    Row("destructor_recorded", check("MET\nclass It:\n    def __del__(self): 1 / 0\nIt()").replace("(evidence)", "(evidence, recwarn)"), ()),
    Row("future_dropped", check(_POOL + "    pool.submit(fails)"), ()),
    Row("future_waited_for", check(_POOL + "    wait([pool.submit(fails)])"), ()),
    Row("future_done", check(_POOL + "    asked = pool.submit(fails)\nassert asked.done()"), ()),
    Row("futures_mapped", check(_POOL + "    pool.map(lambda _: fails(), range(3))"), ()),
    Row("never_recorded", check(_NEVER + "ask()").replace("(evidence)", "(evidence, recwarn)"), ()),
)  # fmt: skip
RIGHT = (
    Row("anyio_sound", _async("MET"), (), "verified"),
    Row("wrapped_sound", _async("MET"), (), "verified"),
    Row("future_asked", check(_POOL + "    assert pool.submit(fails).exception()"), (), "verified"),
    Row(
        "future_raises",
        check(
            _POOL + "    with pytest.raises(AssertionError):\n        pool.submit(fails).result(60)"
        ),
        (),
        "verified",
    ),
    Row("future_in_a_loop", check(_POOL + _LOOP), (), "verified"),
    Row(
        "future_of_others",
        check(_POOL + "    assert [pool.submit(int, one).result() for one in '12'] == [1, 2]"),
        (),
        "verified",
    ),
)
# What anyio's plugin does, what pytest-asyncio's does, and conftests that hide what failed.
CONFTEST = """\
import asyncio, functools, pytest

def _named(item, name):
    return f"test_{name}" in item.nodeid

@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    if _named(pyfuncitem, "anyio"):
        names = pyfuncitem._fixtureinfo.argnames
        asyncio.run(pyfuncitem.obj(**{one: pyfuncitem.funcargs[one] for one in names}))
        return True

def _plain(function):
    @functools.wraps(function)
    def run(*arguments, **named):
        asyncio.run(function(*arguments, **named))
    return run

@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    if _named(item, "wrapped"):
        item.obj = _plain(item.obj)
    try:
        return (yield)
    except AssertionError:
        if not _named(item, "swallowed"):
            raise

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    if _named(item, "case_forgets") and item._excinfo:
        item._excinfo.clear()
    return (yield)

class Late:
    def pytest_runtest_makereport(self, item, call):
        if _named(item, "case_without_exception"):
            call.excinfo = None

def pytest_configure(config):
    config.pluginmanager.register(Late())
"""


@dataclass(frozen=True, slots=True)
class Session:
    """The one session of all rows."""

    place: Place
    ran: Ran


@pytest.fixture(scope="module", params=["alone", "-n2"])
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Run all rows once."""
    place = Place(tmp_path_factory.mktemp("rows")).rows([*ROWS, *KEPT, *RIGHT])
    place.write("conftest.py", CONFTEST)
    extra = ("-n", "2") if request.param == "-n2" else ()
    return Session(place, place.pytest("-m", "post_deploy", *extra))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_never_verified(session: Session, row: Row) -> None:
    found = session.ran.item(row.item)
    assert found["state"] == row.state, session.ran.text
    assert set(session.ran.codes(row.item)) >= set(row.codes)
    assert "passed" not in session.place.allure(row.nodeids[0])


@pytest.mark.parametrize("row", KEPT, ids=lambda row: row.name)
def test_what_a_check_keeps_to_itself(session: Session, row: Row) -> None:
    told = [one for one in session.ran.decision["findings"] if one["nodeid"] == row.nodeids[0]]
    assert [one["code"] for one in told] == ["warning-is-failure"], session.ran.text
    assert "never awaited" in told[0]["text"] or "xception" in told[0]["text"]
    if "future" in row.name:
        assert "nobody asked it: AssertionError: the money is gone" in told[0]["text"]


@pytest.mark.parametrize("row", RIGHT, ids=lambda row: row.name)
def test_who_asks_is_verified(session: Session, row: Row) -> None:
    assert session.ran.item(row.item)["state"] == "verified", session.ran.text


def test_a_check_that_fails_need_not_ask_its_other_futures(place: Place) -> None:
    asks = "    tasks = [pool.submit(fails) for _ in range(4)]\n    for one in tasks: one.result()"
    ran = place.one(check(_POOL + asks)).pytest("-m", "post_deploy")
    assert (ran.verdict, ran.exit_code) == ("NO-GO", 1), ran.text
    assert place.finding_codes() == []


def _ends(scope: str, end: str) -> str:
    return (
        f"import pytest\n\n@pytest.fixture(scope={scope!r})\ndef money():\n    yield\n    {end}\n"
    )


def _beside_low(place: Place, fixture: str) -> Place:
    place.items("post.one P0", "post.low P3").lock(
        "post.one: test_a.py::test_it", "post.low: test_b.py::test_it"
    )
    for file, item, uses in (("test_a.py", "post.one", ""), ("test_b.py", "post.low", ", money")):
        text = check().replace("post.ITEM", item).replace("(evidence)", f"(evidence{uses})")
        place.write(file, text)
    place.write("conftest.py", fixture)
    return place


@pytest.mark.parametrize("scope", ["module", "session"])
def test_a_shared_fixture_fails_behind_a_check_of_low_severity(
    place: Place, workers: Workers, scope: str
) -> None:
    _beside_low(place, _ends(scope, "assert 0, 'the money is not back'"))
    ran = place.pytest("-m", "post_deploy", *workers)
    assert (ran.verdict, ran.exit_code) == ("HOLD", 21), ran.text
    assert place.finding_codes() == ["shared-teardown-failed"]


def test_a_fixture_of_that_check_alone_is_a_note(place: Place) -> None:
    ran = _beside_low(place, _ends("function", "assert 0")).pytest("-m", "post_deploy")
    assert (ran.verdict, ran.exit_code) == ("GO", 0), ran.text


_FROZEN = """\
import datetime

class Frozen(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2020, 1, 1, tzinfo=tz)

datetime.datetime = Frozen
"""


def test_a_clock_that_stands_keeps_no_waiver_alive(place: Place) -> None:
    place.one(check("MET\nassert 0")).write("conftest.py", _FROZEN)
    put(place, render(waiver(expires=when(-1))))
    ran = place.pytest("-m", "post_deploy")
    assert (ran.verdict, ran.exit_code) == ("HOLD", 21), ran.text
    assert "clock-differs" in place.finding_codes()


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_git_was_told_not_to_look(place: Place, flag: str) -> None:
    place.one(check("MET\nassert 0")).commit()
    place.untold("update-index", flag, "test_it.py")
    place.write("test_it.py", check().replace("post.ITEM", "post.one"))
    ran = place.pytest("-m", "post_deploy")
    assert (ran.verdict, ran.exit_code) == ("HOLD", 21), ran.text
    assert place.finding_codes() == ["tree-unseen"]


@pytest.mark.parametrize(
    "file", ["test_it.py", "checks.lock", "release.yaml", "conftest.py", "pytest.ini"]
)
def test_what_decides_is_not_in_the_commit(place: Place, file: str) -> None:
    place.one().write("conftest.py", "").write("pytest.ini", "[pytest]\n")
    place.write(".git/info/exclude", f"{file}\n")
    ran = place.pytest("-m", "post_deploy")
    assert (ran.verdict, ran.exit_code) == ("HOLD", 21), ran.text
    assert place.finding_codes() == ["tree-unseen"]


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_arguments: object) -> None: ...


@pytest.fixture
def address() -> Iterator[str]:
    """Answer everything, whoever is asked for."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


_HEAD = """\
release: {name: Sample, version: 1.0.0, commit: "${GIT_COMMIT}"}
default_environment: here
environments:
  here: {access: read-only, services: {api: {url: "${API_URL}"}}}
checklist:
"""
_ELSEWHERE = 'import os\nif "PYTEST_XDIST_WORKER" in os.environ: os.environ["API_URL"] += "/b"\n'


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_worker_asks_somebody_else(place: Place, address: str, elsewhere: bool) -> None:
    place.items("post.one P0", head=_HEAD).lock("post.one: test_it.py::test_it")
    source = check("api.get('/x').expect(200)").replace("(evidence)", "(api)")
    place.write("test_it.py", source.replace("post.ITEM", "post.one"))
    place.write("conftest.py", _ELSEWHERE if elsewhere else "")
    ran = place.pytest("-m", "post_deploy", "-n", "1", API_URL=f"{address}/a")
    if elsewhere:
        assert (ran.verdict, ran.exit_code) == ("HOLD", 21), ran.text
        assert "services of here: resolved in process" in ran.text
    else:
        assert (ran.verdict, ran.exit_code) == ("GO", 0), ran.text


def test_the_ledger_is_taken_away(place: Place, workers: Workers) -> None:
    body = "MET\nimport shutil\nshutil.rmtree('release-evidence/ledger')"
    ran = place.one(check(body)).pytest("-m", "post_deploy", *workers)
    assert (ran.verdict, ran.exit_code) == ("HOLD", 21), ran.text
