"""Packets of another environment that must not be carried from: none of them may let a release out.

One run elsewhere is made once and copied; each row then spoils it, or the run here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.approvals.moments import write_moment
from pytest_metarelease.checklist import LockedItem, item_digest
from pytest_metarelease.lockfile import write_lock
from pytest_metarelease.manifest import load
from tests.torture.place import Place, check

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugin.project import Ran

Workers = tuple[str, ...]
THERE = "there/release-evidence"
_MANIFEST = """\
release: {name: Sample, version: 1.0.0, commit: "${GIT_COMMIT}"}
default_environment: here
environments:
  here: {access: read-only}
  there: {access: transact}
  third: {access: read-only}
checklist:
  - id: post.one
    title: A tampered order is refused
    stage: post_deploy
    severity: P0
    accept_from: {environment: there, max_age: 7d}
  - {id: post.two, title: It is there, stage: post_deploy, severity: P0}
"""
# What may be tried in one environment only; WRONG makes it fail.
_TRIED = """\
if os.environ.get('TRIED') != 'yes': pytest.skip('orders may not be tried here')
said = os.environ.get('SAID')
evidence.measured(subject='own:order', asked='tampered', value=said).expect('no')"""


def made(place: Place, manifest: str = _MANIFEST) -> Place:
    place.write("release.yaml", manifest)
    place.write("test_it.py", check(_TRIED, item="post.one"))
    place.write("test_two.py", check(item="post.two"))
    place.write("pytest.ini", "[pytest]\n")
    checks = {"post.one": ("test_it.py::test_it",), "post.two": ("test_two.py::test_it",)}
    loaded = load(place.path / "release.yaml").manifest
    locked = {
        one.id: LockedItem(item_digest(one), dict.fromkeys(loaded.environments, checks[one.id]))
        for one in loaded.checklist
    }
    write_lock(place.path / "checks.lock", locked)
    return place


def run(place: Place, *more: str, env: str = "here", **variables: str) -> Ran:
    return place.pytest("-m", "post_deploy", "--release-env", env, *more, **variables)


def elsewhere(place: Place, said: str = "no") -> Place:
    """Run it where it may be tried."""
    run(place, f"--release-evidence={THERE}", env="there", TRIED="yes", SAID=said)
    return place


CARRY = ("--release-carry", THERE)


@pytest.fixture(scope="module")
def _tried(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = elsewhere(made(Place(tmp_path_factory.mktemp("tried") / "project")))
    assert place.decision(THERE)["verdict"] == "GO"
    return place


@pytest.fixture
def tried(_tried: Place, tmp_path: Path) -> Place:
    """A project with a GO of the environment where the order was tried."""
    return _tried.copy_to(tmp_path / "project")


def test_without_a_packet(tried: Place, workers: Workers) -> None:
    ran = run(tried, *workers)
    assert (ran.verdict, ran.exit_code) == ("HOLD", 21), ran.text
    assert ran.codes("post.one") == ["check-skipped", "carry-missing"]


def test_a_good_packet_is_carried_and_every_report_says_from_where(
    tried: Place, workers: Workers
) -> None:
    ran = run(tried, *CARRY, *workers)
    assert (ran.verdict, ran.exit_code) == ("GO", 0), ran.text
    there = tried.decision(THERE)["run_id"]
    (carried,) = ran.decision["carried"]
    assert (carried["item"], carried["run_id"], carried["folder"]) == ("post.one", there, THERE)
    assert ran.item("post.one")["state"] == "carried"
    said = f"verified on there by run {there}"
    assert said in " ".join(ran.text.split())
    assert "verified 1 of 2 items" in " ".join(ran.text.split())
    assert said in (tried.path / "release-evidence/decision.md").read_text()
    assert said in (tried.path / ".git/junit.xml").read_text()
    assert any(said in one.read_text() for one in tried.path.glob("release-evidence/allure-*/*"))
    assert checked(tried).exit_code == 21, "a deploy job must be given the packet as well"
    deploy = checked(tried, "--carry", THERE)
    assert (deploy.exit_code, "verified, 1 carried" in deploy.text) == (0, True), deploy.text


def checked(place: Place, *more: str) -> Ran:
    commit = place.decision()["release"]["commit"]
    wanted = ("--stage", "post_deploy", "--environment", "here", "--commit", commit)
    return place.metarelease("check", "release-evidence", *wanted, *more)


def test_the_ini_file_names_it(tried: Place) -> None:
    ran = run(tried, f"--override-ini=release_carry={THERE}")
    assert (ran.verdict, ran.exit_code) == ("GO", 0), ran.text


def test_shards_are_combined_with_it(tried: Place) -> None:
    for number in (1, 2):
        run(
            tried,
            "--release-shard",
            f"{number}/2",
            f"--release-evidence=s{number}/release-evidence",
        )
    both = ("combine", "s1/release-evidence", "s2/release-evidence")
    assert tried.metarelease(*both).verdict == "HOLD"
    ran = tried.metarelease(*both, "--carry", THERE)
    assert (ran.verdict, ran.exit_code) == ("GO", 0), ran.text


# ------------------------------------------------------------------------- packets that are refused


def sealed(**changes: Any) -> Callable[[Place], object]:
    """Change the record as another run would have written it, digest and all."""

    def spoil(place: Place) -> None:
        record = json.loads((place.path / THERE / "record.json").read_bytes())
        record |= changes
        if "finished_at" in changes:
            record["parts"][0]["finished_at"] = changes["finished_at"]
        content = json.dumps(record).encode()
        (place.path / THERE / "record.json").write_bytes(content)
        said(record_digest=hashlib.sha256(content).hexdigest())(place)

    return spoil


def said(**changes: Any) -> Callable[[Place], None]:
    """Change what the packet's own decision says."""

    def spoil(place: Place) -> None:
        path = place.path / THERE / "decision.json"
        path.write_text(json.dumps(json.loads(path.read_bytes()) | changes))

    return spoil


