"""The packet itself: full disks, folders that cannot be written, stale and changed packets."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.cli import main
from tests.forks.running import end
from tests.torture.place import MET, Place, check, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

Workers = tuple[str, ...]
LONG = """\
for number in range(400):
    evidence.measured(subject='own:x', asked='y' * 900, value=1).expect(1)"""
WAITS = "open('here.flag', 'w').write(str(os.getpid()))\nthreading.Event().wait(60)"


@pytest.fixture
def small_disk(place: Place) -> Iterator[Path]:
    """A disk of 128 KiB where the packet belongs."""
    folder = place.path / "release-evidence"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.fail("mounting a small disk needs root: run the torture suite as root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_the_disk_is_full(place: Place, small_disk: Path, workers: Workers) -> None:
    ran = place.one(check(LONG)).pytest("-m", "post_deploy", *workers)
    assert ran.exit_code != 0, ran.text
    assert ran.verdict in ("HOLD", "NO-GO")
    assert place.metarelease("check", "release-evidence", *_wanted(place)).exit_code != 0


def test_the_disk_is_full_and_the_check_swallows_it(
    place: Place, small_disk: Path, workers: Workers
) -> None:
    swallowed = f"{MET}\nimport contextlib\nwith contextlib.suppress(OSError):\n" + "\n".join(
        f"    {line}" for line in LONG.splitlines()
    )
    # Space comes back before the end, so that the decision itself can be written.
    swallowed += (
        "\nfor one in __import__('pathlib').Path('release-evidence').glob('filler*'): one.unlink()"
    )
    place.one(check(swallowed))
    (small_disk / "filler").write_bytes(b"x" * 60_000)
    ran = place.pytest("-m", "post_deploy", *workers)
    assert (ran.verdict, ran.exit_code) == ("HOLD", 21), ran.text


def test_the_disk_is_full_before_the_run(place: Place, small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(b"x" * 126_000)
    ran = place.one().pytest("-m", "post_deploy")
    assert ran.exit_code == 4, ran.text
    assert "cannot be written" in ran.text
    assert place.metarelease("check", "release-evidence", *_wanted(place)).exit_code == 21


def test_a_file_where_the_packet_belongs(place: Place, workers: Workers) -> None:
    place.one().write("release-evidence", "a file\n")
    assert place.pytest("-m", "post_deploy", *workers).exit_code == 4
    assert place.metarelease("run", "-m", "post_deploy").exit_code == 4


OVER = (
    "--junitxml=release-evidence/record.json",
    "--junitxml=release-evidence/decision.json",
    "--log-file=release-evidence/ledger/main.jsonl",
    "--log-file=elsewhere/record.json",
    "-o log_file=release-evidence/decision.md",
)
EMPTIED = (
    "--alluredir=. --clean-alluredir",
    "--alluredir=release-evidence --clean-alluredir",
    "--basetemp=release-evidence",
    "--basetemp=elsewhere",
)


@pytest.mark.parametrize("options", [*OVER, *EMPTIED])
def test_an_option_would_destroy_the_packet(gone: Place, options: str) -> None:
    (gone.path / "elsewhere").symlink_to("release-evidence")
    with (gone.path / ".gitignore").open("a") as ignored:
        ignored.write("elsewhere\n")
    before = gone.decision()
    code = gone.run_uncommitted("-m", "post_deploy", *options.split())
    assert code == 4, gone.output()
    assert ("would be written over" if options in OVER else "would empty") in gone.output()
    assert gone.decision() == before


def test_other_files_beside_ours_are_welcome(place: Place) -> None:
    ran = place.one().pytest(
        "-m", "post_deploy", "--log-file=release-evidence/log.txt", "--basetemp=release-evidence/x",
        "--alluredir=release-evidence/allure", "--clean-alluredir",
    )  # fmt: skip
    assert (ran.verdict, ran.exit_code) == ("GO", 0), ran.text


def test_a_folder_that_cannot_be_written(gone: Place) -> None:
    folder = str(gone.path / "release-evidence")
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        ran = gone.pytest("-m", "post_deploy")
        assert ran.exit_code == 4, ran.text
        assert "cannot be written" in ran.text
        assert gone.metarelease("run", "-m", "post_deploy").exit_code == 4
        wanted = [*_wanted(gone), "--run-id", "of-this-job"]
        assert gone.metarelease("check", "release-evidence", *wanted).exit_code == 21
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_two_runs_on_one_folder(gone: Place) -> None:
    gone.write("test_it.py", check(f"MET\n{WAITS}").replace("post.ITEM", "post.one"))
    process = gone.start("-m", "post_deploy")
    try:
        wait_for(gone.path / "here.flag", process)
        second = gone.metarelease("run", "-m", "post_deploy")
        assert second.exit_code == 4
        assert "another run" in second.text
    finally:
        end(process)
    assert gone.decision()["verdict"] == "HOLD"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A project with a GO on disk, for many questions about it."""
    place = Place(tmp_path_factory.mktemp("kept")).one()
    ran = place.pytest("-m", "post_deploy")
    assert (ran.verdict, ran.exit_code) == ("GO", 0), ran.text
    return place


