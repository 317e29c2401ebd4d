"""The database of one sandbox, from its making to its end: a file, or one in PostgreSQL.

Refuses to use a database that was there before.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_metarelease.errors import SandboxError
from pytest_metarelease.sandbox import scratch
from pytest_metarelease.sandbox.database import Unavailable, connect, libpq_url
from pytest_metarelease.sandbox.migrate import migrate
from pytest_metarelease.sandbox.orders import newest, seed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_metarelease.sandbox.plan import Plan

VARIABLE = "RELEASE_SANDBOX_DATABASE_URL"


@dataclass(frozen=True, slots=True)
class Book:
    """Where the order book is kept: ``url`` for SQLAlchemy; in PostgreSQL also server and name."""

    url: str
    folder: Path
    server: str | None = None
    name: str = ""

    @classmethod
    def choose(cls, folder: Path, environment: Mapping[str, str]) -> Book:
        """In PostgreSQL where ``RELEASE_SANDBOX_DATABASE_URL`` names a server, else in a file.

        Raises:
            SandboxError: the variable names another kind of database, or the driver is missing.
        """
        server = environment.get(VARIABLE)
        if not server:
            home = folder / "database"
            return cls(f"sqlite:///{(home / 'orders.db').absolute()}", home)
        if not server.startswith(("postgresql://", "postgresql+psycopg://", "postgres://")):
            raise SandboxError(f"{VARIABLE} must be a postgresql:// URL, or unset for SQLite")
        name = scratch.scratch_name()
        return cls(scratch.scratch_url(server, name), folder, server, name)

    def fill(self, plan: Plan) -> None:
        """Make the database, apply the migrations, seed orders.

        Raises:
            SandboxError: the server cannot be used.
        """
        try:
            self._create()
            database = connect(self.url)
            migrate(database, without_last=plan.has("migration-missing"))
            seed(database, plan)
            if plan.has("data-broken"):
                database.run(
                    "UPDATE orders SET sell_amount = '0' WHERE id = ?", (newest(database, 2)[1].id,)
                )
            database.close()
        except (Unavailable, scratch.ScratchError) as problem:
            raise SandboxError(f"the order book could not be made: {problem}") from problem

    def _create(self) -> None:
        if self.server is not None:
            scratch.create(self.server, self.name)
        else:
            self.folder.mkdir()
            (self.folder / "orders.db").touch()

    def known_order(self) -> str:
        """Return the id of an order that is in the book.

        Raises:
            SandboxError: the book cannot be read.
        """
        database = connect(self.url)
        try:
            return newest(database, 1)[0].id
        except Unavailable as problem:
            raise SandboxError(f"the order book could not be read: {problem}") from problem
        finally:
            database.close()

    def take_away(self) -> None:
        """Make the database unreachable, for everybody, though it was there a moment ago."""
        if self.server is not None:
            scratch.take_away(self.server, self.name)
        else:
            # The whole folder: a client that creates missing files must fail as well.
            self.folder.rename(self.folder.with_name("database.gone"))

    def give_back(self) -> None:
        """Undo ``take_away``."""
        if self.server is not None:
            scratch.give_back(self.server, self.name)
        else:
            self.folder.with_name("database.gone").rename(self.folder)

    def lock(self) -> Callable[[], None]:
        """Lock the orders, so that whoever asks for them waits; returns what unlocks them."""
        if self.server is None:
            path = self.folder / "orders.db"
            file = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            file.execute("BEGIN EXCLUSIVE")
            return file.close
        import psycopg

        connection = psycopg.connect(libpq_url(self.url), connect_timeout=5)
        connection.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        return connection.close

    def drop(self) -> None:
        """Leave nothing in the server; a file goes with its folder."""
        if self.server is not None:
            scratch.drop(self.server, self.name)
