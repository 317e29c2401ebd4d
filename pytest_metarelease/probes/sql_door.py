"""The one door to SQLAlchemy: connections that only read, and errors of ours instead of theirs.

It refuses to write (the database itself is told so), to create a SQLite file that is not there, to
wait beyond its time limit and to hold more rows than its bound. It keeps no connection, so that
what it says is about now.
"""

from __future__ import annotations

import contextlib
import decimal
import functools
import sqlite3
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import sqlalchemy
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from pytest_metarelease.errors import (
    DeadlineError,
    MalformedError,
    ProbeError,
    TooLargeError,
    UnsupportedError,
    UsageError,
)
from pytest_metarelease.probes.sql_effects import VIEWS, VOLATILE, refuse_effects, with_views
from pytest_metarelease.probes.sql_errors import first_line, translated
from pytest_metarelease.probes.sql_snapshot import SETTINGS, Digests, digests
from pytest_metarelease.probes.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MOST_ROWS = 10_000
MOST_BYTES = 64 * 2**20
_PART = 1_000
_CURSOR = "metarelease_reads"

# Parameters of Prisma's URLs that libpq does not know.
_PRISMA_ONLY = (
    "connection_limit", "pgbouncer", "pool_timeout", "socket_timeout", "sslaccept", "sslidentity",
    "statement_cache_size",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one answer, and the seconds of the query without connecting."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    seconds: float


class Door:
    """Connections to one database in read-only mode; errors of the library become ours.

    ``kind`` is ``sqlite`` or ``postgresql``; ``shown`` is the address without credentials.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self._timeout = timeout
        self._schema: str | None = None
        parsed = _parsed(url)
        self._url = parsed
        self.password = parsed.password
        self.kind = parsed.get_backend_name()
        self.shown = _shown(parsed)
        self._engine = self._sqlite(parsed) if self.kind == "sqlite" else self._postgres(parsed)

    def close(self) -> None:
        """Let go of the engine."""
        self._engine.dispose()

    def read(self, query: str, parameters: Mapping[str, Any], *, streamed: bool) -> Table:
        """Return the rows of a query that ``statement.reading_keyword`` has let pass.

        Raises:
            ProbeError: Of the class that fits; ``TooLargeError`` beyond 10,000 rows or 64 MiB.
        """
        with self.transaction() as connection:
            if self.kind == "postgresql":
                whole = with_views(query, functools.partial(_views, connection))
                refuse_effects(whole, functools.partial(_volatile, connection))
            return _read(connection, query, parameters, streamed=streamed)

    def _sqlite(self, url: URL) -> Engine:
        path = (url.database or "").removeprefix("file:").split("?")[0]
        if not path or path == ":memory:":
            raise UnsupportedError("a SQLite database in memory cannot be read by another process")

        def connect() -> sqlite3.Connection:
            target = f"file:{quote(path)}?mode=ro"
            connection = sqlite3.connect(target, uri=True, timeout=self._timeout)
            connection.execute("PRAGMA query_only = ON")
            until = time.monotonic() + self._timeout
            connection.set_progress_handler(lambda: time.monotonic() > until, 10_000)
            return connection

        return sqlalchemy.create_engine("sqlite://", creator=connect, poolclass=NullPool)

    def _postgres(self, url: URL) -> Engine:
        query = dict(url.query)
        schema = query.pop("schema", None)
        self._schema = schema if isinstance(schema, str) else None
        kept = {name: value for name, value in query.items() if name not in _PRISMA_ONLY}
        try:
            return sqlalchemy.create_engine(
                url.set(drivername="postgresql+psycopg", query=kept),
                poolclass=NullPool,
                connect_args={
                    "connect_timeout": max(2, round(self._timeout)),
                    "application_name": "pytest-metarelease",
                },
            )
        except ImportError:
            raise UnsupportedError(
                "the driver for PostgreSQL is missing: pip install pytest-metarelease[postgres]"
            ) from None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Give a connection in a read-only transaction that is rolled back at the end.

        Raises:
            ProbeError: Anything that the library raises, of the class that fits.
        """
        watch = Watch(self._timeout)
        try:
            with watch, self._engine.connect() as connection:
                if self.kind == "postgresql":
                    watch.over(_descriptor(connection))
                    connection.exec_driver_sql(self._limits())
                yield connection
        except DBAPIError as error:
            raise _ended(error, late=watch.fired) from None
        except (sqlite3.Error, SQLAlchemyError, OSError) as error:
            raise MalformedError(f"{type(error).__name__}: {first_line(error)}") from None

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[tuple[str, Digests]]:
        """Give the id of an exported snapshot of PostgreSQL and what its tables hold then.

        The snapshot can be read by others as long as the block lasts.

        Raises:
            UnsupportedError: It is another kind of database.
            ProbeError: Anything that the library raises, of the class that fits.
        """
        if self.kind != "postgresql":
            raise UnsupportedError(f"{self.kind} databases are not dumped; postgresql ones are")
        with self.transaction() as connection:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            connection.exec_driver_sql(SETTINGS)
            exported = connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one()
            # The driver reads a single % as the beginning of a parameter.
            found = digests(lambda one: connection.exec_driver_sql(one.replace("%", "%%")).all())
            yield str(exported), found

    def server_identity(self) -> str:
        """Return what tells a PostgreSQL cluster from every other; its replicas share it.

        Raises:
            ProbeError: It is another kind of database, or does not say.
        """
        if self.kind != "postgresql":
            raise UnsupportedError(f"{self.kind} databases have no server; postgresql ones have")
        with self.transaction() as connection:
            asked = "SELECT system_identifier::text FROM pg_control_system()"
            return str(connection.exec_driver_sql(asked).scalar_one())

    def address(self, database: str | None = None) -> str:
        """Return a URL for PostgreSQL's own programs, without the password."""
        query = {name: one for name, one in self._url.query.items() if name != "schema"}
        kept = {name: one for name, one in query.items() if name not in _PRISMA_ONLY}
        url = self._url.set(drivername="postgresql", query=kept)
        url = url if database is None else url.set(database=database)
        return URL.create(
            url.drivername, url.username, None, url.host, url.port, url.database, url.query
        ).render_as_string()

    def beside(self, database: str) -> Door:
        """Return a door to another database of the same server."""
        url = self._url.set(database=database).render_as_string(hide_password=False)
        return Door(url, self._timeout)

    def _limits(self) -> str:
        milliseconds = max(1, round(self._timeout * 1000))
        settings = [
            "SET TRANSACTION READ ONLY",
            # Also what a COMMIT in a function would begin next is read-only.
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
            f"SET LOCAL statement_timeout = {milliseconds}",
            f"SET LOCAL lock_timeout = {milliseconds}",
            "SET LOCAL TIME ZONE 'UTC'",
        ]
        if self._schema is not None:
            name = self._schema.replace('"', '""')
            settings.append(f'SET LOCAL search_path = "{name}"')
        return "; ".join(settings)


def _volatile(connection: Connection, names: Sequence[str]) -> list[str]:
    found = connection.execute(sqlalchemy.text(VOLATILE), {"names": list(names)})
    return [str(one) for one in found.scalars()]


def _views(connection: Connection, names: Sequence[str]) -> list[tuple[str, str]]:
    found = connection.execute(sqlalchemy.text(VIEWS), {"names": list(names)})
    return [(str(name), str(text)) for name, text in found]


def _descriptor(connection: Connection) -> int:
    raw = connection.connection.dbapi_connection
    return int(raw.fileno()) if raw is not None else -1


def _parsed(url: str) -> URL:
    if url.startswith("file:"):
        url = f"sqlite:///{url.removeprefix('file:')}"
    url = f"postgresql{url.removeprefix('postgres')}" if url.startswith("postgres:") else url
    try:
        parsed = make_url(url)
        kind = parsed.get_backend_name()
    except (ArgumentError, ValueError):
        raise UsageError(
            "the database's url is none; write for example sqlite:///orders.db or "
            "postgresql://user:password@host/name"
        ) from None
    if kind not in ("sqlite", "postgresql"):
        raise UnsupportedError(f"{kind} databases are not read yet; sqlite and postgresql are")
    return parsed


def _shown(url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        return f"sqlite:{url.database}"
    user = "***@" if url.username or url.password else ""
    port = f":{url.port}" if url.port else ""
    return f"postgresql://{user}{url.host or ''}{port}/{url.database or ''}"


def named_parameters(query: str) -> tuple[str, ...]:
    """Return the names of the parameters that ``query`` needs."""
    return tuple(sqlalchemy.text(query).compile().params)


def _ended(error: DBAPIError, *, late: bool) -> ProbeError:
    if late:
        return DeadlineError("the server did not answer in time; the connection was ended")
    return translated(error.orig or error)


def _read(
    connection: Connection, query: str, parameters: Mapping[str, Any], *, streamed: bool
) -> Table:
    started = time.perf_counter()
    if streamed and connection.dialect.name == "postgresql":
        columns, parts = _by_cursor(connection, query.strip().rstrip(";"), parameters)
    else:
        result = connection.execute(sqlalchemy.text(query), parameters)
        columns, parts = tuple(result.keys()), result.partitions(_PART)
    rows = _bounded(parts)
    return Table(columns, rows, time.perf_counter() - started)


def _by_cursor(
    connection: Connection, query: str, parameters: Mapping[str, Any]
) -> tuple[tuple[str, ...], Iterator[Sequence[Any]]]:
    """Read through a cursor of the server: the driver by itself would fetch all rows at once."""
    declare = f"DECLARE {_CURSOR} NO SCROLL CURSOR FOR {query}"
    connection.execute(sqlalchemy.text(declare), parameters)
    fetch = f"FETCH FORWARD {_PART} FROM {_CURSOR}"
    first = connection.exec_driver_sql(fetch)
    columns = tuple(first.keys())

    def parts() -> Iterator[Sequence[Any]]:
        part = first.all()
        yield part
        while len(part) == _PART:
            part = connection.exec_driver_sql(fetch).all()
            yield part

    return columns, parts()


def _bounded(parts: Iterator[Sequence[Any]]) -> tuple[tuple[Any, ...], ...]:
    rows: list[tuple[Any, ...]] = []
    size = 0
    for part in parts:
        for row in part:
            rows.append(tuple(map(_plain, row)))
            size += sum(len(one) for one in row if isinstance(one, str | bytes))
        if len(rows) > MOST_ROWS:
            raise TooLargeError(f"the query gives more than {MOST_ROWS} rows")
        if size > MOST_BYTES:
            raise TooLargeError(f"the query gives more than {MOST_BYTES} bytes")
    return tuple(rows)


def _plain(value: Any) -> Any:
    """Return a value that compares with what stands in a manifest or in a JSON answer."""
    if isinstance(value, decimal.Decimal):
        whole = value.is_finite() and value == value.to_integral_value()
        return int(value) if whole else float(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    return bytes(value) if isinstance(value, memoryview) else value
