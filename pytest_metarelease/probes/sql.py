"""The SQL probe: asks one declared database and puts every question on record.

It refuses every statement that is not a single one that reads; what the database itself refuses
besides is in ``sql_door``.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from pytest_metarelease.errors import (
    DeadlineError,
    ForbiddenError,
    MalformedError,
    ProbeError,
    RefusedError,
    TooLargeError,
    UnreachableError,
    UnsupportedError,
    UsageError,
)
from pytest_metarelease.probes.clock import utc_now
from pytest_metarelease.probes.document import Missing
from pytest_metarelease.probes.exchange import mark_unknown
from pytest_metarelease.probes.reading import Reading, show
from pytest_metarelease.probes.sql_door import Door, Table, named_parameters
from pytest_metarelease.probes.statement import STREAMED, reading_keyword

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pytest_metarelease.evidence import Measurement, Recorder, Sample
    from pytest_metarelease.manifest.model import Database
    from pytest_metarelease.probes.migrations import MigrationState

_NEXT: Mapping[type[ProbeError], str] = {
    UnreachableError: "see that the database runs and that this address leads to it",
    DeadlineError: "see what holds it up, or raise its `timeout` in the manifest",
    MalformedError: "correct the query, or see whether the migrations were applied",
    RefusedError: "let the verifying account read this",
    TooLargeError: "ask for less: count, limit or aggregate",
}


@dataclass(frozen=True, slots=True)
class Column(Reading):
    """A reading of one column, which can also be used as the list of its values."""

    def __iter__(self) -> Iterator[Any]:
        return iter(self.value)

    def __len__(self) -> int:
        return len(self.value)


class DatabaseProbe:
    """Reads from one declared database and records every question.

    In queries ``:name`` is a parameter; ``:cutoff`` is this moment where it is not given: on
    SQLite the text ``2026-01-31T12:00:00.000Z``, else a time with its zone.
    """

    def __init__(self, name: str, database: Database, *, recorder: Recorder) -> None:
        self.name = name
        self.subject = f"database:{name}"
        self.recorder = recorder
        self.timeout = database.timeout
        self._migrations = database.migrations
        self._door = Door(database.url, database.timeout)
        self.where = self._door.shown

    def close(self) -> None:
        """Let go of the engine; connections are closed after each question anyway."""
        self._door.close()

    @property
    def kind(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._door.kind

    def connect(self) -> Reading:
        """Return how many seconds a new connection takes, with its first transaction."""
        at, started = utc_now(), time.perf_counter()
        try:
            with self._door.transaction():
                seconds = time.perf_counter() - started
        except ProbeError as error:
            raise self._broken("connect", at, started, error) from None
        measurement = self._measured("connect", at, seconds, "connected")
        return self._reading(seconds, "seconds to connect", measurement)

    def ping(self) -> Reading:
        """Return how many seconds the simplest query takes on an open connection."""
        table, measurement = self._ask("SELECT 1", {}, streamed=False)
        return self._reading(table.seconds, "seconds of SELECT 1", measurement)

    def scalar(self, query: str, **parameters: Any) -> Reading:
        """Return the one value of a query; of no row, a value that meets no expectation.

        Raises:
            MalformedError: It gives more than one row or column.
            ProbeError: Not answered; see ``rows``.
        """
        table, measurement = self._ask(query, parameters)
        if len(table.rows) > 1 or len(table.columns) != 1:
            size = f"{len(table.rows)} rows of {len(table.columns)} columns"
            self._unfit(measurement, f"one value was asked for, {size} came")
        value = table.rows[0][0] if table.rows else Missing("no row")
        return self._reading(value, "value", measurement)

    def column(self, query: str, **parameters: Any) -> Column:
        """Return the values of a query of one column, as a reading that is iterable too.

        Raises:
            MalformedError: It gives more than one column.
            ProbeError: Not answered; see ``rows``.
        """
        table, measurement = self._ask(query, parameters)
        if len(table.columns) != 1:
            self._unfit(measurement, f"one column was asked for, {len(table.columns)} came")
        values = [row[0] for row in table.rows]
        return Column(values, table.columns[0], measurement, self.recorder, self.where)

    def rows(self, query: str, **parameters: Any) -> Reading:
        """Return the rows of a query, each a dict by column name.

        Raises:
            ForbiddenError: The statement does not only read; nothing was sent, or it was undone.
            UnreachableError, DeadlineError: No connection, or no answer in time.
            RefusedError: The account may not connect or read this.
            MalformedError: The database does not understand the statement.
            TooLargeError: There are more rows than 10,000.
            UsageError: A parameter of the query is not given.
        """
        table, measurement = self._ask(query, parameters)
        rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        return self._reading(rows, "rows", measurement)

    def table(self, name: str) -> Reading:
        """Return whether there is a table of this name, which may name its schema: ``a.orders``."""
        if self.kind == "sqlite":
            query = "SELECT count(*) > 0 FROM sqlite_master WHERE type = 'table' AND name = :name"
            given = name
        else:
            query = "SELECT to_regclass(:name) IS NOT NULL"
            given = ".".join(f'"{part}"' for part in name.split("."))
        found = self.scalar(query, name=given)
        return Reading(bool(found.value), f"table {name}", found.measurement, self.recorder)

    def migrations(self, root: Path) -> MigrationState:
        """Return how the database stands to the migrations of the release.

        ``root`` is the manifest's folder.

        Raises:
            UsageError: The manifest declares no migrations of this database, or there are none.
            ProbeError: The database did not answer.
        """
        from pytest_metarelease.probes.migrations import migration_state

        if self._migrations is None:
            raise UsageError(f"the manifest declares no migrations of {self.name}")
        return migration_state(self, self._migrations, root)

    def _ask(
        self, query: str, parameters: Mapping[str, Any], *, streamed: bool = True
    ) -> tuple[Table, Measurement]:
        keyword = reading_keyword(query)
        given = self._parameters(query, parameters)
        asked = " ".join(query.split())
        if parameters:
            asked += f"  with {show(dict(parameters))}"
        at, started = utc_now(), time.perf_counter()
        try:
            table = self._door.read(query, given, streamed=streamed and keyword in STREAMED)
        except ProbeError as error:
            raise self._broken(asked, at, started, error) from None
        return table, self._measured(asked, at, table.seconds, _summary(table))

    def _parameters(self, query: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        named = named_parameters(query)
        now = {"cutoff": _moment(datetime.now(UTC), self.kind)}
        given = {**now, **{name: _moment(one, self.kind) for name, one in parameters.items()}}
        missing = sorted(set(named) - set(given))
        if missing:
            raise UsageError(f"the query needs {', '.join(missing)}; pass it by its name")
        return {name: given[name] for name in named}

    def measured(
        self, asked: str, at: str, seconds: float, answer: str, sample: Sample | None = None
    ) -> Reading:
        """Record something that was counted over several questions to this database."""
        measurement = self._measured(asked, at, seconds, answer, sample)
        return self._reading(answer, asked, measurement)

    def _measured(
        self, asked: str, at: str, seconds: float, answer: str, sample: Sample | None = None
    ) -> Measurement:
        return self.recorder.measured(
            subject=self.subject,
            probe="sql",
            asked=f"{self.where}: {asked}",
            at=at,
            duration=seconds,
            answer=answer,
            sample=sample,
        )

    def _reading(self, value: Any, name: str, measurement: Measurement) -> Reading:
        return Reading(value, name, measurement, self.recorder)

    def _broken(self, asked: str, at: str, started: float, error: ProbeError) -> ProbeError:
        if isinstance(error, ForbiddenError | UnsupportedError):
            return error
        seconds = time.perf_counter() - started
        measurement = self._measured(asked, at, seconds, f"no answer: {error}")
        next_step = _NEXT.get(type(error), "")
        mark_unknown(self.recorder, measurement, error, "an answer", next_step)
        text = f"{measurement.asked}: {error}\nnext      {next_step}"
        return type(error)(self.recorder.redact(text))

    def _unfit(self, measurement: Measurement, text: str) -> NoReturn:
        error = MalformedError(f"{measurement.asked}: {text}")
        mark_unknown(self.recorder, measurement, error, "one value in each row", "name one column")
        raise error


def _summary(table: Table) -> str:
    if len(table.rows) == 1 and len(table.columns) == 1:
        return f"1 row: {show(table.rows[0][0], 200)}"
    head = ", ".join(show(row[0] if len(row) == 1 else row, 60) for row in table.rows[:5])
    return f"{len(table.rows)} rows" + (f": {head}" if head else "")


def _moment(value: Any, kind: str) -> Any:
    if isinstance(value, datetime) and kind == "sqlite":
        # SQLite has no times; this is how most tools write them, and it sorts after a blank.
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value
