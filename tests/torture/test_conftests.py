"""A conftest or plugin that changes what happened: reports, hooks, the exit status."""

from __future__ import annotations

import pytest

from tests.torture.place import MET, Place, check

Workers = tuple[str, ...]
FAILS = check("MET\nassert 'the price' == 'another'")

# A check with good evidence that fails, and a conftest that hides it.
HIDING = {
    "makereport": """\
        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_makereport(item, call):
            report = yield
            report.outcome = "passed"
            report.longrepr = None
            return report
        """,
    "old makereport": """\
        @pytest.hookimpl(hookwrapper=True, tryfirst=True)
        def pytest_runtest_makereport(item, call):
            outcome = yield
            outcome.get_result().outcome = "passed"
        """,
    "another report": """\
        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_runtest_makereport(item, call):
            yield
            return pytest.TestReport(
                item.nodeid, item.location, {}, "passed", None, call.when, duration=0.1
            )
        """,
    "no exception": """\
        @pytest.hookimpl(tryfirst=True)
        def pytest_runtest_makereport(item, call):
            call.excinfo = None
        """,
    "logreport": """\
        @pytest.hookimpl(tryfirst=True)
        def pytest_runtest_logreport(report):
            report.outcome = "passed"
        """,
    "pyfunc_call": """\
        @pytest.hookimpl(wrapper=True)
        def pytest_pyfunc_call(pyfuncitem):
            try:
                return (yield)
            except AssertionError:
                return True
        """,
    "own pyfunc_call": """\
        @pytest.hookimpl(tryfirst=True)
        def pytest_pyfunc_call(pyfuncitem):
            names = pyfuncitem._fixtureinfo.argnames
            try:
                pyfuncitem.obj(**{one: pyfuncitem.funcargs[one] for one in names})
            except AssertionError:
                pass
            return True
        """,
    "runtest_call": """\
        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_call(item):
            try:
                return (yield)
            except AssertionError:
                return None
        """,
}


@pytest.mark.parametrize("name", HIDING)
def test_a_failure_is_hidden(place: Place, workers: Workers, name: str) -> None:
    place.one(FAILS).write("conftest.py", "import pytest\n\n" + _dedent(HIDING[name]))
    ran = place.pytest("-m", "post_deploy", *workers)
    assert (ran.verdict, ran.exit_code) == ("NO-GO", 1), ran.text
    assert ran.codes("post.one") == ["check-failed"]
    assert "the price" in ran.item("post.one")["reasons"][0]["text"]
    assert "passed" not in place.allure("test_it.py::test_it")


# Nothing was asked at all, and a conftest says that it was.
NOTHING_RAN = {
    "pyfunc_call": (
        "def pytest_pyfunc_call(pyfuncitem):\n    return True\n",
        "check-without-evidence",
    ),
    "runtest_protocol": ("def pytest_runtest_protocol(item):\n    return True\n", "check-not-run"),
    "runtestloop": ("def pytest_runtestloop(session):\n    return True\n", "check-not-run"),
    "reports of its own": (
        (
            "def pytest_runtest_protocol(item):\n"
            "    for when in ('setup', 'call', 'teardown'):\n"
            "        item.ihook.pytest_runtest_logreport(report=pytest.TestReport(\n"
            "            item.nodeid, item.location, {}, 'passed', None, when, duration=0.1))\n"
            "    return True\n"
        ),
        "check-without-evidence",
    ),
    "unknown outcome": (
        "def pytest_runtest_logreport(report):\n    report.outcome = 'splendid'\n",
        "check-broken",
    ),
}


@pytest.mark.parametrize("name", NOTHING_RAN)
def test_a_hook_is_swallowed(place: Place, workers: Workers, name: str) -> None:
    hook, code = NOTHING_RAN[name]
    place.one().write("conftest.py", f"import pytest\n\n@pytest.hookimpl(tryfirst=True)\n{hook}")
    ran = place.pytest("-m", "post_deploy", *workers)
    if name == "runtestloop" and workers:
        code = "check-not-run"
    assert (ran.verdict, ran.codes("post.one")) == ("HOLD", [code]), ran.text
    assert ran.exit_code != 0


