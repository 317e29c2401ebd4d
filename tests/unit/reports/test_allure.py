from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.gate.values import State, Verdict
from pytest_metarelease.manifest.model import Item
from pytest_metarelease.manifest.scalars import Severity, Stage
from pytest_metarelease.outcome import Outcome
from pytest_metarelease.reports.allure import write_incomplete, write_results
from pytest_metarelease.reports.files import UnwrittenError
from pytest_metarelease.reports.labels import labels_for
from pytest_metarelease.reports.text import visible
from tests.unit.reports import samples

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_metarelease.gate.values import Decision

START = 1_795_428_000_000
STATUSES = {"passed", "skipped", "unknown", "broken", "failed"}


def results(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(one.read_text()) for one in sorted(folder.glob("*-result.json"))]


def verdict_of(folder: Path) -> dict[str, Any]:
    found = [one for one in results(folder) if one["fullName"] == "metarelease#verdict"]
    (verdict,) = found
    return verdict


def written(decision: Decision, folder: Path) -> dict[str, Any]:
    write_results(decision, folder)
    return verdict_of(folder)


def names(steps: list[dict[str, Any]]) -> list[str]:
    return [name for one in steps for name in (one["name"], *names(one.get("steps", [])))]


def theirs(folder: Path, nodeid: str, status: str = "passed", **changes: Any) -> Path:
    """Write a result as allure-pytest does, for a test below ``verification/``."""
    path, *rest = nodeid.split("::")
    function = rest[-1].partition("[")[0]
    document = {
        "uuid": nodeid,
        "name": rest[-1],
        "fullName": f"verification.{path[:-3].replace('/', '.')}#{function}",
        "titlePath": ["verification", *path.split("/"), *rest[:-1]],
        "status": status,
        "start": START + 1_000,
        "stop": START + 2_000,
        "steps": [{"name": "kept", "status": "passed"}],
    } | changes
    file = folder / f"{len(list(folder.iterdir()))}-result.json"
    file.write_text(json.dumps(document))
    return file


def test_an_empty_scope_is_broken_and_says_why(tmp_path: Path) -> None:
    entry = written(samples.empty(), tmp_path)
    assert entry["status"] == "broken"
    assert entry["name"].startswith("HOLD: ")
    assert "no item matches" in entry["statusDetails"]["message"]
    assert "name a stage" in entry["statusDetails"]["trace"]


def test_incomplete_stands_until_the_verdict_replaces_it(tmp_path: Path) -> None:
    decision = samples.go()
    folder = tmp_path / "new" / "allure-results"
    write_incomplete(folder, decision.record.run_id, "Meta Aggregator", started_ms=START)
    (before,) = results(folder)
    assert before["status"] == "broken"
    assert before["name"] == "INCOMPLETE: Meta Aggregator"
    assert before["titlePath"] == ["Release verdict: INCOMPLETE"]
    after = written(decision, folder)
    assert after["uuid"] == before["uuid"]
    assert not [one for one in results(folder) if "INCOMPLETE" in one["name"]]


def test_another_run_does_not_replace_the_incomplete_one(tmp_path: Path) -> None:
    write_incomplete(tmp_path, "another run", "Meta Aggregator", started_ms=START)
    write_results(samples.go(), tmp_path)
    assert any(one["name"].startswith("INCOMPLETE") for one in results(tmp_path))


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (Verdict.HOLD, "broken"),
        (Verdict.GO, "passed"),
        (Verdict.NO_GO, "failed"),
        (Verdict.ROLLBACK, "failed"),
    ],
)
def test_only_go_is_passed(tmp_path: Path, verdict: Verdict, status: str) -> None:
    entry = written(samples.decision(verdict), tmp_path)
    assert entry["status"] == status
    assert entry["name"] == f"{verdict}: Meta Aggregator 2.0.0 (9f2c1ab) -> production"


def test_the_verdict_starts_before_everything_and_has_a_folder_of_its_own(tmp_path: Path) -> None:
    theirs(tmp_path, "post_deploy/test_old.py::test_of_an_earlier_run", start=5_000)
    (old,) = tmp_path.iterdir()
    os.utime(old, (5, 5))
    theirs(tmp_path, "post_deploy/test_health.py::test_health")
    entry = written(samples.go(), tmp_path)
    others = [one for one in results(tmp_path) if one["uuid"] != entry["uuid"]]
    assert all(entry["start"] < one["start"] for one in others)
    assert entry["titlePath"] == ["Release verdict: GO"]
    assert {"name": "parentSuite", "value": "Release verdict: GO"} in entry["labels"]


