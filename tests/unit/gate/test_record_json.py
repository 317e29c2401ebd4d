"""A record as JSON: everything comes back, and nothing else is taken for a record."""

from __future__ import annotations

import copy
import json
import math
import sys
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_metarelease.approvals.model import Attestation
from pytest_metarelease.errors import PacketError
from pytest_metarelease.evidence import Citation, Judgement, Measurement, RateSample, ReachSample
from pytest_metarelease.gate import json_reading, json_writing
from pytest_metarelease.gate.record_json import dump, record_from_json, record_to_json
from pytest_metarelease.gate.values import Finding, Identification, Reason, Record, Target, Verdict
from pytest_metarelease.outcome import CheckResult, Outcome
from tests.unit.gate.given import Given

CHECK = "a.py::t"


@pytest.fixture(autouse=True)
def _fresh_readers() -> None:
    """Readers and writers are made once per process; every test looks at new ones."""
    json_reading.dataclass_reader.cache_clear()
    json_reading._reader.cache_clear()
    json_writing.dataclass_writer.cache_clear()
    json_writing._writer.cache_clear()


def whole() -> Record:
    """A record in which every kind of value occurs."""
    citation = Citation("m-1", "service:api", Judgement.UNMET, "1", "2", "here", "redo", 2)
    return replace(
        Given().recorded(),
        results={
            CHECK: CheckResult(
                nodeid=CHECK, outcome=Outcome.NOT_RUN, code="not-ready", citations=(citation,)
            )
        },
        measurements={
            "m-1": Measurement(
                id="m-1",
                subject="service:api",
                probe="http",
                asked="GET /",
                at="2026-11-23T12:00:00Z",
                duration=0.25,
                answer="\u202e\x00 \U0001f600 \ud800",
                block=7,
                sample=RateSample(measure="api.error_rate", bad=1, total=2),
            ),
            "m-2": Measurement(
                id="m-2",
                subject="database:orders",
                probe="sql",
                asked="select 1",
                at="2026-11-23T12:00:00Z",
                duration=1.0,
                answer="1",
                sample=ReachSample(measure="orders.unreachable", failed=3, attempts=3, span=1.5),
            ),
            "m-3": Measurement(
                id="m-3",
                subject="chain",
                probe="rpc",
                asked="eth_chainId",
                at="2026-11-23T12:00:00Z",
                duration=0.0,
                answer="1",
            ),
        },
        bindings={CHECK: ("post.health", "post.other")},
        attestations=(
            Attestation(
                account="0x" + "1" * 40,
                digest="2" * 64,
                signature="3" * 64,
                judgement=Judgement.MET,
                text="it says that it signed",
                chain_id=1,
                block=7,
            ),
        ),
        identifications=(
            Identification(
                subject="service:api", judgement=Judgement.UNKNOWN, expected="1", actual="2"
            ),
        ),
        findings=(Finding(Verdict.NO_GO, Reason("code", "text", "next"), CHECK),),
        target=Target(chain_id=1, block_number=7, block_hash="0x1", code_hashes={"escrow": "0x2"}),
    )


def as_json(record: Record) -> Any:
    """What a reader of the file gets."""
    return json.loads(dump(record_to_json(record)))


@pytest.mark.parametrize("nothing", [None, [], "", 0, {}, {"run_id": "x"}])
def test_trivially_no_record(nothing: object) -> None:
    with pytest.raises(PacketError, match=r"^record: "):
        record_from_json(nothing)


def test_everything_comes_back() -> None:
    assert record_from_json(as_json(whole())) == whole()
    assert record_from_json(record_to_json(whole())) == whole()


