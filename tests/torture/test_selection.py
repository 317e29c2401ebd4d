# ruff: noqa: E501 - one row, one line: the table is read across
"""Everything that makes a run smaller than its stage: pytest is content, the gate is not."""

from __future__ import annotations

import pytest

from tests.torture.place import MET, Place, Row, check

Workers = tuple[str, ...]

ROWS = (
    Row("kept", check(), ()),
    Row("lost", check(), ("check-not-run",)),
)
LOST, KEPT = "post.lost", "post.kept"


def _place(place: Place) -> Place:
    return place.rows(ROWS)


OPTIONS = {
    "-k": ["-k", "kept"],
    "-m": ["-m", "post_deploy and not slow"],
    "path": ["test_kept.py"],
    "node id": ["test_kept.py::test_it"],
    "--deselect": ["--deselect", "test_lost.py::test_it"],
    "--ignore": ["--ignore", "test_lost.py"],
    "--ignore-glob": ["--ignore-glob", "*lost*"],
    "-p no:python": ["-p", "no:python"],
    "--override-ini": ["-o", "python_files=*kept*"],
    "PYTEST_ADDOPTS": [],
}


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_leaves_a_check_out(place: Place, name: str) -> None:
    _place(place).write("pytest.ini", "[pytest]\nmarkers = slow\n")
    if name == "-m":
        place.write("test_lost.py", check(marks="@pytest.mark.slow").replace("post.ITEM", LOST))
    variables = {"PYTEST_ADDOPTS": "-k kept"} if name == "PYTEST_ADDOPTS" else {}
    ran = place.pytest("-m", "post_deploy", *OPTIONS[name], **variables)
    if name == "-m":  # items are selected by their own marks: the check runs
        assert (ran.verdict, ran.exit_code) == ("GO", 0), ran.text
        return
    assert ran.verdict == "HOLD", ran.text
    assert ran.exit_code in (21, 5)
    assert ran.codes(LOST) == ["check-not-run"]
    assert place.allure("test_lost.py::test_it") == ["broken"]


CONFTESTS = {
    "addopts": ("pytest.ini", "[pytest]\naddopts = -k kept\n"),
    "collect_ignore": ("conftest.py", "collect_ignore = ['test_lost.py']\n"),
    "pytest_ignore_collect": (
        "conftest.py",
        (
            "def pytest_ignore_collect(collection_path):\n"
            "    return True if 'lost' in collection_path.name else None\n"
        ),
    ),
    "items dropped": (
        "conftest.py",
        (
            "def pytest_collection_modifyitems(items):\n"
            "    items[:] = [one for one in items if 'kept' in one.nodeid]\n"
        ),
    ),
    "__test__": ("test_lost.py", "__test__ = False\n" + check()),
    "class with __init__": (
        "test_lost.py",
        (
            "import pytest\n\nclass TestIt:\n    def __init__(self): pass\n"
            f'    @pytest.mark.verifies("post.lost")\n    def test_it(self, evidence):\n        {MET}\n'
        ),
    ),
    "misnamed function": ("test_lost.py", check().replace("def test_it", "def tst_it")),
    "not a verifying test": ("test_lost.py", "def test_it(): pass\n"),
}


@pytest.mark.parametrize("name", CONFTESTS)
def test_the_project_leaves_a_check_out(place: Place, workers: Workers, name: str) -> None:
    file, text = CONFTESTS[name]
    _place(place).write(file, text.replace("post.ITEM", LOST))
    ran = place.pytest("-m", "post_deploy", *workers)
    assert (ran.verdict, ran.exit_code) == ("HOLD", 21), ran.text
    assert ran.codes(LOST) == ["check-not-run"]
    assert ran.item(KEPT)["state"] == "verified"
    if name != "not a verifying test":
        assert place.allure("test_lost.py::test_it") == ["broken"]


def test_a_misnamed_file(place: Place, workers: Workers) -> None:
    _place(place)
    (place.path / "test_lost.py").rename(place.path / "tst_lost.py")
    ran = place.pytest("-m", "post_deploy", *workers)
    assert (ran.verdict, ran.exit_code, ran.codes(LOST)) == ("HOLD", 21, ["check-not-run"])


def test_a_check_that_verifies_something_else_now(place: Place, workers: Workers) -> None:
    _place(place).write("test_lost.py", check().replace("post.ITEM", KEPT))
    ran = place.pytest("-m", "post_deploy", *workers)
    assert (ran.verdict, ran.exit_code) == ("HOLD", 21), ran.text
    assert ran.codes(LOST) == ["check-moved"]


def test_nothing_is_collected(place: Place, workers: Workers) -> None:
    _place(place)
    for row in ROWS:
        (place.path / row.file).unlink()
    ran = place.pytest("-m", "post_deploy", *workers)
    assert (ran.verdict, ran.exit_code) == ("HOLD", 5), ran.text
    assert ran.codes(LOST) == ["check-not-run"]


@pytest.mark.parametrize("path", ["nowhere.py", "test_kept.py::test_nothing"])
def test_a_path_that_is_not_there(place: Place, path: str) -> None:
    ran = _place(place).pytest("-m", "post_deploy", path)
    assert (ran.verdict, ran.exit_code) == ("HOLD", 4), ran.text


def test_the_first_failure_ends_the_run(place: Place, workers: Workers) -> None:
    _place(place).write(
        "test_a.py", "import pytest\n@pytest.mark.post_deploy\ndef test_a():\n    assert 0\n"
    )
    ran = place.pytest("-m", "post_deploy", "-x", *workers)
    assert ran.verdict == "NO-GO", ran.text
    assert ran.exit_code in (1, 2)
    assert place.metarelease("run", "-m", "post_deploy", "--maxfail=1", *workers).exit_code == 1


@pytest.mark.parametrize("attribute", ["shouldstop", "shouldfail"])
def test_a_session_that_is_told_to_stop(place: Place, workers: Workers, attribute: str) -> None:
    _place(place).write(
        "conftest.py",
        f"def pytest_runtest_logfinish(nodeid):\n    SESSION[0].{attribute} = 'enough'\n\n"
        "SESSION = []\n\ndef pytest_sessionstart(session):\n    SESSION.append(session)\n",
    )
    ran = place.pytest("-m", "post_deploy", *workers)
    if ran.decision["items"][1]["state"] == "verified" == ran.decision["items"][0]["state"]:
        assert place.finding_codes()
    assert ran.verdict == "HOLD", ran.text
    assert ran.exit_code != 0


def test_grouped_checks_are_themselves(place: Place) -> None:
    _place(place).write(
        "test_lost.py", check(marks="@pytest.mark.xdist_group('a')").replace("post.ITEM", LOST)
    )
    ran = place.pytest("-m", "post_deploy", "-n", "2", "--dist", "loadgroup")
    assert (ran.verdict, ran.exit_code) == ("GO", 0), ran.text


def test_every_check_by_every_worker_is_repeated(place: Place) -> None:
    ran = _place(place).pytest("-m", "post_deploy", "-n", "2", "--dist", "each")
    assert (ran.verdict, ran.codes(KEPT)) == ("HOLD", ["check-repeated"]), ran.text


def test_python_o(place: Place, workers: Workers) -> None:
    # Compiled for it once and kept: nothing here is written twice.
    optimised = {"PYTHONOPTIMIZE": "1", "PYTHONDONTWRITEBYTECODE": ""}
    ran = _place(place).pytest("-m", "post_deploy", *workers, **optimised)
    assert ran.exit_code == 4
    assert place.metarelease("run", "-m", "post_deploy", **optimised).exit_code == 21
    assert place.decision()["verdict"] == "HOLD"
