# ruff: noqa: E501 - one row, one line: the table is read across
"""Further ways to a GO that nobody measured, found by trying: pytest's own doors, fakes, leftovers.

Rows of one check share a session, alone and with two workers; the others have one each.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.plugin.project import Ran
from tests.torture.place import MET, Place, Row, check

Workers = tuple[str, ...]
_SAID = 'self.evidence.measured(subject="own:x", asked="q", value=1).expect(1)'


def _case(body: str, more: str = "") -> str:
    """Return a ``unittest`` case whose test has evidence and then does ``body``."""
    return (
        "import pytest, unittest\n\n"
        "class TestIt(unittest.TestCase):\n"
        "    @pytest.fixture(autouse=True)\n"
        "    def _evidence(self, evidence):\n        self.evidence = evidence\n\n"
        f"{more}\n"
        '    @pytest.mark.verifies("post.ITEM")\n'
        f"    def test_it(self):\n        {_SAID}\n        {body}\n"
    )


def _fake(name: str, value: str, body: str) -> str:
    """Return a check with a fixture of its own that has the name of one of ours."""
    return check(body, before=f"@pytest.fixture\ndef {name}():\n    {value}\n").replace(
        "(evidence)", f"({name})"
    )


_FAKE = "from types import SimpleNamespace as S\n    return S(measured=lambda **k: S(expect=lambda v: None), recorder=None)"
_IN = ("TestIt::test_it",)
_SILENT, _SKIPPED, _BROKEN, _FAILED = (
    ("check-without-evidence",), ("check-skipped",), ("check-broken",), ("check-failed",),
)  # fmt: skip

ROWS = (
    Row("one_parameter_skipped", check(marks="@pytest.mark.parametrize('x', ['a', pytest.param('b', marks=pytest.mark.skip)])").replace("(evidence)", "(evidence, x)"), _SKIPPED, checks=("test_it[a]", "test_it[b]")),
    Row("parameters_changed", check(marks="@pytest.mark.parametrize('x', ['new'])").replace("(evidence)", "(evidence, x)"), ("check-not-run",), checks=("test_it[old]",)),
    Row("indirect_parameter_skips", check(marks="@pytest.mark.parametrize('x', [1], indirect=True, ids=['a'])", before="@pytest.fixture\ndef x(request):\n    pytest.skip('x')\n").replace("(evidence)", "(evidence, x)"), _SKIPPED, checks=("test_it[a]",)),
    Row("module_mark_skips", check(before="pytestmark = pytest.mark.skip(reason='later')\n"), _SKIPPED),
    Row("module_mark_xfails", check(before="pytestmark = pytest.mark.xfail(strict=False)\n"), ("check-xfail",)),
    Row("setup_module_skips", check(before="def setup_module():\n    pytest.skip('x')\n"), _SKIPPED),
    Row("setup_module_fails", check(before="def setup_module():\n    raise OSError('x')\n"), _BROKEN),
    Row("teardown_module_fails", check(before="def teardown_module():\n    raise OSError('x')\n"), _BROKEN),
    Row("setup_function_skips", check(before="def setup_function():\n    pytest.skip('x')\n"), _SKIPPED),
    Row("teardown_function_fails", check(before="def teardown_function():\n    assert 0\n"), _FAILED, "failed"),
    Row("unittest_skiptest_raised", check("MET\nraise unittest.SkipTest('x')"), _SKIPPED),
    Row("importorskip_inside", check("MET\npytest.importorskip('nothing_of_that_name')"), _SKIPPED),
    Row("system_exit_raised", check("MET\nraise SystemExit(0)"), _BROKEN),
    Row("generator_exit_raised", check("MET\nraise GeneratorExit"), _BROKEN),
    Row("exception_group_raised", check("MET\nraise ExceptionGroup('x', [AssertionError('y')])"), _BROKEN),
    Row("finalizer_fails", check("MET\nrequest.addfinalizer(lambda: 1 / 0)").replace("(evidence)", "(evidence, request)"), _BROKEN),
    Row("cleanup_fails", _case("self.addCleanup(lambda: 1 / 0)"), _BROKEN, checks=_IN),
    Row("cleanup_skips", _case("self.addCleanup(self.skipTest, 'x')"), _SKIPPED, checks=_IN),
    Row("set_up_class_skips", _case("pass", "    @classmethod\n    def setUpClass(cls):\n        raise unittest.SkipTest('x')"), _SKIPPED, checks=_IN),
    Row("set_up_class_fails", _case("pass", "    @classmethod\n    def setUpClass(cls):\n        raise OSError('x')"), _BROKEN, checks=_IN),
    Row("tear_down_class_fails", _case("pass", "    @classmethod\n    def tearDownClass(cls):\n        raise OSError('x')"), _BROKEN, checks=_IN),
    Row("set_up_skips", _case("pass", "    def setUp(self):\n        self.skipTest('x')"), _SKIPPED, checks=_IN),
    Row("tear_down_fails", _case("pass", "    def tearDown(self):\n        self.fail('x')"), _FAILED, "failed", checks=_IN),
    Row("skipped_case", _case("pass").replace("class TestIt", "@unittest.skip('x')\nclass TestIt"), _SKIPPED, checks=_IN),
    Row("own_evidence_fixture", _fake("evidence", _FAKE, "MET"), _SILENT),
    Row("own_release_fixture", _fake("release", _FAKE.replace("recorder=None", "recorder=S(measured=lambda **k: None, judge=lambda *a, **k: None)"), MET).replace("(release)", "(evidence)"), _FAILED, "failed"),
    Row("own_agree_fixture", _fake("agree", "return lambda left, right: True", "assert agree(lambda: 1, lambda: 2)"), _SILENT),
    Row("own_eventually_fixture", _fake("eventually", "return lambda ask, **k: None", "eventually(lambda: 1 / 0)"), _SILENT),
    Row("expect_patched", check("monkeypatch.setattr('pytest_metarelease.probes.reading.Reading.expect', lambda self, *a, **k: self)\nMET").replace("(evidence)", "(evidence, monkeypatch)"), _SILENT),
    Row("notebook_replaced", check("from pytest_metarelease.evidence import Notebook\nfrom pytest_metarelease.plugin.evidence_fixture import EvidenceNotes\nevidence = EvidenceNotes(Notebook())\nMET"), _SILENT),
    Row("measurement_made_by_hand", check("from pytest_metarelease.evidence import Judgement, Measurement\none = Measurement(id='main-1000', subject='own:thing', probe='own', asked='q', at='2026-01-01T00:00:00Z', duration=0.0, answer='1')\nevidence.recorder.judge(one, Judgement.MET, expected='1', actual='1')"), ()),
    Row("evidence_of_a_shared_fixture", check("assert shared", before=f"@pytest.fixture(scope='module')\ndef shared(evidence):\n    {MET}\n    return True\n\n@pytest.mark.post_deploy\ndef test_before(shared):\n    pass\n").replace("def test_it(evidence)", "def test_it(shared)"), _SILENT),
    Row("evidence_while_importing", check("assert ASKED", before="ASKED = True\n"), _SILENT),
    Row("only_a_subtest", check("with subtests.test('x'):\n    pass").replace("(evidence)", "(subtests)"), _SILENT),
    Row("suppressed_unmet", check("import contextlib\nMET\nwith contextlib.suppress(AssertionError):\n    evidence.measured(subject='own:x', asked='q', value=1).expect(2)"), ("evidence-unmet",), "failed"),
    Row("raises_around_unmet", check("MET\nwith pytest.raises(AssertionError):\n    evidence.measured(subject='own:x', asked='q', value=1).expect(2)"), ("evidence-unmet",), "failed"),
    Row("body_replaced", check("assert 0"), _SILENT, files={"test_body_replaced_helper.py": "import test_body_replaced\n\n@__import__('pytest').fixture\ndef nothing(): pass\n"}),
    Row("yaml_check", "", _SILENT, checks=("yaml_check.py.yaml::test_it",), files={"yaml_check.py.yaml": "it: true\n"}),
    Row("reported_twice", check(), ("check-repeated",)),
    Row("runtest_replaced", check("assert 0"), _SILENT),
    Row("runtest_swallows", check("MET\nassert 0"), _FAILED, "failed"),
    Row("taken_out_last", check(), ("check-not-run",)),
    Row("mark_added_while_running", check().replace('@pytest.mark.verifies("post.ITEM")', ""), ("check-not-run",)),
)  # fmt: skip
CONFTEST = """\
import pytest

