"""A run's record as JSON and back, strictly: what is not exactly a record is refused.

Nothing here repairs, guesses or ignores: an unknown key, a missing key, a number that is a text or
a sample that cannot be is an error that names its place.
"""

from __future__ import annotations

import json

from pytest_metarelease.evidence import ReachSample, Sample
from pytest_metarelease.gate.json_reading import dataclass_reader, refuse
from pytest_metarelease.gate.json_writing import dataclass_writer
from pytest_metarelease.gate.values import Record


def record_to_json(record: Record) -> dict[str, object]:
    """Return ``record`` as JSON values; fields that hold their default are written as well."""
    found: dict[str, object] = dataclass_writer(Record)(record)
    return found


def record_from_json(obj: object) -> Record:
    """Return the record that ``obj`` holds.

    Raises:
        PacketError: naming the path of the first thing that is not as ``record_to_json`` writes it.
    """
    found: Record = dataclass_reader(Record)(obj, "record")
    _refuse_impossible(found)
    return found


def dump(obj: object, *, indent: int | None = None) -> bytes:
    """Return ``obj`` as JSON: sorted keys, UTF-8, a final newline; equal values, equal bytes.

    Compact unless ``indent`` is given, which is ten times slower: Python indents without C.

    Raises:
        ValueError: on NaN and infinities, which are no JSON (RFC 8259, section 6).
    """
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(
        obj,
        sort_keys=True,
        ensure_ascii=False,
        allow_nan=False,
        indent=indent,
        separators=separators,
    )
    # A lone surrogate has no UTF-8; it stays the escape that JSON has for it.
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _refuse_impossible(record: Record) -> None:
    """Refuse what has the right shape and cannot be: a result or measurement under another id."""
    for nodeid, result in record.results.items():
        if result.nodeid != nodeid:
            raise refuse(f"record.results.{nodeid}.nodeid", repr(nodeid), result.nodeid)
    for name, measurement in record.measurements.items():
        path = f"record.measurements.{name}"
        if measurement.id != name:
            raise refuse(f"{path}.id", repr(name), measurement.id)
        if measurement.sample is not None and not _counts(measurement.sample):
            raise refuse(f"{path}.sample", "counts that can be", measurement.sample)


def _counts(sample: Sample) -> bool:
    if isinstance(sample, ReachSample):
        return 0 <= sample.failed <= sample.attempts and sample.span >= 0
    return 0 <= sample.bad <= sample.total and sample.excluded >= 0 and sample.looks >= 1
