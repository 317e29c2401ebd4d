"""``metarelease combine``: one decision of the packets of a CI matrix.

Believes no packet's conclusion: results are merged and judged anew, with manifest and lock of the
checkout it runs in. What cannot be read is named, and its checks are not run.
"""

from __future__ import annotations

import os
import shutil
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_metarelease.checklist import Checklist, Scope
from pytest_metarelease.cli.vouching import approvals_for
from pytest_metarelease.errors import MetareleaseError, PacketError, UsageError
from pytest_metarelease.gate import decide
from pytest_metarelease.gate.combining import combine as combine_records
from pytest_metarelease.gate.values import Verdict
from pytest_metarelease.lockfile import read_lock
from pytest_metarelease.manifest import find_manifest, load
from pytest_metarelease.reports import markdown, terminal, writing
from pytest_metarelease.reports.gathering import gather
from pytest_metarelease.reports.packet import Packet
from pytest_metarelease.reports.stored import StoredPacket, carry_from, read_packet
from pytest_metarelease.reports.text import one_line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pytest_metarelease.gate.values import Decision, GivenCarry, Record
    from pytest_metarelease.manifest.model import Manifest


def combine(options: argparse.Namespace) -> int:
    """Write and print the decision over all packets; return the exit code of its verdict."""
    path = find_manifest(Path.cwd(), options.release_manifest)
    if path is None:
        raise UsageError("no release.yaml here; name it with --release-manifest FILE")
    # Shown in every message: as the user would type it.
    path = Path(os.path.relpath(path)) if path.is_relative_to(Path.cwd()) else path
    output = Path(options.output)
    folders = _folders(options.packets, output)
    manifest = load(path).manifest
    run_id = options.run_id or os.environ.get("RELEASE_RUN_ID") or str(uuid.uuid4())
    started_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    packet = Packet.claim(
        output,
        run_id=run_id,
        started_at=started_at,
        why="the packets of the shards were not combined to the end",
        state="unfinished",
    )
    try:
        carries = [carry_from(Path(one)) for one in options.carry]
        return _combine(folders, packet, manifest, path, run_id, carries)
    except (MetareleaseError, OSError) as error:
        text = one_line(f"not combined: {error}", 1_000)
        packet.write_tombstone(run_id=run_id, started_at=started_at, why=text, state="unfinished")
        print(f"HOLD: {text}")  # noqa: T201 - a command speaks
        return Verdict.HOLD.exit_code
    finally:
        packet.release()


def _folders(given: Sequence[str], output: Path) -> list[Path]:
    """Return the packets' folders.

    Raises:
        UsageError: One is named twice, or is the folder that is written.
    """
    folders = [Path(one) for one in given]
    resolved = [one.resolve() for one in folders]
    for folder, real in zip(folders, resolved, strict=True):
        if real == output.resolve():
            raise UsageError(f"{folder} is both read and written; name another --output DIR")
        if resolved.count(real) > 1:
            raise UsageError(f"{folder} is named twice")
    return folders


def _combine(
    folders: Sequence[Path],
    packet: Packet,
    manifest: Manifest,
    path: Path,
    run_id: str,
    carries: Sequence[GivenCarry],
) -> int:
    stored, lost = _read(folders)
    if not stored:
        raise PacketError("; ".join(lost))
    record = combine_records([one.record for one in stored], run_id, lost)
    decision = _decide(manifest, path, record, carries)
    gather(stored_folders(stored), packet.folder)
    digest = writing.write(decision, packet, allure=packet.folder / "allure-results")
    problem = writing.append_summary(
        markdown.render(decision), os.environ.get("GITHUB_STEP_SUMMARY", "")
    )
    width = shutil.get_terminal_size().columns
    for line in terminal.lines(decision, width, packet=str(packet.folder), digest=digest):
        print(line.text)  # noqa: T201
    if problem:
        print(problem)  # noqa: T201
    return decision.exit_code


def _read(folders: Sequence[Path]) -> tuple[list[StoredPacket], list[str]]:
    """Return the packets that can be read, and of each other one why not."""
    stored, lost = [], []
    for folder in folders:
        try:
            found = read_packet(folder)
        except PacketError as error:
            lost.append(one_line(str(error), 500))
            continue
        if found.usable:
            stored.append(found)
        else:
            lost.append(f"{folder}: {found.title.removeprefix('HOLD: ')}")
    return stored, lost


def stored_folders(stored: Sequence[StoredPacket]) -> list[tuple[str, Path]]:
    """Return a name for the files of each packet, and its folder."""
    return [
        ("" if len(one.record.parts) > 1 else one.record.parts[0].name, one.folder)
        for one in stored
    ]


def _decide(
    manifest: Manifest, path: Path, record: Record, carries: Sequence[GivenCarry]
) -> Decision:
    """Return the decision over what all parts were about, which is the same for each."""
    part = record.parts[0]
    chosen = set(part.items)
    stages = {item.stage for item in manifest.checklist if item.id in chosen}
    due = {item.id for item in manifest.checklist if item.stage in stages}
    return decide(
        Checklist.of(manifest, record.environment),
        Scope(part.expression, part.items, bool(chosen) and due <= chosen),
        read_lock(path.parent / "checks.lock"),
        record,
        approvals_for(manifest, path, record),
        carries,
        now=datetime.now(UTC).isoformat(),
    )