class Item(pytest.Item):
    def runtest(self): pass

class File(pytest.File):
    def collect(self):
        item = Item.from_parent(self, name="test_it")
        item.add_marker(pytest.mark.verifies("post.yaml-check"))
        yield item

def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".yaml" and "check" in file_path.name:
        return File.from_parent(parent, path=file_path)

def _swallowing(function):
    def runtest():
        try:
            function()
        except AssertionError:
            pass
    return runtest

@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    for item in list(items):
        if "test_runtest_replaced" in item.nodeid:
            item.runtest = lambda: None
        if "test_body_replaced.py" in item.nodeid:
            item.obj = lambda evidence: None
        if "test_runtest_swallows" in item.nodeid:
            item.runtest = _swallowing(item.runtest)
        if "test_taken_out_last" in item.nodeid:
            items.remove(item)

def pytest_runtest_setup(item):
    if "test_mark_added_while_running" in item.nodeid:
        item.add_marker(pytest.mark.verifies("post.mark-added-while-running"))

def pytest_runtest_logreport(report):
    if "test_reported_twice" in report.nodeid and not hasattr(report, "again") and AGAIN:
        report.again = True
        AGAIN[0].hook.pytest_runtest_logreport(report=report)

AGAIN = []

def pytest_configure(config):
    AGAIN.append(config)
