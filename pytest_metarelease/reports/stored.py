"""A packet on disk: read whole, compared with its own digests, and not believed.

Nothing here judges a release; a packet that is torn or changed is an error that names it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_metarelease.errors import PacketError
from pytest_metarelease.gate.record_json import record_from_json
from pytest_metarelease.gate.values import GivenCarry, Record, State
from pytest_metarelease.reports.packet import read_json
from pytest_metarelease.reports.remains import progress
from pytest_metarelease.reports.text import one_line


@dataclass(frozen=True, slots=True)
class StoredPacket:
    """What a packet holds: the record, and what its own decision concluded from it."""

    folder: Path
    record: Record
    decision: Mapping[str, Any]

    @property
    def finished(self) -> bool:
        """True where the run came to its end and nothing overtook its decision."""
        return self.decision.get("state") == "finished"

    @property
    def usable(self) -> bool:
        """True where the record is the one that a decision was made from, finished or not."""
        return self.finished or (
            self.decision.get("state") == "unfinished" and "record_digest" in self.decision
        )

    @property
    def said(self) -> str:
        """The verdict that the packet claims."""
        return one_line(str(self.decision.get("verdict", "no verdict")), 40)

    @property
    def title(self) -> str:
        """What the packet says first."""
        return one_line(str(self.decision.get("title", "the run did not finish")), 300)


def read_packet(folder: Path, due: int = 0) -> StoredPacket:
    """Return what is in ``folder``; ``due`` is how many checks should have run, for messages.

    Raises:
        PacketError: It is missing, torn, changed, or of a run that left no record.
    """
    decision = read_json(folder / "decision.json")
    path = folder / "record.json"
    if not path.exists():
        raise PacketError(f"{folder}: {_cause(folder, decision, due)}")
    record = record_from_json(read_json(path))
    if decision.get("run_id") != record.run_id:
        raise PacketError(f"{folder}: decision.json and record.json are of different runs")
    digest = decision.get("record_digest")
    needed = digest is not None or decision.get("state") == "finished"
    if needed and digest != hashlib.sha256(path.read_bytes()).hexdigest():
        raise PacketError(f"{path} is not the file that decision.json was written with")
    return StoredPacket(folder, record, decision)


def _cause(folder: Path, decision: Mapping[str, Any], due: int) -> str:
    title = one_line(str(decision.get("title", "the run did not finish")), 300)
    # The caller says HOLD already.
    parts = [title.removeprefix("HOLD: ")]
    if decision.get("state") == "unfinished":
        parts.append(progress(folder, due) or "it died before its first check")
    if decision.get("state") == "finished":
        parts.append("its record.json is gone, so nothing can be recomputed")
    return "; ".join(parts)


def carry_from(folder: Path, below: Path = Path()) -> GivenCarry:
    """Return a packet to carry items from; one that cannot be read says why, and carries nothing.

    ``folder`` is named as it was given, relative to ``below``.
    """
    name = one_line(str(folder), 200)
    try:
        stored = read_packet(below / folder)
    except PacketError as error:
        return GivenCarry(folder=name, problem=one_line(str(error), 500))
    if not stored.finished:
        return GivenCarry(folder=name, problem=stored.title.removeprefix("HOLD: "))
    items = stored.decision.get("items")
    named = [one for one in items if isinstance(one, dict)] if isinstance(items, list) else []
    carried = [str(one.get("id")) for one in named if one.get("state") == State.CARRIED]
    return GivenCarry(folder=name, record=stored.record, carried=tuple(carried))