@pytest.fixture
def packet(kept: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The packet of that GO; whatever a test changes is put back."""
    monkeypatch.chdir(kept.path)
    folder = kept.path / "release-evidence"
    files = [folder / "record.json", folder / "decision.json", kept.path / "checks.lock"]
    files.append(kept.path / "release.yaml")
    before = {one: one.read_bytes() for one in files}
    yield folder
    for one, content in before.items():
        one.write_bytes(content)


def _check(kept: Place, *more: str) -> int:
    return main(["check", "release-evidence", *_wanted(kept), *more])


def test_the_packet_as_it_is(kept: Place, packet: Path) -> None:
    assert _check(kept) == 0


def test_one_byte_of_the_record_is_changed(kept: Place, packet: Path) -> None:
    path = packet / "record.json"
    whole = path.read_bytes()
    for position in range(0, len(whole), max(1, len(whole) // 300)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        assert _check(kept) == 21, position


def test_the_record_is_cut_off(kept: Place, packet: Path) -> None:
    path = packet / "record.json"
    whole = path.read_bytes()
    for length in (0, 1, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert _check(kept) == 21
    path.unlink()
    assert _check(kept) == 21


ELSEWHERE: dict[str, Callable[[dict[str, object]], object]] = {
    "another environment": lambda record: record.update(environment="there"),
    "another manifest": lambda record: record.update(manifest_digest="0" * 64),
    "another lock": lambda record: record.update(lock_digest="0" * 64),
    "another commit": lambda record: record.update(release_commit="0" * 40),
    "too old": lambda record: record.update(finished_at=_shifted(-timedelta(hours=2))),
    "from the future": lambda record: record.update(finished_at=_shifted(timedelta(hours=2))),
    "no time": lambda record: record.update(finished_at="yesterday"),
    "not finished": lambda record: record.update(finished=False),
    "no results": lambda record: record.update(results={}),
    "no measurements": lambda record: record.update(measurements={}),
    "another exit": lambda record: record.update(pytest_exit=3),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_packet_from_elsewhere(kept: Place, packet: Path, name: str) -> None:
    record = json.loads((packet / "record.json").read_bytes())
    ELSEWHERE[name](record)
    _write(packet, record)
    assert _check(kept) == 21


@pytest.mark.parametrize("state", ["unfinished", "announced", "overtaken", "no verdict", ""])
def test_a_decision_that_is_no_end(kept: Place, packet: Path, state: str) -> None:
    decision = json.loads((packet / "decision.json").read_bytes())
    (packet / "decision.json").write_text(json.dumps({**decision, "state": state}))
    assert _check(kept) == 21


def test_a_decision_of_another_run(kept: Place, packet: Path) -> None:
    decision = json.loads((packet / "decision.json").read_bytes())
    (packet / "decision.json").write_text(json.dumps({**decision, "run_id": "another"}))
    assert _check(kept) == 21
    assert _check(kept, "--run-id", "another") == 21


def test_the_packet_says_go_and_its_results_do_not(
    kept: Place, packet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rewrite(packet, {"results": {}})
    assert _check(kept) == 21
    out = capsys.readouterr().out
    assert out.startswith("HOLD: Sample 1.0.0")
    assert "the packet itself says GO; recomputed it is HOLD" in out
    assert "post.one: not verified: test_it.py::test_it" in out


def test_one_line_for_a_go(kept: Place, packet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _check(kept) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("GO: Sample 1.0.0 (")
    assert "1 of 1 items of post_deploy verified" in line


def test_reasons_are_bounded(kept: Place, packet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finding = {"verdict": "HOLD", "nodeid": None}
    reasons = [
        {**finding, "reason": {"code": "x", "text": f"{n} {'y' * 9_000}", "next_step": ""}}
        for n in range(500)
    ]
    rewrite(packet, {"findings": reasons})
    assert _check(kept) == 21
    out = capsys.readouterr().out
    assert len(out.splitlines()) <= 14
    assert len(out) < 6_000


def test_a_rehearsal_is_not_taken_for_another_environment(kept: Place, packet: Path) -> None:
    rewrite(packet, {"rehearsal": True})
    assert _check(kept) == 21


def test_the_oldest_part_is_what_counts(kept: Place, packet: Path) -> None:
    (part,) = json.loads((packet / "record.json").read_bytes())["parts"]
    for days, code in ((2, 21), (0, 0)):
        past = _shifted(-timedelta(days=days))
        rewrite(packet, {"parts": [{**part, "finished_at": past}]})
        assert _check(kept) == code


def test_several_stages(kept: Place, packet: Path) -> None:
    assert _check(kept, "--stage", "post_deploy") == 0
    assert _check(kept, "--stage", "nonsense") == 4


def test_a_hostile_packet(kept: Place, packet: Path) -> None:
    for name in ("record.json", "decision.json"):
        before = (packet / name).read_bytes()
        for content in (b"[" * 200_000, b'{"a":' * 200_000, b"\xff\xfe", b"null", b'{"x":NaN}'):
            (packet / name).write_bytes(content)
            assert _check(kept) == 21
        (packet / name).write_bytes(before)


def test_a_run_that_was_killed(place: Place) -> None:
    place.one(check(f"MET\n{WAITS}"))
    process = place.start("-m", "post_deploy")
    try:
        wait_for(place.path / "here.flag", process)
    finally:
        end(process)
    ran = place.metarelease("check", "release-evidence", *_wanted(place))
    assert ran.exit_code == 21
    assert ran.text.strip() == (
        "HOLD: release-evidence: the run has not finished; it ended after 0 of 1 checks, in or "
        "after test_it.py::test_it"
    )


def test_the_wrong_question(kept: Place, packet: Path) -> None:
    assert _check(kept, "--run-id", "of-this-job") == 21
    assert _check(kept, "--stage", "pre_deploy") == 21
    assert _check(kept, "--environment", "there") == 4
    assert _check(kept, "--commit", "0" * 40) == 21


def test_a_checkout_that_asks_for_more(kept: Place, packet: Path) -> None:
    lock = kept.path / "checks.lock"
    lock.write_text(lock.read_text().replace("test_it.py::test_it", "test_it.py::test_more"))
    assert _check(kept) == 21
    lock.unlink()
    assert _check(kept) == 21


def rewrite(packet: Path, changes: Mapping[str, object]) -> None:
    """Change a record and the digest that belongs to it: a consistent packet from elsewhere."""
    _write(packet, {**json.loads((packet / "record.json").read_bytes()), **changes})


def _write(packet: Path, record: dict[str, object]) -> None:
    """Write a record with the digest that belongs to it: a consistent packet from elsewhere."""
    import hashlib

    content = json.dumps(record).encode()
    (packet / "record.json").write_bytes(content)
    decision = json.loads((packet / "decision.json").read_bytes())
    decision["record_digest"] = hashlib.sha256(content).hexdigest()
    (packet / "decision.json").write_text(json.dumps(decision))


def _shifted(by: timedelta) -> str:
    return (datetime.now(UTC) + by).isoformat()


def _wanted(place: Place) -> list[str]:
    return ["--stage", "post_deploy", "--environment", "here", "--commit", place.head()]


FLAKY = """\
import os, pytest

@pytest.mark.verifies("post.one")
def test_it(evidence):
    {met}
    with open("count.flag", "a+") as file:
        file.write("x")
        file.seek(0)
        times = len(file.read())
    {end}
"""


def test_a_rerun_hides_a_flake(place: Place, workers: Workers) -> None:
    place.one(FLAKY.format(met=MET, end="assert times > 1"))
    ran = place.pytest("-m", "post_deploy", "--reruns", "2", *workers)
    assert (ran.verdict, ran.exit_code) == ("HOLD", 21), ran.text
    assert ran.codes("post.one") == ["check-flaky"]


def test_a_rerun_hides_a_crash(place: Place) -> None:
    place.one(FLAKY.format(met=MET, end="times > 1 or os._exit(1)"))
    ran = place.pytest("-m", "post_deploy", "--reruns", "2", "-n", "2")
    assert (ran.verdict, ran.exit_code) == ("HOLD", 21), ran.text
    assert ran.codes("post.one") == ["check-flaky"]


def test_a_rerun_hides_a_teardown_error(place: Place, workers: Workers) -> None:
    source = FLAKY.format(met=MET, end="assert times > 1").replace(
        "(evidence)", "(evidence, broken)"
    )
    broken = "@pytest.fixture\ndef broken():\n    yield\n    raise OSError('x')\n\n"
    place.one(source.replace("@pytest.mark", broken + "@pytest.mark", 1))
    ran = place.pytest("-m", "post_deploy", "--reruns", "2", *workers)
    assert ran.verdict in ("HOLD", "NO-GO"), ran.text
    assert ran.exit_code != 0


def test_a_declared_rerun_is_verified(place: Place) -> None:
    place.one(FLAKY.format(met=MET, end="assert times > 1"))
    text = (place.path / "release.yaml").read_text()
    place.write(
        "release.yaml", text.replace("severity: P0", "severity: P0, attempts: {pass: 1, of: 2}")
    )
    place.lock("post.one: test_it.py::test_it")
    ran = place.pytest("-m", "post_deploy", "--reruns", "2")
    assert (ran.verdict, ran.exit_code) == ("GO", 0), ran.text
    assert ran.codes("post.one") == ["check-flaky"]


def test_evidence_with_characters_that_do_harm(place: Place, workers: Workers) -> None:
    text = r"'\x00\x1b[2J\u202e\udc80' + 'x' * 100_000"
    place.one(check(f"evidence.measured(subject='own:x', asked='q', value={text}).expect('y')"))
    ran = place.pytest("-m", "post_deploy", *workers)
    assert (ran.verdict, ran.exit_code) == ("NO-GO", 1), ran.text
    assert "\x1b[2J" not in ran.text
    for path in (place.path / "release-evidence").rglob("*.*"):
        assert b"\x1b[2J" not in path.read_bytes()
        assert path.stat().st_size < 1_000_000
