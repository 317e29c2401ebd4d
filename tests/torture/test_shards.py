"""Shards of a CI matrix: lost, torn, doubled, of something else. None of it may be GO."""

from __future__ import annotations

import json
import shutil
import signal
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.reports.allure_found import results_in
from tests.forks.running import end
from tests.torture.place import Place, check, wait_for
from tests.torture.test_packets import WAITS, rewrite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.plugin.project import Ran

NAMES = ("one", "two", "three", "four", "five")
ALL = ("shards/1", "shards/2", "shards/3")
STAGE = ("-m", "post_deploy")


def project(place: Place) -> Place:
    """Five items with a check each; shards and spoilt copies of them are not in the tree."""
    ignored = (place.path / ".gitignore").read_text()
    place.write(".gitignore", f"{ignored}shards/\nspoilt/\n")
    place.items(*(f"post.{name} P0" for name in NAMES))
    for name in NAMES:
        place.write(f"test_{name}.py", check(item=f"post.{name}"))
    place.lock(*(f"post.{name}: test_{name}.py::test_it" for name in NAMES))
    return place


def shard(place: Place, number: int, *arguments: str, of: int = 3) -> Ran:
    """Run one shard into ``shards/NUMBER``."""
    sliced = ("--release-shard", f"{number}/{of}")
    return place.pytest(*STAGE, *sliced, "--release-evidence", f"shards/{number}", *arguments)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A project with the packets of three shards, one of them made by two workers."""
    place = project(Place(tmp_path_factory.mktemp("shards") / "project"))
    for number in (1, 2, 3):
        ran = shard(place, number, *(("-n", "2") if number == 2 else ()))
        assert ran.exit_code == 21, ran.text
        assert f"HOLD (shard {number} of 3)" in ran.text
    return place


@pytest.fixture
def spoilt(made: Place) -> Path:
    """A fresh copy of the second shard, to be spoilt."""
    folder = made.path / "spoilt"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(made.path / "shards/2", folder)
    return folder


def wanted(place: Place, *more: str) -> list[str]:
    return ["check", "release-evidence", "--stage", "post_deploy", "--environment", "here",
            "--commit", place.head(), *more]  # fmt: skip


def test_all_shards_are_go(made: Place) -> None:
    ran = made.metarelease("combine", *ALL)
    assert (ran.exit_code, ran.verdict, ran.decision["title"]) == (0, "GO", "GO"), ran.text
    assert [one["shard"] for one in ran.decision["parts"]] == [1, 2, 3]
    assert made.metarelease(*wanted(made)).exit_code == 0
    assert made.allure_first()[0] == "passed"
    for name in NAMES:
        assert made.allure(f"test_{name}.py::test_it") == ["passed"]
    ledgers = {one.name for one in (made.path / "release-evidence/ledger").iterdir()}
    assert {"shard-1-of-3.main.jsonl", "shard-2-of-3.gw0.jsonl"} <= ledgers


def test_combinations_can_be_combined(made: Place) -> None:
    first = made.metarelease("combine", *ALL[:2], "--output", "spoilt/some")
    assert (first.exit_code, "HOLD (shards 1, 2 of 3)" in first.text) == (21, True), first.text
    ran = made.metarelease("combine", "spoilt/some", ALL[2])
    assert (ran.exit_code, ran.verdict) == (0, "GO"), ran.text
    context = made.path / "release-evidence/allure-results/environment.properties"
    assert "Verdict = GO\n" in context.read_text()
    ours = [one for one in results_in(context.parent) if _is_ours(one.document)]
    assert len(ours) == 1


def _is_ours(document: Mapping[str, Any]) -> bool:
    return str(document.get("fullName", "")).startswith("metarelease#")


def test_selections_can_be_combined(made: Place) -> None:
    for number, selection in enumerate((["-k", "one or two"], ["test_three.py", "test_four.py"])):
        out = f"spoilt/selection{number}"
        assert made.pytest(*STAGE, *selection, "--release-evidence", out).exit_code == 21
    last = made.pytest(*STAGE, "test_five.py", "--release-evidence", "spoilt/selection2")
    assert last.exit_code == 21
    parts = [f"spoilt/selection{number}" for number in range(3)]
    assert made.metarelease("combine", *parts).exit_code == 0
    ran = made.metarelease("combine", *parts[:2])
    assert (ran.exit_code, ran.codes("post.five")) == (21, ["check-not-run"]), ran.text


@pytest.mark.parametrize("lost", range(3))
def test_a_shard_is_missing(made: Place, lost: int) -> None:
    left = [one for number, one in enumerate(ALL) if number != lost]
    ran = made.metarelease("combine", *left)
    assert (ran.exit_code, ran.verdict) == (21, "HOLD"), ran.text
    assert f"shard {lost + 1} of 3 is missing" in ran.text


def test_one_shard_passes_no_check(made: Place) -> None:
    command = wanted(made)
    command[1] = "shards/1"
    ran = made.metarelease(*command)
    assert (ran.exit_code, "shards 2, 3 of 3 are missing" in ran.text) == (21, True), ran.text


def _cut(folder: Path) -> None:
    path = folder / "record.json"
    path.write_bytes(path.read_bytes()[:-40])


def _one_byte(folder: Path) -> None:
    path = folder / "record.json"
    path.write_bytes(path.read_bytes().replace(b"passed", b"paszed", 1))


def _decision(**changes: object) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        path = folder / "decision.json"
        path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}))

    return spoil


TORN: dict[str, Callable[[Path], object]] = {
    "record cut": _cut,
    "one byte": _one_byte,
    "no record": lambda folder: (folder / "record.json").unlink(),
    "no decision": lambda folder: (folder / "decision.json").unlink(),
    "decision cut": lambda folder: (folder / "decision.json").write_text("{"),
    "no folder": shutil.rmtree,
    "overtaken": _decision(state="overtaken"),
    "announced": _decision(state="announced"),
    "another run": _decision(run_id="another"),
    "deep": lambda folder: (folder / "record.json").write_text("[" * 100_000),
}


@pytest.mark.parametrize("name", TORN)
def test_a_shard_is_torn(made: Place, spoilt: Path, name: str) -> None:
    TORN[name](spoilt)
    ran = made.metarelease("combine", "shards/1", "spoilt", "shards/3")
    assert (ran.exit_code, ran.verdict) == (21, "HOLD"), ran.text
    findings = {one["code"]: one["text"] for one in ran.decision["findings"]}
    assert "spoilt" in findings["shard-unreadable"]
    assert "shard 2 of 3 is missing" in findings["shard-missing"]
    assert ran.codes("post.four") == ["check-not-run"] or ran.codes("post.two") == ["check-not-run"]
    assert ran.item("post.five")["state"] == "verified"


STRANGE: dict[str, tuple[dict[str, object], str]] = {
    "manifest": ({"manifest_digest": "0" * 64}, "different manifests"),
    "lock": ({"lock_digest": "0" * 64}, "different locks"),
    "commit": ({"release_commit": "0" * 40}, "different release commits"),
    "version": ({"release_version": "9"}, "different release versions"),
    "environment": ({"environment": "there"}, "different environments"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_shard_of_something_else(made: Place, spoilt: Path, name: str) -> None:
    changes, message = STRANGE[name]
    rewrite(spoilt, changes)
    ran = made.metarelease("combine", "shards/1", "spoilt", "shards/3")
    assert (ran.exit_code, ran.verdict) == (21, "HOLD"), ran.text
    assert ran.text.strip().startswith(f"HOLD: not combined: they are of {message}"), ran.text
    assert len(ran.text.strip().splitlines()) == 1


def test_a_shard_at_another_block(made: Place, spoilt: Path) -> None:
    for source, digest in (("1", "0xaa"), ("2", "0xbb")):
        folder = made.path / f"spoilt/{source}"
        shutil.copytree(made.path / f"shards/{source}", folder)
        (part,) = json.loads((folder / "record.json").read_bytes())["parts"]
        pinned = {**part, "chain_id": 1, "block_number": 7, "block_hash": digest}
        rewrite(folder, {"parts": [pinned]})
    ran = made.metarelease("combine", "spoilt/1", "spoilt/2", "shards/3")
    assert (ran.exit_code, "different chain snapshots" in ran.text) == (21, True), ran.text


def test_the_same_shard_twice(made: Place, spoilt: Path) -> None:
    ran = made.metarelease("combine", *ALL, "spoilt")
    assert (ran.exit_code, "shard 2 of 3 is given 2 times" in ran.text) == (21, True), ran.text
    ran = made.metarelease("combine", *ALL, "shards/./2")
    assert (ran.exit_code, "named twice" in ran.text) == (4, True), ran.text


def test_two_runs_with_one_id(made: Place, spoilt: Path) -> None:
    ids = {"RELEASE_RUN_ID": "of-this-job"}
    for number in (1, 2):
        out = ("--release-evidence", f"spoilt/{number}")
        made.pytest(*STAGE, "--release-shard", f"{number}/3", *out, **ids)
    ran = made.metarelease("combine", "spoilt/1", "spoilt/2", "shards/3")
    assert (ran.exit_code, "carry one run id, of-this-job" in ran.text) == (21, True), ran.text


def test_a_shard_that_was_run_again(made: Place, spoilt: Path) -> None:
    """A job that was repeated after it had failed: the failure stands."""
    path = made.path / "test_five.py"
    sound = path.read_text()
    path.write_text(sound.replace(".expect(1)", ".expect(2)"))
    try:
        out = ("--release-evidence", "spoilt/again")
        assert made.pytest(*STAGE, "--release-shard", "1/3", *out).exit_code == 1
    finally:
        path.write_text(sound)
    # Put back, the commit is another one; that the release is the same is not what is tried here.
    commit = json.loads((made.path / "shards/1/record.json").read_bytes())["release_commit"]
    rewrite(made.path / "spoilt/again", {"release_commit": commit})
    made._git("reset", "-q", "--hard", commit)
    ran = made.metarelease("combine", *ALL, "spoilt/again")
    assert (ran.exit_code, ran.verdict) == (1, "NO-GO"), ran.text
    notes = [one["code"] for one in ran.decision["notes"]]
    assert {"shard-repeated", "result-repeated"} <= set(notes)


def test_a_shard_is_killed(made: Place, spoilt: Path) -> None:
    path = made.path / "test_two.py"
    sound = path.read_text()
    path.write_text(check(f"MET\n{WAITS}", item="post.two"))
    process = made.start(*STAGE, "--release-evidence", "spoilt/killed")
    try:
        wait_for(made.path / "here.flag", process)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=60)
    finally:
        end(process)
        path.write_text(sound)
        (made.path / "here.flag").unlink()
    commit = json.loads((made.path / "shards/1/record.json").read_bytes())["release_commit"]
    made._git("reset", "-q", "--hard", commit)
    ran = made.metarelease("combine", "shards/1", "spoilt/killed", "shards/3")
    assert (ran.exit_code, ran.verdict) == (21, "HOLD"), ran.text
    (text,) = [one["text"] for one in ran.decision["findings"] if one["code"] == "shard-unreadable"]
    assert "spoilt/killed: the run has not finished; it ended after" in text
    assert text.endswith("in or after test_two.py::test_it")


def test_wrong_usage(made: Place) -> None:
    assert made.metarelease("combine").exit_code in (2, 4)
    assert made.metarelease("combine", "shards/1", "--output", "shards/1").exit_code == 4
    for given in ("0/3", "4/3", "1", "1/0", "x/y", "1/3/5", "-1/3"):
        assert made.pytest(*STAGE, f"--release-shard={given}").exit_code == 4
    ran = made.pytest(*STAGE, "--release-shard=1/6")
    assert (ran.exit_code, "at most 5 shards" in ran.text) == (4, True), ran.text
    assert made.pytest("--release-shard=1/2").exit_code == 4
    assert made.pytest(*STAGE, "--release-block=latest").exit_code == 4


def test_nothing_that_can_be_read(made: Place) -> None:
    ran = made.metarelease("combine", "nowhere", "neither")
    assert (ran.exit_code, ran.verdict) == (21, "HOLD"), ran.text
    assert made.metarelease(*wanted(made)).exit_code == 21


def test_an_advisory_shard_leaves_the_exit_to_pytest(made: Place) -> None:
    out = ("--release-advisory", "--release-evidence", "spoilt/advised")
    ran = made.pytest(*STAGE, "--release-shard", "1/3", *out)
    assert ran.exit_code == 0, ran.text
    assert made.decision("spoilt/advised")["verdict"] == "HOLD"