@pytest.mark.parametrize("name", samples.ALL)
def test_results_have_the_shape_that_allure_reads(tmp_path: Path, name: str) -> None:
    write_results(samples.ALL[name](), tmp_path)
    for one in results(tmp_path):
        assert {"uuid", "name", "status", "start", "stop", "historyId"} <= one.keys()
        assert one["status"] in STATUSES
        assert one["stage"] == "finished"
        assert one["start"] <= one["stop"]
        for source in (attached["source"] for attached in one.get("attachments", [])):
            assert (tmp_path / source).is_file()
    kept = {"result.json", "attachment.md", "attachment.json"}
    kept |= {"categories.json", "environment.properties", "executor.json"}
    assert {one.name.rpartition("-")[2] for one in tmp_path.iterdir()} == kept


def test_steps_are_the_checklist_worst_first_with_reason_and_next_step(tmp_path: Path) -> None:
    entry = written(samples.no_go(), tmp_path)
    top = [(one["name"].split(":")[0], one["status"]) for one in entry["steps"]]
    assert top == [
        ("post.contracts P0, contracts", "failed"),
        ("post.ux P2, devops", "broken"),
        ("post_deploy/test_stray.py", "failed"),
        ("Triggers", "skipped"),
        ("Exceptions", "skipped"),
        ("Verified", "passed"),
    ]
    said = names(entry["steps"])
    assert any("arbiter is" in one for one in said)
    assert "next: pip install pytest-metarelease[browser]" in said
    assert any(one.startswith("post.health P0") for one in said)


@pytest.mark.parametrize("state", [one for one in State if one is not State.VERIFIED])
def test_no_other_state_than_verified_is_passed(tmp_path: Path, state: State) -> None:
    item = samples.item("x", "X", state, Verdict.HOLD)
    entry = written(samples.decision(Verdict.HOLD, item, triggers=()), tmp_path)

    def statuses(steps: list[dict[str, Any]]) -> set[str]:
        return {one["status"] for one in steps}.union(
            *(statuses(one.get("steps", [])) for one in steps)
        )

    assert "passed" not in statuses(entry["steps"])


def test_the_decision_is_attached_for_people_and_programs(tmp_path: Path) -> None:
    entry = written(samples.no_go(), tmp_path)
    by_name = {one["name"]: one for one in entry["attachments"]}
    text = (tmp_path / by_name["decision.md"]["source"]).read_text()
    assert text.startswith("# ⛔ NO-GO")
    program = json.loads((tmp_path / by_name["decision.json"]["source"]).read_text())
    assert program["verdict"] == "NO-GO"


def test_a_check_that_did_not_run_has_a_result_with_owner_severity_and_place(
    tmp_path: Path,
) -> None:
    theirs(tmp_path, "post_deploy/test_health.py::test_health")
    write_results(samples.hold(), tmp_path)
    (lost,) = (one for one in results(tmp_path) if one["name"] == "test_orders (not run)")
    assert lost["status"] == "broken"
    assert lost["statusDetails"]["message"].startswith("not run: ")
    labels = {one["name"]: one["value"] for one in lost["labels"]}
    assert labels["severity"] == "blocker"
    assert labels["owner"] == "devops"
    assert labels["suite"] == "post.orders: Order signatures verified"
    assert lost["titlePath"] == ["verification", "post_deploy", "test_orders.py"]


def test_a_collection_error_has_a_result(tmp_path: Path) -> None:
    write_results(samples.hold(), tmp_path)
    (broken,) = (one for one in results(tmp_path) if "collection-error" in one["name"])
    assert broken["status"] == "broken"
    assert "ImportError" in broken["statusDetails"]["message"]
    assert "mend the import" in broken["statusDetails"]["trace"]


def test_an_item_without_any_check_has_a_result(tmp_path: Path) -> None:
    item = samples.item("audit", "Audited", State.NOT_VERIFIED, Verdict.HOLD)
    write_results(samples.decision(Verdict.HOLD, item), tmp_path)
    assert any(one["name"] == "post.audit: Audited (not verified)" for one in results(tmp_path))


def with_check(outcome: Outcome, name: str = "lost") -> Decision:
    lost = replace(samples.check(name, outcome, "check-crashed", "worker gw0 died"), passes=0)
    item = samples.item("lost", "Lost", State.NOT_VERIFIED, Verdict.HOLD, checks=(lost,))
    return samples.decision(Verdict.HOLD, item)


LOST = "post_deploy/test_lost.py::test_lost"


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome.BROKEN, "broken"),
        (Outcome.NOT_RUN, "broken"),
        (Outcome.SKIPPED, "skipped"),
        (Outcome.FAILED, "failed"),
    ],
)
def test_a_passed_that_was_none_is_taken_back_and_keeps_the_rest(
    tmp_path: Path, outcome: Outcome, status: str
) -> None:
    file = theirs(tmp_path, LOST)
    write_results(with_check(outcome), tmp_path)
    document = json.loads(file.read_text())
    assert document["status"] == status
    assert "worker gw0 died" in document["statusDetails"]["message"]
    assert document["steps"] == [{"name": "kept", "status": "passed"}]
    assert not [one for one in results(tmp_path) if one["name"].startswith("test_lost (")]


