from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from pytest_metarelease.gate.values import Verdict
from pytest_metarelease.reports import decision_json
from tests.unit.reports import samples

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "docs" / "decision.schema.json").read_text())
POINT_8 = {
    "verdict", "exit_code", "pytest_exit_code", "run_id", "state", "manifest_digest",
    "lock_digest", "scope", "release", "environment", "target", "items", "triggers", "rollback",
    "unclaimed", "waivers", "sign_offs", "started_at", "finished_at", "tool",
}  # fmt: skip


def rendered(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(decision_json.render(samples.ALL[name]()))
    return document


def closed(schema: Any) -> Any:
    """Forbid unknown fields everywhere: readers must ignore them, our writer must not add any."""
    if isinstance(schema, dict):
        extra = (
            {"additionalProperties": False}
            if "properties" in schema and schema.get("type") == "object"
            else {}
        )
        return {**extra, **{key: closed(value) for key, value in schema.items()}}
    return [closed(one) for one in schema] if isinstance(schema, list) else schema


def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(closed(SCHEMA))


def test_an_empty_document_is_no_decision() -> None:
    assert not validator().is_valid({})


@pytest.mark.parametrize("name", samples.ALL)
def test_every_sample_is_exactly_what_the_schema_lists(name: str) -> None:
    document = rendered(name)
    assert [error.message for error in validator().iter_errors(document)] == []
    assert document.keys() >= POINT_8


@pytest.mark.parametrize("name", samples.ALL)
def test_equal_decisions_give_equal_bytes_with_sorted_keys(name: str) -> None:
    first, second = (decision_json.render(samples.ALL[name]()) for _ in range(2))
    assert first == second
    assert list(_unsorted(json.loads(first))) == []


def _unsorted(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if list(value) != sorted(value):
            yield value
        for one in value.values():
            yield from _unsorted(one)
    if isinstance(value, list):
        for one in value:
            yield from _unsorted(one)


def test_the_order_of_measurements_in_the_record_does_not_matter() -> None:
    decision = samples.no_go()
    turned = dict(reversed(list(decision.record.measurements.items())))
    other = replace(decision, record=replace(decision.record, measurements=turned))
    assert decision_json.render(decision) == decision_json.render(other)


def test_a_check_lists_the_judged_citations_joined_with_their_measurements() -> None:
    (failed,) = (one for one in rendered("no_go")["items"] if one["state"] == "failed")
    met, unmet = failed["checks"][0]["measurements"]
    assert (met["judgement"], met["probe"], met["asked"]) == (
        "met",
        "http",
        "GET https://api.example.org/api/health",
    )
    assert (unmet["expected"], unmet["actual"]) == (samples.ARBITER, samples.STRANGER)
    assert unmet["where"] == "release.yaml:41"


def test_a_citation_whose_measurement_was_lost_stays_with_nulls() -> None:
    decision = samples.no_go()
    lost = replace(decision, record=replace(decision.record, measurements={}))
    (failed,) = (
        one for one in json.loads(decision_json.render(lost))["items"] if one["state"] == "failed"
    )
    assert failed["checks"][0]["measurements"][0]["answer"] is None
    assert validator().is_valid(json.loads(decision_json.render(lost)))


@pytest.mark.parametrize("verdict", Verdict)
def test_both_exit_codes_are_there(verdict: Verdict) -> None:
    decision = samples.decision(verdict, record=samples.record(pytest_exit=3))
    document = json.loads(decision_json.render(decision))
    assert (document["exit_code"], document["pytest_exit_code"]) == (verdict.exit_code, 3)


def test_a_waived_item_is_listed_as_a_waiver() -> None:
    (waiver,) = rendered("go")["waivers"]
    assert waiver["item"] == "post.perf"
    assert "DBA-12" in waiver["text"]
    assert (waiver["approver"], waiver["author"]) == ("the release manager", "devops")
    assert waiver["expires"] == "2026-12-01T00:00:00Z"
    assert rendered("go")["sign_offs"] == []


def test_a_signed_item_lists_everybody_who_signed() -> None:
    decision = samples.decision(Verdict.GO, samples.SIGNED)
    document = json.loads(decision_json.render(decision))
    assert validator().is_valid(document)
    (signed,) = document["sign_offs"]
    assert (signed["item"], signed["signer"]) == ("post.audit", "security")
    assert signed["account"] == "0x90F79bf6EB2c4f870365E785982E1f101E93b906"
    assert signed["reason"] == "report 7 read"
    assert document["waivers"] == []


def test_hostile_texts_are_escaped_bounded_and_come_back_as_they_were() -> None:
    raw = decision_json.render(samples.hostile())
    assert raw.isascii()
    assert not any((byte < 0x20 and byte != 0x0A) or byte == 0x7F for byte in raw)
    assert len(raw) < 1_000_000
    assert json.loads(raw)["items"][0]["title"] == samples.HOSTILE


@pytest.mark.parametrize(
    "text", ["x" * 20_001, '"' * 20_001, 'say "' * 4_001], ids=["plain", "quotes", "mixed"]
)
def test_a_text_that_is_too_long_is_cut_whatever_is_in_it(text: str) -> None:
    whole = samples.go()
    first = replace(whole.items[0], title=text)
    raw = decision_json.render(replace(whole, items=(first, *whole.items[1:])))
    (title,) = [one["title"] for one in json.loads(raw)["items"] if len(one["title"]) > 1_000]
    assert title == f"{text[:20_000]}... ({len(text)} characters)"


def test_an_item_of_many_short_texts_stays_as_it_is() -> None:
    whole = samples.go()
    first = replace(whole.items[0], title="short", owner="o" * 20_000)
    raw = decision_json.render(replace(whole, items=(first, *whole.items[1:])))
    assert [one["owner"] for one in json.loads(raw)["items"]].count("o" * 20_000) == 1


def test_a_number_that_json_cannot_say_is_refused() -> None:
    trigger = replace(samples.TRIGGERS[0], high=float("nan"))
    with pytest.raises(ValueError, match="not JSON compliant"):
        decision_json.render(replace(samples.go(), triggers=(trigger,)))


def tombstone(**changes: Any) -> dict[str, Any]:
    return {
        "schema": decision_json.SCHEMA,
        "title": "HOLD: the run has not finished",
        "verdict": "HOLD",
        "exit_code": 21,
        "state": "unfinished",
        "run_id": "r-1",
        "started_at": "2026-11-23T10:00:00Z",
        "findings": [{"code": "run-unfinished", "text": "the run has not finished"}],
        "tool": {"name": "pytest-metarelease", "version": "0"},
    } | changes


@pytest.mark.parametrize(
    ("document", "valid"),
    [
        (tombstone(), True),
        (tombstone(state="no verdict"), True),
        (tombstone(state="finished"), False),
        (tombstone(verdict="GO", exit_code=0), False),
        (tombstone(exit_code=0), False),
        (tombstone(verdict="MAYBE"), False),
        (tombstone(schema="metarelease/decision/v2"), False),
    ],
)
def test_a_tombstone_is_valid_and_never_go(document: dict[str, Any], valid: bool) -> None:
    assert validator().is_valid(document) is valid


def test_the_page_names_every_field() -> None:
    page = (ROOT / "docs" / "decision.md").read_text()
    assert [name for name in SCHEMA["properties"] if f"`{name}" not in page] == []
