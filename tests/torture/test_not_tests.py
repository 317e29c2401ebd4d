# ruff: noqa: E501 - one row, one line: the table is read across
"""Checks that ran, or seem to have run, and measured nothing: skips, xfails, warnings, subtests.

All rows are one project and one session, alone and with two workers.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.plugin.project import Ran
from tests.torture.place import Place, Row, check

_UNITTEST = """\
import pytest, unittest

class TestIt(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _evidence(self, evidence):
        self.evidence = evidence

    @pytest.mark.verifies("post.ITEM")
    {function} test_it(self):
        self.evidence.measured(subject="own:x", asked="q", value=1).expect(1)
        {body}
"""
_IN_CLASS = ("TestIt::test_it",)
_FIXTURE = "@pytest.fixture\ndef broken(evidence):\n    MET\n    yield\n    {end}\n"


def _fixture(end: str) -> str:
    return check(
        marks="@pytest.mark.usefixtures('broken')",
        before=_FIXTURE.format(end=end).replace("MET", "pass"),
    )


def _setup(body: str, marks: str = "") -> str:
    return check(
        marks=f"{marks}\n@pytest.mark.usefixtures('broken')",
        before=f"@pytest.fixture\ndef broken():\n    {body}\n",
    )


ROWS = (
    Row("skip_by_mark", check(marks="@pytest.mark.skip(reason='later')"), ("check-skipped",)),
    Row("skip_by_condition", check(marks="@pytest.mark.skipif(True, reason='x')"), ("check-skipped",)),
    Row("skip_in_call_after_evidence", check("MET\npytest.skip('x')"), ("check-skipped",)),
    Row("skip_in_setup", _setup("pytest.skip('x')"), ("check-skipped",)),
    Row("skip_in_teardown", _fixture("pytest.skip('x')"), ("check-skipped",)),
    Row("unittest_skip", _UNITTEST.format(function="def", body="self.skipTest('x')"), ("check-skipped",), checks=_IN_CLASS),
    Row("early_return", check("if 'NOWHERE' not in os.environ:\n    return\nMET"), ("check-without-evidence",)),
    Row("no_assertion", check("pass"), ("check-without-evidence",)),
    Row("loop_over_nothing", check("for one in []:\n    MET"), ("check-without-evidence",)),
    Row("asked_without_judging", check("evidence.measured(subject='own:x', asked='q', value=1)"), ("check-without-evidence",)),
    Row("xfail_by_mark", check("MET\nassert 0", marks="@pytest.mark.xfail"), ("check-xfail",)),
    Row("xfail_by_call", check("MET\npytest.xfail('known')"), ("check-xfail",)),
    Row("xfail_over_setup_error", _setup("raise OSError('RPC is down')", "@pytest.mark.xfail"), ("check-xfail",)),
    Row("xfail_in_teardown", _fixture("pytest.xfail('x')"), ("check-xfail",)),
    Row("xpass", check(marks="@pytest.mark.xfail(strict=False)"), ("check-xfail",)),
    Row("xpass_strict", check(marks="@pytest.mark.xfail(strict=True)"), ("check-failed",), "failed"),
    Row("unittest_expected_failure", _UNITTEST.format(function="@unittest.expectedFailure\n    def", body="assert 0"), ("check-xfail",), checks=_IN_CLASS),
    Row("teardown_error_after_pass", _fixture("raise OSError('x')"), ("check-broken",)),
    Row("teardown_failure_after_pass", _fixture("assert 0"), ("check-failed",), "failed"),
    Row("setup_error", _setup("raise OSError('x')"), ("check-broken",)),
    Row("swallowed_unmet", check("try:\n    evidence.measured(subject='own:x', asked='q', value=1).expect(2)\nexcept AssertionError:\n    MET"), ("evidence-unmet",), "failed"),
    Row("failed_subtest", check("MET\nwith subtests.test('x'):\n    assert 0").replace("(evidence)", "(evidence, subtests)"), ("check-failed",), "failed"),
    Row("skipped_subtest", check("MET\nwith subtests.test('x'):\n    pytest.skip('x')").replace("(evidence)", "(evidence, subtests)"), ("subtest-skipped",)),
    Row("xfailed_subtest", check("MET\nwith subtests.test('x'):\n    pytest.xfail('x')").replace("(evidence)", "(evidence, subtests)"), ("subtest-skipped",)),
    Row("failed_subtest_under_xfail", check("MET\nwith subtests.test('x'):\n    assert 0", marks="@pytest.mark.xfail").replace("(evidence)", "(evidence, subtests)"), ("subtest-skipped",)),
    Row("failed_unittest_subtest", _UNITTEST.format(function="def", body="with self.subTest('x'): assert 0"), ("check-failed",), "failed", checks=_IN_CLASS),
    Row("skipped_unittest_subtest", _UNITTEST.format(function="def", body="with self.subTest('x'): self.skipTest('x')"), ("subtest-skipped",), checks=_IN_CLASS),
    Row("async_without_plugin", check().replace("def test", "async def test"), ("check-failed",), "failed"),
    Row("async_in_unittest", _UNITTEST.format(function="async def", body="assert 0"), ("check-without-evidence",), checks=_IN_CLASS),
    Row("empty_parametrisation", check(marks="@pytest.mark.parametrize('x', [])").replace("(evidence)", "(evidence, x)"), ("check-not-run",), checks=("test_it[a]",)),
    Row("two_checks_of_which_one_never_ran", check(), ("check-not-run",), checks=("test_it", "test_gone")),
    Row("return_false", check("MET\nreturn False"), ("check-broken",)),
    Row("return_false_with_the_warning_ignored", check("MET\nreturn False", marks="@pytest.mark.filterwarnings('ignore')"), ("check-broken",)),
    Row("repeated_node_ids", check(), ("check-repeated",), files={"conftest.py": "def pytest_collection_modifyitems(items):\n    items += [one for one in items if 'repeated' in one.nodeid]\n"}),
    Row("sys_exit_in_the_test", check("MET\nsys.exit(0)"), ("check-broken",)),
)  # fmt: skip
# Passed, with evidence, and yet not what it seems: the warning is a finding against the run.
WARNED = (
    Row("return_false_in_unittest", _UNITTEST.format(function="def", body="return False"), (), "verified", checks=_IN_CLASS),
    Row("coroutine_never_awaited", check("MET\nasync def ask(): assert 0\nask()"), (), "verified"),
    Row("coroutine_never_awaited_and_ignored", check("MET\nasync def ask(): assert 0\nask()", marks="@pytest.mark.filterwarnings('ignore')"), (), "verified"),
    Row("exception_in_a_thread", check("MET\none = threading.Thread(target=lambda: 1 / 0)\none.start()\none.join()"), (), "verified"),
    Row("exception_in_a_task", check("MET\nasync def bad(): raise OSError('x')\nasync def main():\n    asyncio.ensure_future(bad())\n    await asyncio.sleep(0)\nasyncio.run(main())", before="import asyncio\n"), (), "verified"),
    Row("excepthook_replaced", check("MET\nthreading.excepthook = lambda told: None\none = threading.Thread(target=lambda: 1 / 0)\none.start()\none.join()"), (), "verified"),
    Row("unraisablehook_replaced", check("MET\nsys.unraisablehook = lambda told: None\nclass Broken:\n    def __del__(self): raise OSError('x')\nBroken()"), (), "verified"),
    Row("showwarning_replaced", check("MET\nimport warnings\nwarnings.showwarning = lambda *a, **k: None\nasync def ask(): assert 0\nask()"), (), "verified"),
    Row("exception_in_a_destructor", check("MET\nclass Broken:\n    def __del__(self): raise OSError('x')\nBroken()"), (), "verified"),
)  # fmt: skip
SOUND = Row("sound", check(), (), "verified")


@dataclass(frozen=True, slots=True)
class Session:
    """The one session of all rows."""

    place: Place
    ran: Ran


@pytest.fixture(scope="module", params=["alone", "-n2"])
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Run all rows once."""
    place = Place(tmp_path_factory.mktemp("rows")).rows([*ROWS, *WARNED, SOUND])
    place.write("pytest.ini", "[pytest]\nstrict_xfail = false\nfilterwarnings = ignore\n")
    extra = ("-n", "2") if request.param == "-n2" else ()
    return Session(place, place.pytest("-m", "post_deploy", "--junitxml=junit.xml", *extra))


def test_the_run_is_no_go_and_says_so(session: Session) -> None:
    assert (session.ran.verdict, session.ran.exit_code) == ("NO-GO", 1), session.ran.text
    assert session.place.allure_first()[0] == "failed"


def test_what_is_sound_is_verified_beside_them(session: Session) -> None:
    assert session.ran.item(SOUND.item)["state"] == "verified"
    assert session.place.allure(SOUND.nodeids[0]) == ["passed"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_never_verified(session: Session, row: Row) -> None:
    found = session.ran.item(row.item)
    assert found["state"] == row.state, found["reasons"]
    assert set(session.ran.codes(row.item)) >= set(row.codes)
    for nodeid in row.nodeids:
        if nodeid != "test_two_checks_of_which_one_never_ran.py::test_it":
            assert "passed" not in session.place.allure(nodeid)


@pytest.mark.parametrize("row", WARNED, ids=lambda row: row.name)
def test_warned_of(session: Session, row: Row) -> None:
    found = [
        one["nodeid"]
        for one in session.ran.decision["findings"]
        if one["code"] == "warning-is-failure"
    ]
    assert row.nodeids[0] in found, session.ran.decision["findings"]