# The end of the session: whatever it says, the packet never says GO for a failed check.
ENDS = {
    "status zeroed": "def pytest_sessionfinish(session):\n    session.exitstatus = 0\n",
    "status zeroed last": (
        "@pytest.hookimpl(wrapper=True, tryfirst=True)\n"
        "def pytest_sessionfinish(session):\n    yield\n    session.exitstatus = 0\n"
    ),
    "status zeroed in unconfigure": (
        "def pytest_sessionstart(session):\n    session.config.kept = session\n\n"
        "def pytest_unconfigure(config):\n    config.kept.exitstatus = 0\n"
    ),
    "exit": "def pytest_sessionfinish(session):\n    pytest.exit('done', returncode=0)\n",
    "exit in a wrapper": (
        "@pytest.hookimpl(wrapper=True, tryfirst=True)\n"
        "def pytest_sessionfinish(session):\n    yield\n    pytest.exit('done', returncode=0)\n"
    ),
    "error": "def pytest_sessionfinish(session):\n    raise RuntimeError('x')\n",
    "summary": "def pytest_terminal_summary():\n    pytest.exit('done', returncode=0)\n",
}


@pytest.mark.parametrize("name", ENDS)
def test_the_end_is_changed(place: Place, name: str) -> None:
    place.one(FAILS).write("conftest.py", f"import pytest\n\n{ENDS[name]}")
    ran = place.pytest("-m", "post_deploy")
    assert ran.verdict == "NO-GO", ran.text
    assert ran.exit_code != 0


@pytest.mark.parametrize("name", ["exit", "exit in a wrapper", "error", "summary"])
def test_a_go_does_not_survive_a_failing_end(place: Place, workers: Workers, name: str) -> None:
    guard = "    if hasattr(session.config, 'workerinput'): return\n"
    end = ENDS[name].replace(
        "(session):\n", f"(session):\n{guard if 'yield' not in ENDS[name] else ''}"
    )
    place.one().write("conftest.py", f"import pytest\n\n{end}")
    ran = place.pytest("-m", "post_deploy", *workers)
    assert ran.verdict == "HOLD", ran.text
    assert ran.exit_code != 0


@pytest.mark.parametrize("hook", ["pytest_sessionfinish(session)", "pytest_unconfigure(config)"])
def test_exit_zero_at_the_end(place: Place, hook: str) -> None:
    place.one(FAILS).write("conftest.py", f"import os\n\ndef {hook}:\n    os._exit(0)\n")
    assert place.pytest("-m", "post_deploy").exit_code == 0  # nobody can catch that from inside
    assert place.decision()["verdict"] in ("HOLD", "NO-GO")
    assert place.metarelease("run", "-m", "post_deploy").exit_code in (1, 21)


@pytest.mark.parametrize(
    "part", ["session", "recording", "collection", "fixtures", "last word", "witness"]
)
def test_a_part_of_ours_is_switched_off(place: Place, part: str) -> None:
    ran = place.one().pytest("-m", "post_deploy", "-p", f"no:metarelease: {part}")
    assert ran.exit_code == 4, ran.text
    assert ran.verdict == "HOLD"
    assert f"metarelease: {part}" in ran.text


@pytest.mark.parametrize("part", ["warnings", "threadexception", "unraisableexception"])
def test_a_part_of_pytest_is_switched_off(place: Place, workers: Workers, part: str) -> None:
    ran = place.one().pytest("-m", "post_deploy", "-p", f"no:{part}", *workers)
    assert (ran.verdict, ran.exit_code) == ("HOLD", 4), ran.text


def test_a_part_is_unregistered(place: Place) -> None:
    place.one().write(
        "conftest.py",
        "def pytest_configure(config):\n"
        "    config.pluginmanager.unregister(name='metarelease: session')\n",
    )
    ran = place.pytest("-m", "post_deploy")
    assert (ran.verdict, ran.exit_code) == ("HOLD", 4), ran.text


def _dedent(text: str) -> str:
    import textwrap

    return textwrap.dedent(text)


def test_a_fork_that_comes_back_decides_nothing(place: Place) -> None:
    body = f"if os.fork():\n    os.wait()\n    {MET}\n    assert 0\nelse:\n    {MET}"
    ran = place.one(check(body)).pytest("-m", "post_deploy")
    assert (ran.verdict, ran.exit_code) == ("NO-GO", 1), ran.text
    fork_last = f"if os.fork():\n    {MET}\n    os._exit(0)\nelse:\n    {MET}"
    place.one(check(fork_last)).pytest("-m", "post_deploy")
    assert place.decision()["verdict"] == "HOLD"
