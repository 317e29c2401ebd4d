"""Backups and restores: what is not there or not restored is none, and nothing is left behind."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from pytest_metarelease.errors import (
    DeadlineError,
    ForbiddenError,
    MalformedError,
    ProbeError,
    UnmetError,
    UnreachableError,
    UnsupportedError,
)
from pytest_metarelease.evidence import Notebook
from pytest_metarelease.manifest.model import Database
from pytest_metarelease.manifest.scalars import Access, Seconds
from pytest_metarelease.manifest.storage import Backups, RestoreDrill
from pytest_metarelease.probes.backups import newest_backup
from pytest_metarelease.probes.restoring import rehearse_restore
from pytest_metarelease.probes.sql import DatabaseProbe
from pytest_metarelease.probes.sql_snapshot import differences
from tests.postgres import postgres_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_metarelease.probes.reading import Reading

DAY = Seconds(86_400)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres_server() as url:
        yield url


@pytest.fixture
def source(server: str) -> Iterator[str]:
    """A database of its own with two tables of different schemas."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE source")
    url = server.removesuffix("postgres") + "source"
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE orders (id int primary key, name text, paid float8)")
        connection.execute(
            "INSERT INTO orders SELECT n, 'o' || n, n / 7.0 FROM generate_series(1, 500) n"
        )
        connection.execute(
            'CREATE SCHEMA "Odd one"; CREATE TABLE "Odd one"."50 %s" (at timestamptz)'
        )
        connection.execute('INSERT INTO "Odd one"."50 %s" VALUES (now())')
    yield url
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP DATABASE source WITH (FORCE)")


@pytest.fixture
def notebook() -> Notebook:
    book = Notebook()
    book.check = "check"
    return book


def rehearse(
    url: str,
    server: str,
    notebook: Notebook,
    access: Access = Access.TRANSACT,
    timeout: float = 60,
) -> Reading:
    declared = Database(url=url)
    drill = RestoreDrill(server=server, timeout=Seconds(timeout))
    with contextlib.closing(DatabaseProbe("orders", declared, recorder=notebook)) as database:
        return rehearse_restore(database, declared, drill, access)


def databases(server: str) -> set[str]:
    with psycopg.connect(server) as connection:
        return {name for (name,) in connection.execute("SELECT datname FROM pg_database")}


def test_tables_that_differ_are_named() -> None:
    before = {"a": (1, "5"), "b": (2, "6"), "c": (3, "7")}
    assert differences({}, {}) == []
    assert differences(before, before) == []
    assert differences(before, {"a": (1, "6"), "b": (1, "6"), "d": (0, "0")}) == [
        "a has other content in 1 rows",
        "b has 1 rows instead of 2",
        "c is missing",
        "d is new",
    ]


def test_nothing_to_compare_is_no_restore(server: str, notebook: Notebook) -> None:
    with pytest.raises(MalformedError, match="there is no table"):
        rehearse(server, server, notebook)


def test_sqlite_is_not_dumped(tmp_path: Path, server: str, notebook: Notebook) -> None:
    (tmp_path / "a.db").touch()
    with pytest.raises(UnsupportedError):
        rehearse(f"sqlite:///{tmp_path}/a.db", server, notebook)


def test_what_is_restored_is_the_same(source: str, server: str, notebook: Notebook) -> None:
    before = databases(server)
    found = rehearse(source, server, notebook)
    assert "2 tables, 501 rows: same" in str(found.measurement.answer)
    found.expect("same")
    assert databases(server) == before


def test_a_server_that_may_only_be_read_is_no_scratch_server(
    source: str, server: str, notebook: Notebook
) -> None:
    before = databases(server)
    other_name = server.replace("127.0.0.1", "localhost")
    with pytest.raises(ForbiddenError, match="declare another server"):
        rehearse(source, other_name, notebook, Access.READ_ONLY)
    assert databases(server) == before


def test_a_dump_that_cannot_be_restored_is_said_and_dropped(
    source: str, server: str, notebook: Notebook
) -> None:
    """A constraint that asks a table by its bare name: no restore finds it."""
    with psycopg.connect(source) as connection:
        connection.execute(
            "CREATE FUNCTION known(int) RETURNS bool LANGUAGE sql AS "
            "'SELECT count(*) >= 0 FROM orders'"
        )
        connection.execute("CREATE TABLE paid (id int CHECK (known(id)))")
        connection.execute("INSERT INTO paid VALUES (1)")
    before = databases(server)
    with pytest.raises(ProbeError, match="pg_restore ended with 1"):
        rehearse(source, server, notebook)
    assert databases(server) == before


def test_a_step_that_takes_too_long_ends(source: str, server: str, notebook: Notebook) -> None:
    before = databases(server)
    with psycopg.connect(source) as holder:
        holder.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(DeadlineError):
            rehearse(source, server, notebook, timeout=1)
    assert databases(server) == before


# -- the age of backups


def newest(declared: Backups, root: Path, notebook: Notebook, url: str = "") -> Reading:
    (root / "a.db").touch()
    database = DatabaseProbe(
        "orders", Database(url=url or f"sqlite:///{root}/a.db"), recorder=notebook
    )
    with contextlib.closing(database):
        return newest_backup(database, declared, root)


def test_no_backup_is_not_young(tmp_path: Path, notebook: Notebook) -> None:
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / "empty.dump").touch()
    (tmp_path / "backups" / "notes.txt").write_text("x")
    declared = Backups(max_age=DAY, folder="backups", pattern="*.dump")
    with pytest.raises(UnmetError, match="no backup"):
        newest(declared, tmp_path, notebook).at_most(DAY)


def test_a_folder_that_is_not_there_is_unknown(tmp_path: Path, notebook: Notebook) -> None:
    with pytest.raises(UnreachableError):
        newest(Backups(max_age=DAY, folder="nowhere"), tmp_path, notebook)


def test_the_newest_file_counts(tmp_path: Path, notebook: Notebook) -> None:
    declared = Backups(max_age=DAY, folder=".", pattern="*.dump")
    for name, age in (("old.dump", 500_000), ("new.dump", 100_000)):
        (tmp_path / name).write_text("x")
        os.utime(tmp_path / name, (time.time() - age, time.time() - age))
    with pytest.raises(UnmetError):
        newest(declared, tmp_path, notebook).at_most(DAY)
    os.utime(tmp_path / "old.dump", None)
    newest(declared, tmp_path, notebook).at_most(DAY)


def test_a_backup_of_tomorrow_is_none(tmp_path: Path, notebook: Notebook) -> None:
    (tmp_path / "a.dump").write_text("x")
    os.utime(tmp_path / "a.dump", (time.time() + 9_000, time.time() + 9_000))
    with pytest.raises(MalformedError, match="from the future"):
        newest(Backups(max_age=DAY, folder=".", pattern="*.dump"), tmp_path, notebook)


@pytest.mark.parametrize("value", ["localtimestamp", "'soon'", "7"])
def test_a_time_without_a_zone_is_no_time(
    value: str, server: str, tmp_path: Path, notebook: Notebook
) -> None:
    with pytest.raises(MalformedError):
        newest(Backups(max_age=DAY, query=f"select {value}"), tmp_path, notebook, server)


def test_a_query_knows_the_newest(server: str, tmp_path: Path, notebook: Notebook) -> None:
    young = Backups(max_age=DAY, query="select now() - interval '1 hour'")
    newest(young, tmp_path, notebook, server).at_most(DAY)
    none = Backups(max_age=DAY, query="select null::timestamptz")
    with pytest.raises(UnmetError, match="no backup"):
        newest(none, tmp_path, notebook, server).at_most(DAY)