"""
SOUND = Row("sound", check(), (), "verified")
# Looks odd and is right: what was asked was asked.
RIGHT = (
    Row("unicode_ids", check(marks="@pytest.mark.parametrize('x', [1], ids=['ünï::code/é'])").replace("(evidence)", "(evidence, x)"), (), "verified", checks=("test_it[\\xfcn\\xef::code/\\xe9]",)),
    Row("long_ids", check(marks="@pytest.mark.parametrize('x', [1], ids=['y' * 2000])").replace("(evidence)", "(evidence, x)"), (), "verified", checks=(f"test_it[{'y' * 2000}]",)),
    Row("another_folder", check("monkeypatch.chdir('/')\nMET").replace("(evidence)", "(evidence, monkeypatch)"), (), "verified"),
    Row("the_clock_stands", check("import time\nmonkeypatch.setattr(time, 'time', lambda: 0.0)\nMET").replace("(evidence)", "(evidence, monkeypatch)"), (), "verified"),
    Row("json_is_patched", check("import json\nmonkeypatch.setattr(json, 'loads', lambda text: {})\nMET").replace("(evidence)", "(evidence, monkeypatch)"), (), "verified"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Session:
    """The one session of all rows."""

    place: Place
    ran: Ran


@pytest.fixture(scope="module", params=["alone", "-n2"])
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Run all rows once."""
    place = Place(tmp_path_factory.mktemp("rows")).rows([*ROWS, *RIGHT, SOUND])
    place.write("conftest.py", CONFTEST)
    place.write("pytest.ini", "[pytest]\nstrict_xfail = false\nfilterwarnings = ignore\n")
    extra = ("-n", "2") if request.param == "-n2" else ()
    return Session(place, place.pytest("-m", "post_deploy", "--junitxml=junit.xml", *extra))


def test_the_run_says_no(session: Session) -> None:
    assert (session.ran.verdict, session.ran.exit_code) == ("NO-GO", 1), session.ran.text


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_never_verified(session: Session, row: Row) -> None:
    found = session.ran.item(row.item)
    assert found["state"] == row.state, found["reasons"]
    assert set(session.ran.codes(row.item)) >= set(row.codes)
    for nodeid in row.nodeids:
        if nodeid != "test_one_parameter_skipped.py::test_it[a]":
            assert "passed" not in session.place.allure(nodeid)


@pytest.mark.parametrize("row", [*RIGHT, SOUND], ids=lambda row: row.name)
def test_go_is_right_for_it(session: Session, row: Row) -> None:
    assert session.ran.item(row.item)["state"] == "verified", session.ran.item(row.item)["reasons"]


