"""Records of several runs made into one: the shards of a CI matrix, or selections of one stage.

Refuses runs of different things; where two say different of one check, the worse one stands.
Order and grouping do not matter: a combination can be combined again, and remembers its parts.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from pytest_metarelease.errors import PacketError
from pytest_metarelease.gate.integrity import UNEXPLAINED, unexplained
from pytest_metarelease.gate.values import Finding, Part, Reason, Record, Target, Verdict
from pytest_metarelease.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_metarelease.outcome import CheckResult

_JOINED = " | "
_T = TypeVar("_T")


def combine(records: Sequence[Record], run_id: str, lost: Iterable[str] = ()) -> Record:
    """Return one record of all ``records``, as if one run had recorded everything.

    ``lost`` says of each packet that could not be read why: each keeps the verdict from GO.

    Raises:
        PacketError: There is none; they are of different releases, manifests, locks, environments,
            scopes or chain snapshots; or one run is among them twice.
    """
    if not records:
        raise PacketError("no shard is left to combine")
    made = [_own(one) for one in records]
    parts = _parts(made)
    _refuse_strangers(made, parts)
    named = [_shown_with_run(one) for one in made]
    missing = (_lost(one) for one in lost)
    return replace(
        made[0],
        run_id=run_id,
        started_at=min(one.started_at for one in made),
        finished_at=max(one.finished_at for one in made),
        finished=all(one.finished for one in made),
        pytest_exit=max((one.pytest_exit for one in made), key=_weight_of_exit),
        rehearsal=any(one.rehearsal for one in made),
        results=_results(named),
        measurements={name: one for each in named for name, one in each.measurements.items()},
        bindings=_bindings(named),
        identifications=_distinct(one for each in made for one in each.identifications),
        findings=_distinct(
            [*(one for each in made for one in each.findings), *_repeated(named), *missing]
        ),
        attestations=_distinct(one for each in made for one in each.attestations),
        target=_target(made, parts),
        parts=parts,
    )


def _own(record: Record) -> Record:
    """Return a record whose part and unexplained exit stand by themselves.

    Beside a failure of another shard, an exit code that nothing explains would seem explained.
    """
    if not record.parts:
        raise PacketError(f"run {record.run_id} does not say what it is a part of")
    if len(record.parts) == 1 and unexplained(record):
        return replace(record, findings=_distinct([*record.findings, UNEXPLAINED]))
    return record


def _parts(records: Sequence[Record]) -> tuple[Part, ...]:
    """Return all parts in the order of their shards.

    Raises:
        PacketError: A run is among them twice.
    """
    parts = [part for record in records for part in record.parts]
    for run_id, count in Counter(one.run_id for one in parts).items():
        if count > 1:
            same = [one for one in parts if one.run_id == run_id]
            if len(set(same)) == 1:
                raise PacketError(f"{same[0].name} is given {count} times (run {run_id})")
            names = " and ".join(sorted(f"{one.name} ({one.finished_at})" for one in same))
            raise PacketError(
                f"{names} carry one run id, {run_id}: give every run a RELEASE_RUN_ID of its own"
            )
    return tuple(sorted(parts, key=lambda one: (one.shards or 0, one.shard or 0, one.run_id)))


def _refuse_strangers(records: Sequence[Record], parts: Sequence[Part]) -> None:
    """Refuse what is not of one release, one checklist, one place and one moment of the chain."""
    compared: Mapping[str, set[object]] = {
        "manifests": {one.manifest_digest for one in records},
        "locks": {one.lock_digest for one in records},
        "release versions": {one.release_version for one in records},
        "release commits": {one.release_commit for one in records},
        "environments": {one.environment for one in records},
        "scopes (-m)": {(one.expression, one.items) for one in parts},
        "counts of shards": {one.shards for one in parts if one.shards is not None},
    }
    # Every sandbox has a chain of its own; a rehearsal is no release decision anyway.
    if not all(one.rehearsal for one in records):
        compared = {**compared, "chain snapshots": _blocks(parts)}
    for what, found in compared.items():
        if len(found) > 1:
            shown = " and ".join(sorted(_short(one) for one in found)[:3])
            step = (
                ": give all shards one --release-block (or RELEASE_BLOCK)"
                if what == "chain snapshots"
                else ""
            )
            raise PacketError(f"they are of different {what}: {shown}{step}")


def _blocks(parts: Iterable[Part]) -> set[object]:
    """Return the blocks that were read from; a run that could not pin one read nothing there."""
    return {
        (one.chain_id, one.block_number, one.block_hash)
        for one in parts
        if one.block_hash is not None
    }


def _short(value: object) -> str:
    if isinstance(value, tuple):
        shown = [_short(one) for one in value if one != ()]
        return "/".join(shown)
    return str(value)[:100]


def _shown_with_run(record: Record) -> Record:
    """Return a record whose measurements carry the run in their ids: numbers start at 1 in each."""
    if len(record.parts) != 1:
        return record  # a combination has done so
    prefix = f"{record.parts[0].run_id}/"
    named = {
        f"{prefix}{name}": replace(one, id=f"{prefix}{name}")
        for name, one in record.measurements.items()
    }
    results = {
        nodeid: replace(
            one,
            citations=tuple(
                replace(cited, measurement=f"{prefix}{cited.measurement}")
                for cited in one.citations
            ),
        )
        for nodeid, one in record.results.items()
    }
    return replace(record, measurements=named, results=results)


def _results(records: Sequence[Record]) -> dict[str, CheckResult]:
    """Return one result of each check: the worst, whole, and never two added up.

    Evidence of two runs that is too little in each must not become enough.
    """
    found: dict[str, CheckResult] = {}
    for record in records:
        for nodeid, result in record.results.items():
            known = found.get(nodeid)
            found[nodeid] = result if known is None else max(known, result, key=_badness)
    return dict(sorted(found.items()))


def _badness(result: CheckResult) -> tuple[int, bool, int, int, int, str]:
    # An item may accept a flaky check, so it must not stand before one that is worse for certain.
    flaky = result.code == "check-flaky"
    rank = Outcome.PASSED.rank if flaky else result.outcome.rank
    lost = result.attempts - result.passes
    # The text settles what is equal, so that the order of the shards does not.
    return (rank, flaky, lost, -result.passes, -len(result.met), repr(result))


def _repeated(records: Sequence[Record]) -> list[Finding]:
    counts = Counter(nodeid for record in records for nodeid in record.results)
    return [
        Finding(
            Verdict.GO,
            Reason("result-repeated", f"{nodeid}: several shards have a result; the worst counts"),
            nodeid,
        )
        for nodeid, count in counts.items()
        if count > 1
    ]


def _bindings(records: Sequence[Record]) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    for record in records:
        for nodeid, items in record.bindings.items():
            found.setdefault(nodeid, set()).update(items)
    return {nodeid: tuple(sorted(items)) for nodeid, items in sorted(found.items())}


def _distinct(values: Iterable[_T]) -> tuple[_T, ...]:
    """Return the distinct values in an order that does not depend on arrival."""
    return tuple(sorted(set(values), key=repr))


def _lost(why: str) -> Finding:
    step = "run that shard again and combine all of them anew"
    return Finding(Verdict.HOLD, Reason("shard-unreadable", why, step))


def _weight_of_exit(code: int | None) -> tuple[bool, bool, int]:
    return (code is None, code not in (0, 1), abs(code or 0))


def _target(records: Sequence[Record], parts: Sequence[Part]) -> Target:
    blocks = {(one.chain_id, one.block_number, one.block_hash) for one in parts}
    known = {one for one in blocks if one[2] is not None}
    chain_id, number, digest = known.pop() if len(known) == 1 else (None, None, None)
    return Target(
        chain_id=chain_id,
        block_number=number,
        block_hash=digest,
        code_hashes=_facts(one.target.code_hashes for one in records),
        api_versions=_facts(one.target.api_versions for one in records),
        migration_heads=_facts(one.target.migration_heads for one in records),
    )


def _facts(mappings: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return what was said of each subject; where two runs were told different, both."""
    found: dict[str, set[str]] = {}
    for each in mappings:
        for name, value in each.items():
            found.setdefault(name, set()).update(value.split(_JOINED))
    return {name: _JOINED.join(sorted(values)) for name, values in sorted(found.items())}