@pytest.mark.parametrize("status", ["failed", "broken", "skipped"])
def test_what_allure_calls_not_passed_is_left_alone(tmp_path: Path, status: str) -> None:
    file = theirs(tmp_path, LOST, status)
    before = file.read_bytes()
    write_results(with_check(Outcome.BROKEN), tmp_path)
    assert file.read_bytes() == before


def test_a_passed_check_is_left_alone(tmp_path: Path) -> None:
    file = theirs(tmp_path, "post_deploy/test_health.py::test_health")
    before = file.read_bytes()
    write_results(samples.no_go(), tmp_path)
    assert file.read_bytes() == before


def test_a_titled_test_is_found_by_its_function(tmp_path: Path) -> None:
    file = theirs(tmp_path, LOST, name="A title for people")
    write_results(with_check(Outcome.BROKEN), tmp_path)
    assert json.loads(file.read_text())["status"] == "broken"


@pytest.mark.parametrize(
    "other",
    [
        "other/test_lost.py::test_lost",
        "post_deploy/test_lost.py::TestA::test_lost",
        "post_deploy/test_lost.py::test_lost_too",
        "post_deploy/test_lost.py::test_lost[1]",
    ],
)
def test_a_similar_result_is_not_taken_for_it(tmp_path: Path, other: str) -> None:
    parameters = [{"name": "n", "value": "1"}] if "[" in other else []
    file = theirs(tmp_path, other, parameters=parameters)
    before = file.read_bytes()
    write_results(with_check(Outcome.NOT_RUN), tmp_path)
    assert file.read_bytes() == before
    assert any(one["name"] == "test_lost (not run)" for one in results(tmp_path))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_torn_results_of_others_change_nothing(tmp_path: Path, content: bytes) -> None:
    torn = tmp_path / "torn-result.json"
    torn.write_bytes(content)
    write_results(samples.hold(), tmp_path)
    assert torn.read_bytes() == content
    torn.unlink()
    assert verdict_of(tmp_path)["status"] == "broken"


def test_equal_decisions_write_equal_files(tmp_path: Path) -> None:
    def content() -> dict[str, bytes]:
        return {one.name: one.read_bytes() for one in tmp_path.iterdir()}

    write_results(samples.hold(), tmp_path)
    first = content()
    write_results(samples.hold(), tmp_path)
    assert content() == first


def test_hostile_texts_are_visible_and_bounded(tmp_path: Path) -> None:
    write_results(samples.hostile(), tmp_path)

    def texts(value: Any) -> list[str]:
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list):
            return [text for one in value for text in texts(one)]
        return [value] if isinstance(value, str) else []

    for document in results(tmp_path):
        for text in texts(document):
            assert visible(text) == text
            assert len(text) < 10_000
    properties = (tmp_path / "environment.properties").read_bytes()
    assert properties.isascii()
    assert all(b" = " in line for line in properties.splitlines())


def test_the_context_names_release_target_and_run(tmp_path: Path) -> None:
    write_results(samples.no_go(), tmp_path)
    properties = (tmp_path / "environment.properties").read_text()
    assert "Verdict = NO-GO" in properties
    assert "Chain = 1, block 21540012" in properties
    assert "Version\\ of\\ api = 2.0.0 (9f2c1ab)" in properties
    categories = json.loads((tmp_path / "categories.json").read_text())
    assert {"Not run", "Could not ask", "Failed", "Not verified"} <= {
        one["name"] for one in categories
    }
    executor = json.loads((tmp_path / "executor.json").read_text())
    assert executor["buildName"] == "r-20261123-4f1d"


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "executor.json").mkdir()
    with pytest.raises(UnwrittenError):
        write_results(samples.go(), tmp_path)


@pytest.mark.parametrize(
    ("severity", "expected"),
    [
        (Severity.P0, "blocker"),
        (Severity.P1, "critical"),
        (Severity.P2, "normal"),
        (Severity.P3, "minor"),
    ],
)
def test_labels_of_an_item(severity: Severity, expected: str) -> None:
    item = Item(id="post.x", title="X works", stage=Stage.POST_DEPLOY, severity=severity)
    labels = dict(labels_for(item))
    assert labels["severity"] == expected
    assert (labels["parentSuite"], labels["suite"]) == ("post_deploy", "post.x: X works")
    assert "owner" not in labels
    assert dict(labels_for(replace(item, owner="devops")))["owner"] == "devops"