def tampered(place: Place) -> None:
    path = place.path / THERE / "record.json"
    path.write_bytes(path.read_bytes().replace(b'"passed"', b'"passed" ', 1))


def torn(place: Place) -> None:
    path = place.path / THERE / "record.json"
    path.write_bytes(path.read_bytes()[:-200])


def gone(place: Place) -> None:
    (place.path / THERE / "record.json").unlink()


def when(days: float) -> str:
    return write_moment(datetime.now(UTC) + timedelta(days=days))


@dataclass(frozen=True, slots=True)
class Row:
    """What is done to the project between the run elsewhere and the run here, and our answer."""

    code: str
    spoil: Callable[[Place], object]


def another_commit(place: Place) -> None:
    place.write("notes.txt", "the release changed\n").commit()


def another_checklist(place: Place) -> None:
    made(place, _MANIFEST.replace("A tampered", "Every tampered"))


def failed_there(place: Place) -> None:
    elsewhere(place, said="yes")


def elsewhere_was_skipped(place: Place) -> None:
    run(place, f"--release-evidence={THERE}", env="there")


def carried_there(place: Place) -> None:
    """The packet of a run that was carried itself, called one of the declared environment."""
    run(place, *CARRY, "--release-evidence=here/release-evidence")
    chain = place.path / "here/release-evidence"
    assert json.loads((chain / "decision.json").read_bytes())["verdict"] == "GO"
    (place.path / "first").mkdir()
    (place.path / THERE).rename(place.path / "first/release-evidence")
    chain.rename(place.path / THERE)
    sealed(environment="there")(place)


ROWS = {
    "another commit": Row("carry-other-commit", another_commit),
    "another checklist": Row("carry-other-commit", another_checklist),
    "another version": Row("carry-other-version", sealed(release_version="1.0.1")),
    "another manifest": Row("carry-other-manifest", sealed(manifest_digest="0" * 64)),
    "another lock": Row("carry-other-lock", sealed(lock_digest="0" * 64)),
    "another environment": Row("carry-other-environment", sealed(environment="third")),
    "an unknown environment": Row("carry-other-environment", sealed(environment="nowhere")),
    "too old": Row("carry-too-old", sealed(finished_at=when(-8), started_at=when(-8))),
    "from the future": Row("carry-from-future", sealed(finished_at=when(1))),
    "a rehearsal": Row("carry-rehearsal", sealed(rehearsal=True)),
    "a byte changed": Row("carry-unreadable", tampered),
    "torn": Row("carry-unreadable", torn),
    "without its record": Row("carry-unreadable", gone),
    "overtaken": Row("carry-unreadable", said(state="overtaken", verdict="HOLD")),
    "failed there": Row("carry-failed-there", failed_there),
    "not tried there": Row("carry-not-verified-there", elsewhere_was_skipped),
    "results gone": Row("carry-not-verified-there", sealed(results={})),
    "measurements gone": Row("carry-not-verified-there", sealed(measurements={})),
    "unfinished": Row("carry-not-go", sealed(finished=False)),
    "interrupted": Row("carry-not-go", sealed(pytest_exit=2)),
    "carried on": Row("carry-of-carried", carried_there),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_packet_that_is_refused(tried: Place, name: str) -> None:
    row = ROWS[name]
    row.spoil(tried)
    ran = run(tried, *CARRY)
    assert (ran.verdict, ran.exit_code) == ("HOLD", 21), ran.text
    assert ran.item("post.one")["state"] == "not verified"
    assert ran.codes("post.one") == ["check-skipped", row.code]
    assert ran.decision["carried"] == []
    assert all(one["next"] for one in ran.item("post.one")["reasons"])
    assert checked(tried, "--carry", THERE).exit_code == 21


def test_a_folder_that_is_not_there(tried: Place) -> None:
    ran = run(tried, "--release-carry", "nowhere")
    assert (ran.verdict, ran.exit_code) == ("HOLD", 21), ran.text
    assert ran.codes("post.one") == ["check-skipped", "carry-unreadable"]


def test_a_failure_here_wins(tried: Place, workers: Workers) -> None:
    ran = run(tried, *CARRY, *workers, TRIED="yes", SAID="yes")
    assert (ran.verdict, ran.exit_code) == ("NO-GO", 1), ran.text
    assert ran.item("post.one")["state"] == "failed"


def test_a_check_cannot_write_what_it_is_carried_from(tried: Place) -> None:
    """Packets are read before the first test."""
    (tried.path / THERE).rename(tried.path / "there/kept")
    tried.write("test_two.py", check(f"os.rename('there/kept', {THERE!r})\nMET", item="post.two"))
    tried.write(".gitignore", "there/\nrelease-evidence/\n__pycache__/\n.pytest_cache/\n")
    ran = run(tried, *CARRY)
    assert (ran.verdict, ran.exit_code) == ("HOLD", 21), ran.text
    assert "carry-unreadable" in ran.codes("post.one")