def test_the_bytes_are_stable() -> None:
    record = whole()
    swapped = replace(record, measurements=dict(reversed(list(record.measurements.items()))))
    assert dump(record_to_json(record)) == dump(record_to_json(swapped))
    assert dump({"b": [1], "a": "\u00e9"}) == '{"a":"\u00e9","b":[1]}\n'.encode()
    assert dump({"b": [1], "a": "x"}, indent=1) == b'{\n "a": "x",\n "b": [\n  1\n ]\n}\n'
    assert dump("\ud800") == b'"\\ud800"\n'


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_no_json_is_not_written(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        dump({"duration": number})


_WRONG_TYPES: tuple[Any, ...] = ({"x": [[]]}, [[[]]], 1.5, True, None)


def leaves(value: Any, path: str = "record") -> Any:
    """Yield each place of a JSON document with the container and key that lead to it."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in list(pairs):
        place = f"{path}.{key}" if isinstance(value, dict) else f"{path}[{key}]"
        yield value, key, place
        if isinstance(one, dict | list):
            yield from leaves(one, place)


def test_every_key_that_is_missing_is_named() -> None:
    plain = as_json(whole())
    fields = 0
    for number, (container, key, _place) in enumerate(leaves(plain)):
        if isinstance(container, list) or not key.isidentifier() or key == "escrow":
            continue
        changed = copy.deepcopy(plain)
        same, _, place = list(leaves(changed))[number]
        del same[key]
        parent = place[: -len(f".{key}")]
        if parent.endswith("sample") and key == "bad":
            continue  # then it is read as the other kind of sample, and refused as that
        with pytest.raises(PacketError) as caught:
            record_from_json(changed)
        assert str(caught.value) == f"{parent}: no {key}"
        fields += 1
    assert fields > 60


def test_every_value_of_another_type_is_refused_with_its_place() -> None:
    plain = as_json(whole())
    for number, (_container, key, _place) in enumerate(leaves(plain)):
        for wrong in _WRONG_TYPES:
            changed = copy.deepcopy(plain)
            container, _, place = list(leaves(changed))[number]
            if wrong is None and container[key] is None:
                continue
            before, container[key] = container[key], wrong
            allowed = (
                (isinstance(before, bool) and isinstance(wrong, bool))
                or (isinstance(before, float) and isinstance(wrong, float))
                or (wrong is None and _optional(key))
            )
            if not allowed:
                with pytest.raises(PacketError) as caught:
                    record_from_json(changed)
                assert str(caught.value).startswith(place)


def _optional(key: str) -> bool:
    return key in {
        "api_versions",
        "block",
        "block_hash",
        "block_number",
        "chain_id",
        "lock_digest",
        "nodeid",
        "pytest_exit",
        "sample",
        "witness",
    }


WRONG: list[tuple[list[Any], Any, str]] = [
    (["extra"], 1, "record: unknown key extra"),
    (["run_id"], 1, "record.run_id: expected a text, found 1"),
    (["finished"], "yes", "record.finished: expected true or false, found 'yes'"),
    (["pytest_exit"], True, "record.pytest_exit: expected an integer, found True"),
    (["pytest_exit"], 1.0, "record.pytest_exit: expected an integer, found 1.0"),
    (["results"], [], "record.results: expected an object, found []"),
    (["findings"], {}, "record.findings: expected a list, found {}"),
    (
        ["findings", 0, "verdict"],
        "YES",
        "record.findings[0].verdict: expected one of GO, HOLD, NO-GO, ROLLBACK, found 'YES'",
    ),
    (
        ["findings", 0, "verdict"],
        [],
        "record.findings[0].verdict: expected one of GO, HOLD, NO-GO, ROLLBACK, found []",
    ),
    (["results", CHECK, "duration"], math.nan, "expected a finite number, found nan"),
    (["results", CHECK, "duration"], math.inf, "expected a finite number, found inf"),
    (["results", CHECK, "duration"], -math.inf, "expected a finite number, found -inf"),
    (["results", CHECK, "duration"], True, "expected a finite number, found True"),
    (["results", CHECK, "duration"], "1", "expected a finite number, found '1'"),
    (["results", CHECK, "duration"], 10**400, "expected a finite number, found 1000"),
    (
        ["results", CHECK, "nodeid"],
        "b.py::t",
        "record.results.a.py::t.nodeid: expected 'a.py::t', found 'b.py::t'",
    ),
    (
        ["measurements", "m-1", "id"],
        "m-9",
        "record.measurements.m-1.id: expected 'm-1', found 'm-9'",
    ),
    (
        ["measurements", "m-1", "sample", "bad"],
        3,
        "m-1.sample: expected counts that can be, found RateSample(",
    ),
    (["measurements", "m-1", "sample", "bad"], -1, "m-1.sample: expected counts that can be"),
    (["measurements", "m-1", "sample", "looks"], 0, "m-1.sample: expected counts that can be"),
    (["measurements", "m-1", "sample", "excluded"], -1, "m-1.sample: expected counts that"),
    (["measurements", "m-2", "sample", "failed"], 4, "m-2.sample: expected counts that can be"),
    (["measurements", "m-2", "sample", "failed"], -1, "m-2.sample: expected counts that can be"),
    (["measurements", "m-2", "sample", "span"], -0.1, "m-2.sample: expected counts that can be"),
    (["measurements", "m-1", "sample"], 7, "m-1.sample: expected an object, found 7"),
    (["bindings", CHECK], "post.health", "record.bindings.a.py::t: expected a list"),
    (["bindings", CHECK, 1], None, "record.bindings.a.py::t[1]: expected a text, found None"),
    (
        ["target", "code_hashes", 7],
        "0x",
        "record.target.code_hashes: expected texts as keys, found 7",
    ),
]


@pytest.mark.parametrize(("path", "value", "message"), WRONG)
def test_what_is_wrong_is_said_with_its_place(path: list[Any], value: Any, message: str) -> None:
    plain = as_json(whole())
    place = plain
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(PacketError) as caught:
        record_from_json(plain)
    assert message in str(caught.value)


def test_zero_counts_can_be() -> None:
    plain = as_json(whole())
    plain["measurements"]["m-1"]["sample"] |= {"bad": 0, "total": 0, "excluded": 0, "looks": 1}
    plain["measurements"]["m-2"]["sample"] |= {"failed": 0, "attempts": 0, "span": 0}
    found = record_from_json(plain).measurements
    assert found["m-1"].sample == RateSample(measure="api.error_rate", bad=0, total=0)
    assert found["m-2"].sample == ReachSample(
        measure="orders.unreachable", failed=0, attempts=0, span=0.0
    )


def test_a_long_wrong_value_is_cut() -> None:
    plain = as_json(whole())
    plain["run_id"] = ["x" * 1000]
    with pytest.raises(PacketError) as caught:
        record_from_json(plain)
    shown = str(caught.value).partition("found ")[2]
    assert (len(shown), shown[:5], shown[-4:]) == (60, "['xxx", "x...")
    plain["run_id"] = ["x" * 57]
    with pytest.raises(PacketError, match=r"xxx\.\.\.$"):
        record_from_json(plain)
    plain["run_id"] = ["x" * 56]
    with pytest.raises(PacketError, match=r"x'\]$"):
        record_from_json(plain)


def test_several_wrong_keys_are_all_named() -> None:
    plain = as_json(whole())
    del plain["run_id"], plain["findings"]
    plain |= {"b": 1, "a": 1}
    with pytest.raises(PacketError) as caught:
        record_from_json(plain)
    assert str(caught.value) == "record: unknown key a, unknown key b, no findings, no run_id"


def test_integers_become_the_floats_they_stand_for() -> None:
    plain = as_json(whole())
    plain["results"][CHECK]["duration"] = 3
    duration = record_from_json(plain).results[CHECK].duration
    assert (duration, type(duration)) == (3.0, float)
    for extreme in (sys.float_info.max, -sys.float_info.max):
        plain["results"][CHECK]["duration"] = extreme
        assert record_from_json(plain).results[CHECK].duration == extreme


texts = st.text(st.characters(), max_size=8)
numbers = st.floats(0, 1e9)
counts = st.integers(0, 10**6)
rates = st.builds(
    lambda measure, bad, more: RateSample(measure=measure, bad=bad, total=bad + more),
    texts,
    counts,
    counts,
)
reaches = st.builds(
    lambda measure, failed, more, witness: ReachSample(
        measure=measure, failed=failed, attempts=failed + more, span=1.0, witness=witness
    ),
    texts,
    counts,
    counts,
    st.none() | texts,
)
measurements = st.builds(
    Measurement,
    id=texts,
    subject=texts,
    probe=texts,
    asked=texts,
    at=texts,
    duration=numbers,
    answer=texts,
    block=st.none() | counts,
    sample=st.none() | rates | reaches,
)
citations = st.builds(Citation, texts, texts, st.sampled_from(Judgement), texts, texts)
results = st.builds(
    CheckResult,
    nodeid=texts,
    outcome=st.sampled_from(Outcome),
    code=texts,
    attempts=counts,
    passes=counts,
    duration=numbers,
    citations=st.lists(citations, max_size=2).map(tuple),
)
records = st.builds(
    Record,
    run_id=texts,
    started_at=texts,
    finished_at=texts,
    finished=st.booleans(),
    pytest_exit=st.none() | st.integers(),
    environment=texts,
    rehearsal=st.booleans(),
    release_version=texts,
    release_commit=texts,
    manifest_digest=texts,
    lock_digest=st.none() | texts,
    results=st.lists(results, max_size=2).map(lambda found: {one.nodeid: one for one in found}),
    measurements=st.lists(measurements, max_size=2).map(
        lambda found: {one.id: one for one in found}
    ),
    bindings=st.dictionaries(texts, st.lists(texts, max_size=2).map(tuple), max_size=2),
    findings=st.lists(
        st.builds(
            Finding,
            st.sampled_from(Verdict),
            st.builds(Reason, texts, texts, texts),
            st.none() | texts,
        ),
        max_size=2,
    ).map(tuple),
)


@given(records)
def test_any_record_comes_back(record: Record) -> None:
    assert record_from_json(as_json(record)) == record
    assert dump(record_to_json(record)) == dump(as_json(record))
