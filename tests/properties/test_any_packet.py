"""Whatever stands in a packet: an error of ours or a verdict, and never a better one than measured.

Valid documents are taken apart and put together wrongly; random bytes alone rarely get far.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pytest_metarelease.cli.check import check
from pytest_metarelease.errors import MetareleaseError, PacketError
from pytest_metarelease.gate.record_json import record_from_json, record_to_json
from pytest_metarelease.plugin.ledger import read_ledgers
from pytest_metarelease.reports.packet import read_json
from tests.unit.gate.test_record_json import whole

if TYPE_CHECKING:
    from pathlib import Path


# Smaller than real ones: it is read again for every packet, and none of them fits it anyway.
MANIFEST = """\
release: {name: Shop, version: 1.0.0, commit: unknown}
environments:
  staging: {access: read-only}
checklist:
  - {id: post.health, title: Healthy, stage: post_deploy, severity: P0}
"""
WHOLE: dict[str, Any] = json.loads(json.dumps(record_to_json(whole())))
HUGE = 10**400
ODD: list[Any] = [
    None, True, False, 0, -1, 1, 2**63, HUGE, -HUGE, 1e308, -0.0, "", "GO", "passed", "met", "\x00",
    "\ud800", "9" * 5000, "2026-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59", [], {}, [[]], [{}], {"": None}, {"GO": "GO"}, ["GO"], [0, "x"],
]  # fmt: skip
MANY: dict[str, Any] = {
    "max_examples": 40,
    "suppress_health_check": [HealthCheck.too_slow],
    "deadline": None,
}


def _places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: list[tuple[Any, Any]] = []
    if isinstance(document, dict):
        inner = list(document.items())
    elif isinstance(document, list):
        inner = list(enumerate(document))
    return [path, *(place for key, one in inner for place in _places(one, (*path, key)))]


PLACES = _places(WHOLE)[1:]


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """Return a record of which some values were replaced, dropped, doubled or moved."""
    document = copy.deepcopy(WHOLE)
    for _ in range(draw(st.integers(1, 4))):
        *above, last = draw(st.sampled_from(PLACES))
        holder: Any = document
        try:
            for key in above:
                holder = holder[key]
            _change(draw, holder, last, document)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took it away
    return document


def _change(draw: st.DrawFn, holder: Any, key: Any, document: Any) -> None:
    kind = draw(st.sampled_from(["odd", "drop", "double", "move", "deep"]))
    if kind == "odd":
        holder[key] = copy.deepcopy(draw(st.sampled_from(ODD)))
    elif kind == "drop":
        del holder[key]
    elif kind == "double" and isinstance(holder, list):
        holder.append(copy.deepcopy(holder[key]))
    elif kind == "double":
        holder[f"{key} "] = copy.deepcopy(holder[key])
    elif kind == "move":
        found: Any = document
        for step in draw(st.sampled_from(PLACES)):
            found = found[step]
        holder[key] = copy.deepcopy(found)
    else:
        for _ in range(draw(st.sampled_from([3, 90, 150]))):
            holder[key] = [holder[key]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packet")
    (folder / "release.yaml").write_text(MANIFEST, encoding="utf-8")
    return folder


def asked(place: Path, record: bytes, decision: bytes | None = None) -> int:
    """Return the exit code of ``metarelease check``, for a packet that agrees with itself."""
    if decision is None:
        document = {"state": "finished", "verdict": "GO", "run_id": _run_id(record)}
        document["record_digest"] = hashlib.sha256(record).hexdigest()
        decision = json.dumps(document).encode()
    (place / "record.json").write_bytes(record)
    (place / "decision.json").write_bytes(decision)
    options = argparse.Namespace(
        packet=str(place),
        release_manifest=str(place / "release.yaml"),
        stage=["post_deploy"],
        environment=WHOLE["environment"],
        commit=WHOLE["release_commit"],
        max_age="1h",
        run_id=None,
        carry=[],
    )
    return check(options)


def _run_id(record: bytes) -> Any:
    try:
        return json.loads(record)["run_id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return "r"


def never_go(place: Path, record: bytes, decision: bytes | None = None) -> None:
    try:
        code = asked(place, record, decision)
    except MetareleaseError:
        return
    # The lock is missing and the manifest is another: nothing in a record may help over that.
    assert code in (1, 20, 21)


@settings(**MANY)
@given(mutated())
def test_a_record_that_was_tampered_with_is_refused_or_no_go(
    place: Path, document: dict[str, Any]
) -> None:
    never_go(place, json.dumps(document).encode())


@settings(**MANY)
@given(mutated())
def test_a_record_is_read_whole_or_refused(document: dict[str, Any]) -> None:
    try:
        found = record_from_json(document)
    except PacketError:
        return
    assert record_from_json(json.loads(json.dumps(record_to_json(found)))) == found


@settings(**MANY)
@given(st.integers(0, 10**6), st.integers(1, 255))
def test_every_other_byte_is_refused_by_the_digest(place: Path, at: int, change: int) -> None:
    honest = json.dumps(WHOLE).encode()
    decision = {"state": "finished", "verdict": "GO", "run_id": WHOLE["run_id"]}
    decision["record_digest"] = hashlib.sha256(honest).hexdigest()
    at %= len(honest)
    flipped = honest[:at] + bytes([honest[at] ^ change]) + honest[at + 1 :]
    # The packet says GO and its record would be read; the digest alone stands against it.
    assert asked(place, flipped, json.dumps(decision).encode()) == 21


@settings(**MANY)
@given(st.binary(max_size=200) | st.text(max_size=50).map(lambda text: text.encode("utf-16")))
@example(b"[" * 200_000)
@example(b'{"a":' * 200_000)
@example(b'{"run_id": ' + b"9" * 10_000 + b"}")
@example(b'{"run_id": NaN}')
@example(b'{"run_id": "\\ud800"}')
@example(b"\xef\xbb\xbf{}")
def test_any_bytes_are_no_packet(place: Path, data: bytes) -> None:
    never_go(place, data)
    never_go(place, json.dumps(WHOLE).encode(), data)


@settings(**MANY)
@given(
    st.dictionaries(
        st.sampled_from(["state", "run_id", "title", "record_digest", "verdict", "exit_code"]),
        st.sampled_from(ODD),
    )
)
def test_any_decision_is_no_go(place: Path, decision: dict[str, Any]) -> None:
    never_go(place, json.dumps(WHOLE).encode(), json.dumps(decision).encode())


ENTRIES: list[dict[str, Any]] = [
    {"kind": "measurement", **next(iter(WHOLE["measurements"].values()))}
    if isinstance(WHOLE["measurements"], dict)
    else {"kind": "measurement", **WHOLE["measurements"][0]},
    {"kind": "citation", "check": "c", "measurement": "m-1", "subject": "s", "judgement": "met"},
    {"kind": "raised", "check": "c"},
    {"kind": "superseded", "check": "c", "from": 0, "stand": []},
    {"kind": "bindings", "items": ["i"], "checks": ["c"]},
    {"check": "c", "kind": "clean"},
    {"kind": "fact", "name": "n", "subject": "s", "value": "v"},
]


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    entry: Any = copy.deepcopy(draw(st.sampled_from(ENTRIES)))
    for key in draw(st.lists(st.sampled_from(sorted(entry)), max_size=3)):
        entry[key] = draw(st.sampled_from(ODD))
    return json.dumps(entry).encode() + draw(st.sampled_from([b"\n", b"", b"\x00\n", b"}\n"]))


@settings(**MANY)
@given(st.lists(lines() | st.binary(max_size=60), max_size=6))
@example([b'{"kind": "superseded", "check": "c", "from": 1e999, "stand": []}\n'])
@example([b'{"kind": "superseded", "check": "c", "from": 0, "stand": [1e999]}\n'])
@example([b"[" * 200_000 + b"\n"])
@example([b'{"kind": ' * 50_000 + b"\n"])
def test_any_ledger_is_read_or_torn(place: Path, written: list[bytes]) -> None:
    folder = place / "ledger"
    folder.mkdir(exist_ok=True)
    (folder / "a.jsonl").write_bytes(b"".join(written))
    found = read_ledgers(folder)
    assert isinstance(found.torn, list)


def test_a_packet_file_beyond_its_bound_is_not_read(place: Path) -> None:
    huge = place / "huge.json"
    with huge.open("wb") as file:
        file.truncate(2**33)  # sparse: no byte of it is on disk
    with pytest.raises(PacketError, match="larger"):
        read_json(huge)
    huge.unlink()
