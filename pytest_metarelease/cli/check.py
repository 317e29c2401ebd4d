"""``metarelease check``: recompute the verdict of a packet for a deploy job.

Nothing that the packet concludes is believed: the verdict is made anew from the recorded results,
with manifest and lock from the caller's own checkout.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_metarelease.checklist import Checklist, Scope
from pytest_metarelease.errors import PacketError, UsageError
from pytest_metarelease.gate import decide
from pytest_metarelease.gate.record_json import record_from_json
from pytest_metarelease.gate.values import Verdict
from pytest_metarelease.lockfile import read_lock
from pytest_metarelease.manifest import find_manifest, load
from pytest_metarelease.manifest.amounts import read_seconds
from pytest_metarelease.manifest.scalars import Stage
from pytest_metarelease.reports import packet_line
from pytest_metarelease.reports.packet import read_json

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from pytest_metarelease.gate.values import Decision, Record
    from pytest_metarelease.manifest.model import Manifest

_CLOCK_DIFFERENCE = timedelta(minutes=5)


def check(options: argparse.Namespace) -> int:
    """Print one line about the packet and return the exit code of the recomputed verdict."""
    path = find_manifest(Path.cwd(), options.release_manifest)
    if path is None:
        raise UsageError("no release.yaml here; name it with --release-manifest FILE")
    stage, max_age = _wanted(options)
    folder = Path(options.packet)
    decision_on_disk = read_json(folder / "decision.json")
    record = _record(folder, decision_on_disk)
    now = datetime.now(UTC)
    problems = list(_problems(record, options, max_age, now))
    if decision_on_disk.get("state") != "finished":
        problems.append(str(decision_on_disk.get("title", "the run did not finish")))
    manifest = load(path).manifest
    if manifest.digest != record.manifest_digest:
        problems.append(f"it was made with another manifest than {path}")
    decision = recompute(manifest, path, record, stage)
    if problems:
        print(f"HOLD: {'; '.join(problems)}")  # noqa: T201 - a command speaks
        return max(Verdict.HOLD, decision.verdict, key=lambda one: one.rank).exit_code
    print(packet_line.render(decision))  # noqa: T201
    return decision.exit_code


def recompute(manifest: Manifest, path: Path, record: Record, stage: Stage) -> Decision:
    """Return the decision over the whole stage, from recorded results only."""
    due = tuple(item.id for item in manifest.checklist if item.stage is stage)
    lock = read_lock(path.parent / "checks.lock")
    checklist = Checklist.of(manifest, record.environment)
    return decide(
        checklist, Scope(stage.value, due, bool(due)), lock, record, now=record.finished_at
    )


def _wanted(options: argparse.Namespace) -> tuple[Stage, timedelta]:
    try:
        return Stage(options.stage), timedelta(seconds=read_seconds(options.max_age))
    except ValueError as error:
        raise UsageError(f"{error}; stages are {', '.join(Stage)}") from error


def _record(folder: Path, decision: Mapping[str, Any]) -> Record:
    """Return the record that the decision on disk was made from.

    Raises:
        PacketError: There is none, it is of another run, or a byte of it differs.
    """
    path = folder / "record.json"
    if not path.exists():
        raise PacketError(f"{folder}: {decision.get('title', 'the run did not finish')}")
    record = record_from_json(read_json(path))
    if decision.get("run_id") != record.run_id:
        raise PacketError(f"{folder}: decision.json and record.json are of different runs")
    if decision.get("state") == "finished" and (
        decision.get("record_digest") != hashlib.sha256(path.read_bytes()).hexdigest()
    ):
        raise PacketError(f"{path} is not the file that decision.json was written with")
    return record


def _problems(
    record: Record, options: argparse.Namespace, max_age: timedelta, now: datetime
) -> Iterator[str]:
    wanted = {
        "environment": (record.environment, options.environment),
        "commit": (record.release_commit, options.commit),
        "run id": (record.run_id, options.run_id or record.run_id),
    }
    for name, (found, expected) in wanted.items():
        if found != expected:
            yield f"its {name} is {found}, not {expected}"
    finished = _time(record.finished_at)
    if finished > now + _CLOCK_DIFFERENCE:
        yield f"it is from the future ({record.finished_at})"
    elif now - finished > max_age + _CLOCK_DIFFERENCE:
        yield f"it is older than {options.max_age} ({record.finished_at})"


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise PacketError(f"record.json: {text!r} is no time") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