FLAKY = "with open('count.flag', 'a+') as file:\n    file.write('x')\n    file.seek(0)\n    times = len(file.read())\nMET\nassert times > 1"
OPTIONS: dict[str, tuple[list[str], str]] = {
    "not post_deploy": (["-m", "not post_deploy"], ""),
    "a mark of nobody": (["-m", "post_deploy and nothing"], ""),
    "an empty -m": (["-m", "post_deploy", "-m", ""], ""),
    "another stage last": (["-m", "post_deploy", "-m", "pre_deploy"], ""),
    "--co": (["-m", "post_deploy", "--co"], ""),
    "--fixtures": (["-m", "post_deploy", "--fixtures"], ""),
    "--fixtures-per-test": (["-m", "post_deploy", "--fixtures-per-test"], ""),
    "--markers": (["-m", "post_deploy", "--markers"], ""),
    "--cache-show": (["-m", "post_deploy", "--cache-show"], ""),
    "-n 0 --setup-plan": (["-m", "post_deploy", "-n", "0", "--setup-plan"], ""),
    "python_functions": (["-m", "post_deploy", "-o", "python_functions=check_*"], ""),
    "python_classes": (["-m", "post_deploy", "-o", "testpaths=nowhere", "nowhere"], ""),
    "another ini": (["-m", "post_deploy", "-c", "other.ini"], ""),
    "--pyargs": (["-m", "post_deploy", "--pyargs", "json"], ""),
    "--doctest-modules": (["-m", "post_deploy", "-p", "no:python", "--doctest-modules"], ""),
    "flaky mark": (["-m", "post_deploy"], check(FLAKY, marks="@pytest.mark.flaky(reruns=2)")),
    "--only-rerun": (["-m", "post_deploy", "--reruns=2", "--only-rerun=AssertionError"], check(FLAKY)),
    "the lock is rewritten": (["-m", "post_deploy"], check("MET\nopen('checks.lock', 'a').write('# x\\n')")),
    "the manifest is rewritten": (["-m", "post_deploy"], check("MET\nopen('release.yaml', 'a').write('# x\\n')")),
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_is_no_way(gone: Place, name: str) -> None:
    options, source = OPTIONS[name]
    if source:
        gone.write("test_it.py", source.replace("post.ITEM", "post.one"))
    gone.write("other.ini", "[pytest]\npython_files = nothing_*.py\n")
    ran = gone.metarelease("run", *options)
    assert ran.exit_code in (21, 4), ran.text
    assert ran.verdict == "HOLD", ran.text


HARMLESS = [
    ["-p", "no:terminal"], ["-p", "no:logging"], ["-p", "no:cacheprovider"], ["-s", "--tb=no", "-qq"],
    ["--ff", "--nf", "--cache-clear"], ["--import-mode=append"], ["--noconftest"], ["-n", "2", "--dist=worksteal"],
]  # fmt: skip


@pytest.mark.parametrize("failing", [True, False], ids=["fails", "sound"])
@pytest.mark.parametrize("options", HARMLESS, ids=" ".join)
def test_an_option_changes_nothing(place: Place, options: list[str], failing: bool) -> None:
    place.one(check("MET\nassert 0" if failing else MET))
    ran = place.pytest("-m", "post_deploy", *options)
    expected = ("NO-GO", 1) if failing else ("GO", 0)
    assert (ran.verdict, ran.exit_code) == expected, ran.text


PLANTED = (
    '{"kind":"measurement","check":"test_it.py::test_it","id":"gw7-1","subject":"own:x","probe":"own","asked":"q",'
    '"at":"2026-01-01T00:00:00Z","duration":0.0,"answer":"1","block":null,"sample":null}\n'
    '{"kind":"citation","check":"test_it.py::test_it","measurement":"gw7-1","subject":"own:x","judgement":"met",'
    '"expected":"1","actual":"1","where":"","next_step":"","attempt":1}\n'
)  # fmt: skip


@pytest.mark.parametrize("when", ["before the run", "during the run"])
def test_a_ledger_that_no_process_wrote(place: Place, workers: Workers, when: str) -> None:
    place.write("planted.txt", PLANTED)
    plant = "import pathlib\nfolder = pathlib.Path('release-evidence/ledger')\nfolder.mkdir(exist_ok=True)\n(folder / 'gw7.jsonl').write_text(pathlib.Path('planted.txt').read_text())"
    place.one(check("pass" if when == "before the run" else plant))
    if when == "before the run":
        place.write("release-evidence/ledger/gw7.jsonl", PLANTED)
    ran = place.pytest("-m", "post_deploy", *workers)
    assert (ran.verdict, ran.exit_code) == ("HOLD", 21), ran.text


def test_no_item_applies(place: Place) -> None:
    place.one()
    text = (place.path / "release.yaml").read_text()
    text = text.replace("severity: P0", "severity: P0, environments: [there]")
    place.write(
        "release.yaml",
        text.replace("  here: {access", "  there: {access: read-only}\n  here: {access"),
    )
    place.lock("post.one: test_it.py::test_it")
    ran = place.metarelease("run", "-m", "post_deploy")
    assert (ran.verdict, ran.exit_code) == ("HOLD", 21), ran.text


@pytest.mark.parametrize("body", ["MET\npytest.skip('x')", "MET\nassert 0"], ids=["skip", "fail"])
def test_notes_alone_are_no_go(place: Place, body: str) -> None:
    place.items("post.low P3").lock("post.low: test_low.py::test_it")
    place.write("test_low.py", check(body).replace("post.ITEM", "post.low"))
    ran = place.pytest("-m", "post_deploy")
    assert (ran.verdict, ran.exit_code) == ("HOLD", 21), ran.text
    assert place.finding_codes() == ["nothing-verified"]
    assert place.allure_first()[0] != "passed"


_LOST = """MET
async def bad(): raise OSError("x")
async def main():
    asyncio.ensure_future(bad())
    await asyncio.sleep(0)
asyncio.run(main())"""


@pytest.mark.parametrize(
    "body",
    [_LOST, "MET\nthreading.excepthook = lambda told: None", "MET\nwarnings.showwarning = print"],
    ids=["task", "excepthook", "showwarning"],
)
@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "-n2"])
def test_where_warnings_are_errors_none_is_lost(place: Place, body: str, workers: Workers) -> None:
    place.one(check(body, before="import asyncio\n"))
    place.write("pytest.ini", "[pytest]\nfilterwarnings = error\n")
    ran = place.pytest("-m", "post_deploy", *workers)
    assert (ran.verdict, ran.exit_code) == ("HOLD", 21), ran.text
    assert place.finding_codes() == ["warning-is-failure"], ran.text


