"""Limits of databases: what was not measured keeps none, and what breaks one is named."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import psycopg
import pytest

from pytest_metarelease.errors import (
    ForbiddenError,
    MalformedError,
    TooFewSamplesError,
    UnmetError,
    UnsupportedError,
)
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.model import Database
from pytest_metarelease.manifest.scalars import Seconds, Share
from pytest_metarelease.manifest.storage import Connections, Replication, TimedQuery
from pytest_metarelease.probes.sql import DatabaseProbe
from pytest_metarelease.probes.sql_limits import expect_fast, expect_replicas, expect_room
from tests.postgres import postgres_server, replica_of
from tests.sandbox.world import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres_server() as url:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE orders (id int primary key)")
            connection.execute("CREATE ROLE guest LOGIN")
        yield url


@pytest.fixture
def notebook() -> Notebook:
    book = Notebook()
    book.check = "check"
    return book


@contextlib.contextmanager
def probe(url: str, notebook: Notebook) -> Iterator[DatabaseProbe]:
    with contextlib.closing(DatabaseProbe("orders", Database(url=url), recorder=notebook)) as one:
        yield one


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "orders.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE orders (id integer primary key)")
    return f"sqlite:///{path}"


def judged(notebook: Notebook) -> set[Judgement]:
    return {one.judgement for one in notebook.citations["check"]} - {Judgement.NONE}


def test_sqlite_has_neither_connections_nor_replicas(file: str, notebook: Notebook) -> None:
    with probe(file, notebook) as database:
        with pytest.raises(UnsupportedError, match="no connections"):
            expect_room(database, Connections())
        with pytest.raises(UnsupportedError, match="no replication"):
            expect_replicas(database, Replication(lag=Seconds(1)))
    assert "check" not in notebook.citations


def test_too_few_samples_keep_no_percentile(file: str, notebook: Notebook) -> None:
    declared = TimedQuery(query="select count(*) from orders", p95=Seconds(60), samples=58)
    with probe(file, notebook) as database, pytest.raises(TooFewSamplesError, match="58 samples"):
        expect_fast(database, "count", declared)
    assert judged(notebook) == {Judgement.UNKNOWN}


def test_no_time_to_sample_keeps_no_percentile(file: str, notebook: Notebook) -> None:
    declared = TimedQuery(query="select 1", p95=Seconds(60), within=Seconds(0))
    with probe(file, notebook) as database, pytest.raises(TooFewSamplesError, match="0 samples"):
        expect_fast(database, "one", declared)
    assert judged(notebook) == {Judgement.UNKNOWN}


def test_a_fast_query_keeps_its_limits(file: str, notebook: Notebook) -> None:
    declared = TimedQuery(query="select 1", p50=Seconds(60), p95=Seconds(60))
    with probe(file, notebook) as database:
        expect_fast(database, "one", declared)
    assert judged(notebook) == {Judgement.MET}


def test_a_slow_query_breaks_its_limit(server: str, notebook: Notebook) -> None:
    declared = TimedQuery(query="select pg_sleep(0.02)", p50=Seconds(0.01), samples=10)
    with probe(server, notebook) as database, pytest.raises(UnmetError, match="p50 at most 10 ms"):
        expect_fast(database, "sleep", declared)
    assert judged(notebook) == {Judgement.UNMET}


def test_connections_in_use_are_counted_also_by_a_guest(server: str, notebook: Notebook) -> None:
    guest = server.replace("postgres@", "guest@")
    with contextlib.ExitStack() as stack:
        with probe(guest, notebook) as database:
            expect_room(database, Connections(most=Share(0.5), pool=20))
        assert judged(notebook) == {Judgement.MET}
        for _ in range(20):
            stack.enter_context(psycopg.connect(server))
        with probe(guest, notebook) as database, pytest.raises(UnmetError, match="of the server"):
            expect_room(database, Connections(most=Share(0.5)))


def test_pools_that_do_not_fit_are_named(server: str, notebook: Notebook) -> None:
    with (
        probe(server, notebook) as database,
        pytest.raises(UnmetError, match="room for the product's 41"),
    ):
        expect_room(database, Connections(most=Share(1.0), pool=41))


def test_a_databases_own_limit_counts(server: str, notebook: Notebook) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE small CONNECTION LIMIT 2")
    small = server.removesuffix("postgres") + "small"
    with (
        psycopg.connect(small),
        probe(small, notebook) as database,
        pytest.raises(UnmetError, match="2 of 2 of this database"),
    ):
        expect_room(database, Connections())


def test_a_primary_without_replicas_fails(server: str, notebook: Notebook) -> None:
    with (
        probe(server, notebook) as database,
        pytest.raises(UnmetError, match="no replica follows"),
    ):
        expect_replicas(database, Replication(lag=Seconds(10)))


@pytest.mark.parametrize("name", ["plain", "nested", "Quoted"])
def test_a_view_is_no_way_round_the_fence(server: str, notebook: Notebook, name: str) -> None:
    """A view runs what it calls; what a read-only transaction does not undo is not sent."""
    with psycopg.connect(server, autocommit=True) as victim:
        pid = victim.info.backend_pid
        end = f"SELECT pg_terminate_backend({pid}) AS ended"
        victim.execute(f"CREATE OR REPLACE VIEW plain AS {end}")
        victim.execute("CREATE OR REPLACE VIEW nested AS SELECT * FROM plain")
        victim.execute(f'CREATE OR REPLACE VIEW "Quoted" AS {end}')
        with (
            probe(server, notebook) as database,
            pytest.raises(ForbiddenError, match="pg_terminate_backend may do more"),
        ):
            database.rows(f'select * from "{name}"')
        assert victim.execute("SELECT 1").fetchone() == (1,)


def test_what_writes_behind_a_stable_face_is_refused_by_the_server(
    server: str, notebook: Notebook
) -> None:
    """The catalogue calls it stable and lies; the transaction is read-only all the same."""
    with psycopg.connect(server, autocommit=True) as owner:
        owner.execute(
            "CREATE OR REPLACE FUNCTION deep() RETURNS int LANGUAGE plpgsql VOLATILE AS "
            "$$ BEGIN INSERT INTO orders VALUES (9); RETURN 1; END $$"
        )
        owner.execute(
            "CREATE OR REPLACE FUNCTION face() RETURNS int LANGUAGE plpgsql STABLE AS "
            "$$ BEGIN RETURN deep(); END $$"
        )
        owner.execute("CREATE OR REPLACE VIEW harmless AS SELECT face() AS one")
        with (
            probe(server, notebook) as database,
            pytest.raises(ForbiddenError, match="read-only transaction"),
        ):
            database.rows("select * from harmless")
        assert owner.execute("SELECT count(*) FROM orders").fetchone() == (0,)


def test_a_view_that_only_reads_is_read(server: str, notebook: Notebook) -> None:
    with psycopg.connect(server, autocommit=True) as owner:
        owner.execute("CREATE OR REPLACE VIEW counted AS SELECT count(*) AS n FROM orders")
    with probe(server, notebook) as database:
        assert database.scalar("select n from counted").expect(0) == 0


NEAR = Replication(lag=Seconds(60))


def caught_up(primary: str) -> bool:
    with psycopg.connect(primary) as connection:
        asked = "SELECT pg_current_wal_lsn() = replay_lsn FROM pg_stat_replication"
        return connection.execute(asked).fetchone() == (True,)


def receives(replica: str) -> bool:
    with psycopg.connect(replica) as connection:
        asked = "SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'"
        return connection.execute(asked).fetchone() == (1,)


def test_a_replica_is_judged_from_both_ends(notebook: Notebook) -> None:
    with postgres_server() as primary:
        with psycopg.connect(primary) as connection:
            connection.execute("CREATE ROLE guest LOGIN")
        with replica_of(primary) as replica:
            with psycopg.connect(primary) as connection:
                connection.execute("CREATE TABLE earlier (id int)")
            wait_until(lambda: receives(replica) and caught_up(primary))
            for url in (primary, replica):
                with probe(url, notebook) as database:
                    expect_replicas(database, NEAR)
            assert judged(notebook) == {Judgement.MET}
            with (
                probe(primary, notebook) as database,
                pytest.raises(UnmetError, match="at least 2 replicas"),
            ):
                expect_replicas(database, Replication(lag=Seconds(60), replicas=2))
            # Who may not see it knows nothing of it.
            for url in (primary, replica):
                guest = url.replace("postgres@", "guest@")
                with probe(guest, notebook) as database, pytest.raises(MalformedError):
                    expect_replicas(database, NEAR)
            # It has what it holds back, and the primary goes on.
            with psycopg.connect(replica, autocommit=True) as held:
                held.execute("SELECT pg_wal_replay_pause()")
            with psycopg.connect(primary, autocommit=True) as writer:
                writer.execute("CREATE TABLE later (id int)")
            wait_until(lambda: not caught_up(primary))
            with probe(replica, notebook) as database, pytest.raises(UnmetError, match="behind"):
                expect_replicas(database, Replication(lag=Seconds(0)))
        with probe(primary, notebook) as database:
            wait_until(lambda: not database.rows("select * from pg_stat_replication").value)
            with pytest.raises(UnmetError, match="no replica follows"):
                expect_replicas(database, NEAR)
