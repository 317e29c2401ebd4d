"""Migrations that a database has, against those that the release carries: exactly the same.

It refuses to apply anything, and to take a database that has more than the release for one that
has enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import UnmetError, UsageError
from pytest_metarelease.evidence import Judgement, Measurement, Recorder
from pytest_metarelease.probes.migration_files import (
    MigrationFile,
    Revision,
    alembic_revisions,
    named_files,
    prisma_files,
)
from pytest_metarelease.probes.reading import failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_metarelease.manifest.model import Migrations
    from pytest_metarelease.probes.sql import DatabaseProbe

_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationState:
    """How the database stands to the release; all names in order.

    ``pending`` are in the release and not applied; ``failed`` were begun and neither finished nor
    rolled back; ``unknown`` are applied and not in the release; ``edited`` were changed in the
    release after they were applied. ``head`` is the last one that the database has.
    """

    applied: tuple[str, ...]
    pending: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    head: str | None
    measurement: Measurement
    recorder: Recorder

    @property
    def problems(self) -> tuple[str, ...]:
        """What keeps the database from being exactly that of the release."""
        kinds = {
            "pending": self.pending,
            "failed": self.failed,
            "unknown to the release": self.unknown,
            "edited after they were applied": self.edited,
        }
        return tuple(f"{kind}: {_listed(names)}" for kind, names in kinds.items() if names)

    def expect_exact(self, *, next_step: str = "") -> MigrationState:
        """Judge that the database has exactly the migrations of the release; return this state.

        Raises:
            UnmetError: It has not; every one that differs is named.
        """
        expected = "exactly the migrations of the release"
        met = not self.problems
        actual = f"{len(self.applied)} applied, head {self.head}"
        if not met:
            actual = "; ".join(self.problems)
        step = "" if met else next_step or self._next_step()
        self.recorder.judge(
            self.measurement,
            Judgement.MET if met else Judgement.UNMET,
            expected=expected,
            actual=actual,
            where=self.measurement.asked,
            next_step=step,
        )
        if met:
            return self
        raise UnmetError(
            failure(
                expected=expected,
                actual=actual,
                read=self.measurement.asked,
                next_step=step,
                redact=self.recorder.redact,
            )
        )

    def _next_step(self) -> str:
        if self.failed:
            return "mend the failed migration and resolve it before anything else"
        if self.unknown or self.edited:
            return "find out who changed the database or the migrations outside of this release"
        return "apply the pending migrations"


def migration_state(database: DatabaseProbe, declared: Migrations, root: Path) -> MigrationState:
    """Return how ``database`` stands to the migrations below ``root``, the manifest's folder.

    A database without the table of the tool has none applied: that is an answer, not an error.

    Raises:
        UsageError: The release has no migrations where the manifest says.
        ProbeError: The database did not answer.
    """
    folder = root / declared.path
    if declared.tool == "prisma":
        return _prisma(database, prisma_files(folder))
    if declared.tool == "alembic":
        return _alembic(database, alembic_revisions(folder))
    if declared.table is None or declared.column is None:
        raise UsageError("migrations of the tool `table` need `table` and `column`")
    return _table(database, named_files(folder), declared.table, declared.column)


def _prisma(database: DatabaseProbe, files: Sequence[MigrationFile]) -> MigrationState:
    query = (
        "SELECT migration_name AS name, checksum, finished_at IS NOT NULL AS finished, "
        "rolled_back_at IS NOT NULL AS undone "
        "FROM _prisma_migrations ORDER BY started_at, migration_name"
    )
    rows, measurement = _rows(database, "_prisma_migrations", query)
    # One that was rolled back may have been applied again later, with a row of its own.
    live = [row for row in rows if not row["undone"]]
    done = [row for row in live if row["finished"]]
    released = {file.name: file.checksum for file in files}
    applied = tuple(dict.fromkeys(row["name"] for row in done))
    failed = tuple(row["name"] for row in live if not row["finished"])
    return MigrationState(
        applied=applied,
        pending=tuple(name for name in released if name not in {*applied, *failed}),
        failed=failed,
        unknown=tuple(name for name in applied if name not in released),
        edited=tuple(
            row["name"]
            for row in done
            if row["name"] in released and row["checksum"] != released[row["name"]]
        ),
        head=max(applied, default=None),
        measurement=measurement,
        recorder=database.recorder,
    )


def _alembic(database: DatabaseProbe, revisions: tuple[Revision, ...]) -> MigrationState:
    query = "SELECT version_num AS name FROM alembic_version ORDER BY version_num"
    rows, measurement = _rows(database, "alembic_version", query)
    present = tuple(str(row["name"]) for row in rows)
    known = {one.name: one for one in revisions}
    applied = _with_earlier(present, known)
    return MigrationState(
        applied=tuple(sorted(applied)),
        pending=tuple(one.name for one in revisions if one.name not in applied),
        unknown=tuple(name for name in present if name not in known),
        head=", ".join(present) or None,
        measurement=measurement,
        recorder=database.recorder,
    )


def _with_earlier(present: Sequence[str], known: dict[str, Revision]) -> set[str]:
    """Return the revisions that the database has: Alembic records only the last ones."""
    applied: set[str] = set()
    open_ = [name for name in present if name in known]
    while open_:
        name = open_.pop()
        if name not in applied:
            applied.add(name)
            open_ += [one for one in known[name].after if one in known]
    return applied


def _table(
    database: DatabaseProbe, files: Sequence[MigrationFile], table: str, column: str
) -> MigrationState:
    query = f"SELECT {_quoted(column)} AS name FROM {_quoted(table)} ORDER BY 1"  # noqa: S608 - names of the manifest, quoted
    rows, measurement = _rows(database, table, query)
    released = tuple(file.name for file in files)
    applied = tuple(_stem(str(row["name"]), released) for row in rows)
    return MigrationState(
        applied=applied,
        pending=tuple(name for name in released if name not in applied),
        unknown=tuple(name for name in applied if name not in released),
        head=applied[-1] if applied else None,
        measurement=measurement,
        recorder=database.recorder,
    )


def _rows(
    database: DatabaseProbe, table: str, query: str
) -> tuple[list[dict[str, Any]], Measurement]:
    there = database.table(table)
    if not there.value:
        return [], there.measurement
    reading = database.rows(query)
    return reading.value, reading.measurement


def _stem(name: str, released: Sequence[str]) -> str:
    """Return ``name`` as the release names it: tools record it with or without a suffix."""
    stem = Path(name).stem
    return stem if name not in released and stem in released else name


def _quoted(name: str) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