def _beside_low(place: Place, body: str) -> Place:
    place.items("post.one P0", "post.low P3").lock(
        "post.one: test_it.py::test_it", "post.low: test_low.py::test_it"
    )
    place.write("test_it.py", check().replace("post.ITEM", "post.one"))
    place.write("test_low.py", check(body).replace("post.ITEM", "post.low"))
    return place


def test_a_warning_of_a_check_of_low_severity_is_a_note(place: Place, workers: Workers) -> None:
    ran = _beside_low(place, "MET\nreturn True").pytest("-m", "post_deploy", *workers)
    assert (ran.verdict, ran.exit_code) == ("GO", 0), ran.text
    assert "warning-is-failure" in [one["code"] for one in ran.decision["notes"]]


def test_a_warning_that_may_be_of_another_check_is_not(place: Place) -> None:
    body = "MET\nasync def ask(): pass\nask()"
    ran = _beside_low(place, body).pytest("-m", "post_deploy")
    assert (ran.verdict, ran.exit_code) == ("HOLD", 21), ran.text
    assert place.finding_codes() == ["warning-is-failure"]


@pytest.mark.parametrize("source", ["", "def pytest_configure(): pass\n"], ids=["empty", "a stub"])
def test_a_folder_shadows_the_package(gone: Place, source: str) -> None:
    gone.write("pytest_metarelease/__init__.py", "")
    if source:
        gone.write("pytest_metarelease/plugin.py", source)
    ran = gone.metarelease("run", "-m", "post_deploy")
    assert ran.exit_code in (21, 4), ran.text
    assert ran.verdict == "HOLD"
