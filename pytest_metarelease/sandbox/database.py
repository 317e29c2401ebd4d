"""The order book's database: SQLite in a file, or PostgreSQL, by plain drivers.

Refuses to pool or to retry: a database that is gone must be noticed by the next question. SQLite
is opened per question, because an open file survives being moved away.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SQLITE = "sqlite:///"
#: How long a question may wait for the database, in seconds.
PATIENCE = 2


class Unavailable(Exception):  # noqa: N818 - a state of the database, not a fault of the asker
    """The database cannot be opened or does not answer."""


class Duplicate(Exception):  # noqa: N818 - what the row is
    """A unique key is taken."""


class Database(Protocol):
    """What the product asks of its database; ``?`` stands for a parameter."""

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query."""

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Execute and commit one statement."""

    def script(self, sql: str) -> None:
        """Execute and commit several statements."""

    def close(self) -> None:
        """Let go of what this thread holds."""

    def connections(self) -> int:
        """How many connections this process holds."""


def connect(url: str) -> Database:
    """The database at a SQLAlchemy URL (``sqlite:////abs/path`` or ``postgresql+psycopg://``)."""
    if url.startswith(_SQLITE):
        return Sqlite(Path(url.removeprefix(_SQLITE)))
    return Postgres(libpq_url(url))


def libpq_url(url: str) -> str:
    """The URL without SQLAlchemy's driver name, as PostgreSQL's own client reads it."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme.partition('+')[0]}{separator}{rest}"


class Sqlite:
    """A file, opened read-write and never created by a question."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            uri = f"{self._path.absolute().as_uri()}?mode=rw"
            with closing(sqlite3.connect(uri, uri=True, timeout=PATIENCE)) as connection:
                yield connection
        except sqlite3.IntegrityError as problem:
            raise Duplicate(str(problem)) from problem
        except sqlite3.Error as problem:
            raise Unavailable(str(problem)) from problem

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self._open() as connection:
            return connection.execute(sql, tuple(parameters)).fetchall()

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Execute and commit one statement."""
        with self._open() as connection, connection:
            connection.execute(sql, tuple(parameters))

    def script(self, sql: str) -> None:
        """Execute and commit several statements."""
        with self._open() as connection:
            connection.executescript(sql)

    def close(self) -> None:
        """Nothing is held between questions."""

    def connections(self) -> int:
        """One, while a question is asked."""
        return 1


class Postgres:
    """A server; one connection per thread, dropped as soon as anything goes wrong on it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._own = threading.local()
        self._connections = 0

    @contextmanager
    def _open(self) -> Iterator[Any]:
        import psycopg

        try:
            yield self._connection()
        except psycopg.errors.UniqueViolation as problem:
            raise Duplicate(str(problem)) from problem
        except psycopg.Error as problem:
            self.close()
            raise Unavailable(str(problem).strip()) from problem

    def _connection(self) -> Any:
        import psycopg

        if getattr(self._own, "connection", None) is None:
            self._own.connection = psycopg.connect(
                self._url,
                autocommit=True,
                connect_timeout=PATIENCE,
                options=f"-c statement_timeout={PATIENCE}s",
            )
            self._connections += 1
        return self._own.connection

    def close(self) -> None:
        """Close this thread's connection."""
        connection, self._own.connection = getattr(self._own, "connection", None), None
        if connection is not None:
            self._connections -= 1
            connection.close()

    def connections(self) -> int:
        """One for each thread that has asked something."""
        return self._connections

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self._open() as connection:
            return list(connection.execute(sql.replace("?", "%s"), tuple(parameters)).fetchall())

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Execute and commit one statement."""
        with self._open() as connection:
            connection.execute(sql.replace("?", "%s"), tuple(parameters))

    def script(self, sql: str) -> None:
        """Execute and commit several statements."""
        with self._open() as connection:
            connection.execute(sql)
