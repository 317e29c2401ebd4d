"""``metarelease check``: recompute the verdict of a packet for a deploy job.

Nothing that the packet concludes is believed: the verdict is made anew from the recorded results,
with manifest, lock and approvals from the caller's own checkout. An approval may have come after
the run, and one that has expired since counts no more.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_metarelease.checklist import Checklist, Scope
from pytest_metarelease.cli.vouching import approvals_for
from pytest_metarelease.errors import PacketError, UsageError
from pytest_metarelease.gate import decide
from pytest_metarelease.gate.shards import oldest
from pytest_metarelease.gate.values import Verdict
from pytest_metarelease.lockfile import read_lock
from pytest_metarelease.manifest import find_manifest, load
from pytest_metarelease.manifest.amounts import read_seconds
from pytest_metarelease.manifest.scalars import Stage
from pytest_metarelease.reports import packet_line
from pytest_metarelease.reports.stored import carry_from, read_packet
from pytest_metarelease.reports.text import one_line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from pytest_metarelease.gate.values import Decision, GivenCarry, Record
    from pytest_metarelease.manifest.model import Manifest
    from pytest_metarelease.reports.stored import StoredPacket

_CLOCK_DIFFERENCE = timedelta(minutes=5)


def check(options: argparse.Namespace) -> int:
    """Print one line about the packet, and reasons; return the recomputed verdict's exit code."""
    path = find_manifest(Path.cwd(), options.release_manifest)
    if path is None:
        raise UsageError("no release.yaml here; name it with --release-manifest FILE")
    manifest = load(path).manifest
    stages, max_age = _wanted(options, manifest)
    try:
        due = len(_due(manifest, path, stages, options.environment))
        stored = read_packet(Path(options.packet), due)
        problems = list(_problems(stored, manifest, options, max_age))
        carries = [carry_from(Path(one)) for one in options.carry]
        decision = recompute(manifest, path, stored.record, stages, carries)
    except PacketError as error:
        _say(f"HOLD: {error}")
        return Verdict.HOLD.exit_code
    if not problems:
        _say(packet_line.render(decision), *_reasons(decision, stored))
        return decision.exit_code
    verdict = max(Verdict.HOLD, decision.verdict, key=lambda one: one.rank)
    _say(f"{verdict}: {'; '.join(problems)}", *_reasons(decision, stored))
    return verdict.exit_code


def recompute(
    manifest: Manifest,
    path: Path,
    record: Record,
    stages: Sequence[Stage],
    carries: Sequence[GivenCarry] = (),
) -> Decision:
    """Return the decision over whole stages, from recorded results and present approvals."""
    due = tuple(item.id for item in manifest.checklist if item.stage in stages)
    lock = read_lock(path.parent / "checks.lock")
    checklist = Checklist.of(manifest, record.environment)
    scope = Scope(" or ".join(stages), due, bool(due))
    approvals = approvals_for(manifest, path, record)
    moment = datetime.now(UTC).isoformat()
    return decide(checklist, scope, lock, record, approvals, carries, now=moment)


def _due(manifest: Manifest, path: Path, stages: Sequence[Stage], environment: str) -> set[str]:
    """Return the checks that the lock demands."""
    lock = read_lock(path.parent / "checks.lock")
    return {
        nodeid
        for item in manifest.checklist
        if item.stage in stages
        for nodeid in lock.checks(item.id, environment)
    }


def _wanted(options: argparse.Namespace, manifest: Manifest) -> tuple[tuple[Stage, ...], timedelta]:
    """Return stages and age that were asked for.

    Raises:
        UsageError: One of them, or the environment, is none.
    """
    if options.environment not in manifest.environments:
        known = ", ".join(manifest.environments)
        raise UsageError(
            f"--environment {options.environment}: {manifest.file} declares {known or 'none'}"
        )
    if options.run_id is not None and not options.run_id.strip():
        raise UsageError(
            "--run-id is empty: pass the id that `metarelease run` was given, or leave it out"
        )
    try:
        stages = tuple(dict.fromkeys(Stage(one) for one in options.stage))
        return stages, timedelta(seconds=read_seconds(options.max_age))
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{error}; stages are {', '.join(Stage)}") from error


def _problems(
    stored: StoredPacket, manifest: Manifest, options: argparse.Namespace, max_age: timedelta
) -> Iterator[str]:
    """Yield what makes the packet another one than the one that was asked for."""
    record = stored.record
    if not stored.finished:
        yield stored.title.removeprefix("HOLD: ")
    wanted = {
        "environment": (record.environment, options.environment),
        "commit": (record.release_commit, options.commit),
        "run id": (record.run_id, record.run_id if options.run_id is None else options.run_id),
    }
    for name, (found, expected) in wanted.items():
        if found != expected:
            whole = "; write the whole hash" if found.startswith(expected) else ""
            yield f"its {name} is {one_line(found, 100)}, not {one_line(expected, 100)}{whole}"
    if record.rehearsal and not manifest.environments[options.environment].sandbox:
        yield f"it is a rehearsal on a sandbox, and {options.environment} is none"
    if manifest.digest != record.manifest_digest:
        yield f"it was made with another manifest than {manifest.file}"
    # Beside a stage that has items, an empty one would pass unseen.
    for stage in dict.fromkeys(options.stage):
        if not any(item.stage == stage for item in manifest.checklist):
            yield f"the checklist has no {stage} items"
    yield from _age(record, options.max_age, max_age)


def _age(record: Record, asked: str, max_age: timedelta) -> Iterator[str]:
    """Yield that it is too old, or from the future; a combination is as old as its oldest part."""
    now = datetime.now(UTC)
    times = {_time(text) for text in (record.finished_at, oldest(record))}
    if max(times) > now + _CLOCK_DIFFERENCE:
        yield f"it is from the future ({record.finished_at})"
    if now - min(times) > max_age + _CLOCK_DIFFERENCE:
        yield f"it is older than {asked} ({oldest(record)})"


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise PacketError(f"record.json: {one_line(text, 60)!r} is no time") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _reasons(decision: Decision, stored: StoredPacket) -> Iterator[str]:
    if stored.finished and stored.said != decision.verdict.value:
        yield f"  the packet itself says {stored.said}; recomputed it is {decision.verdict}"
    yield from packet_line.reasons(decision)


def _say(*lines: str) -> None:
    print("\n".join([one_line(lines[0], 1_000), *lines[1:]]))  # noqa: T201 - a command speaks
