"""The SQL probe against SQLite and a real PostgreSQL, also where they are gone or frozen."""

from __future__ import annotations

import contextlib
import socket
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from pytest_metarelease.errors import (
    DeadlineError,
    ForbiddenError,
    MalformedError,
    ProbeError,
    RefusedError,
    TooLargeError,
    UnmetError,
    UnreachableError,
    UnsupportedError,
    UsageError,
)
from pytest_metarelease.evidence import Judgement, Notebook, ReachSample
from pytest_metarelease.manifest.model import Database
from pytest_metarelease.manifest.scalars import Seconds
from pytest_metarelease.probes.reach import reach
from pytest_metarelease.probes.sql import DatabaseProbe
from tests.postgres import postgres_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TABLE = "CREATE TABLE orders (id integer primary key, name text, paid numeric(30, 2))"
ROWS = "INSERT INTO orders VALUES (1, 'one', 1.50), (2, 'two', 1000000000000000000000)"


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with postgres_server() as url:
        with psycopg.connect(url) as connection:
            connection.execute(TABLE)
            connection.execute(ROWS)
            connection.execute("CREATE ROLE guest LOGIN")
            connection.execute("CREATE SCHEMA other")
            connection.execute("CREATE TABLE other.things (id int)")
            connection.execute(
                "CREATE FUNCTION sneaky() RETURNS int LANGUAGE plpgsql AS "
                "$$ BEGIN INSERT INTO orders VALUES (9, 'nine', 9); RETURN 1; END $$"
            )
        yield url


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    file = tmp_path / "orders.db"
    with sqlite3.connect(file) as connection:
        connection.execute(TABLE)
        connection.execute(ROWS)
    connection.close()
    return f"sqlite:///{file}"


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def notebook() -> Notebook:
    book = Notebook()
    book.check = "check"
    return book


@pytest.fixture
def open_(notebook: Notebook) -> Iterator[Callable[..., DatabaseProbe]]:
    made = []

    def make(url: str, timeout: float = 5) -> DatabaseProbe:
        declared = Database(url=url, timeout=Seconds(timeout))
        made.append(DatabaseProbe("orders", declared, recorder=notebook))
        return made[-1]

    yield make
    for probe in made:
        probe.close()


@pytest.fixture
def database(url: str, open_: Callable[..., DatabaseProbe]) -> DatabaseProbe:
    return open_(url)


def judgements(notebook: Notebook) -> list[Judgement]:
    cited = notebook.citations.get("check", [])
    return [one.judgement for one in cited if one.judgement is not Judgement.NONE]


# -- nothing verifies by itself


def test_a_query_that_nobody_judged_verifies_nothing(
    database: DatabaseProbe, notebook: Notebook
) -> None:
    assert database.scalar("select count(*) from orders").value == 2
    assert judgements(notebook) == []
    (one,) = notebook.measurements.values()
    assert one.subject == "database:orders"
    assert one.asked == f"{database.where}: select count(*) from orders"
    assert one.answer == "1 row: 2"


def test_values_are_judged(database: DatabaseProbe, notebook: Notebook) -> None:
    database.scalar("select count(*) from orders").expect(2)
    database.scalar("select name from orders where id = :id", id=1).expect("one")
    with pytest.raises(UnmetError, match="3"):
        database.scalar("select count(*) from orders").expect(3)
    assert judgements(notebook) == [Judgement.MET, Judgement.MET, Judgement.UNMET]


def test_no_row_and_null_meet_nothing(database: DatabaseProbe) -> None:
    with pytest.raises(UnmetError, match="no row"):
        database.scalar("select id from orders where id = 7").expect(None)
    with pytest.raises(UnmetError, match="is no number"):
        database.scalar("select sum(paid) from orders where id = 7").at_least(0)


def test_columns_and_rows(database: DatabaseProbe) -> None:
    column = database.column("select id from orders order by id")
    assert set(column) == {1, 2}
    assert len(column) == 2
    column.expect([1, 2])
    rows = database.rows("select id, name from orders order by id").value
    assert rows == [{"id": 1, "name": "one"}, {"id": 2, "name": "two"}]
    assert database.scalar("select paid from orders where id = 1").value == 1.5
    assert database.scalar("select paid from orders where id = 2").value == 10**21


@pytest.mark.parametrize("query", ["select id from orders", "select id, name from orders limit 1"])
def test_a_scalar_is_one_value(query: str, database: DatabaseProbe, notebook: Notebook) -> None:
    with pytest.raises(MalformedError, match="one value was asked for"):
        database.scalar(query)
    assert judgements(notebook) == [Judgement.UNKNOWN]


def test_connecting_and_pinging_take_measured_time(database: DatabaseProbe) -> None:
    database.connect().at_least(0)
    database.ping().at_least(0)


# -- read-only


def test_nothing_is_written_by_statements(database: DatabaseProbe, notebook: Notebook) -> None:
    for query in ("delete from orders", "select 1; delete from orders", "drop table orders"):
        with pytest.raises(ForbiddenError):
            database.rows(query)
    assert notebook.measurements == {}


@pytest.mark.parametrize(
    "query",
    [
        "with gone as (delete from orders returning id) select id from gone",
        "explain analyze delete from orders",
        "select sneaky()",
        "select nextval('orders_seq')",
        "select set_config('transaction_read_only', 'off', true), sneaky()",
        "select id from orders for update",
        "select id into copied from orders",
    ],
)
def test_postgres_itself_refuses_to_write(
    query: str, postgres: str, open_: Callable[..., DatabaseProbe]
) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE SEQUENCE IF NOT EXISTS orders_seq")
    with pytest.raises((ForbiddenError, MalformedError)):
        open_(postgres).rows(query)
    open_(postgres).scalar("select count(*) from orders").expect(2)


@pytest.mark.parametrize(
    "call",
    [
        "pg_terminate_backend({pid})",
        "pg_cancel_backend({pid})",
        "PG_Terminate_Backend ({pid})",
        "pg_catalog.pg_terminate_backend /* so */ ({pid})",
        "pg_terminate_backend --\n({pid})",
        '"pg_terminate_backend"({pid})',
        'U&"pg_terminate_b\\0061ckend"({pid})',
        "query_to_xml('select pg_terminate_backend({pid})', true, true, '')",
        "pg_advisory_lock(1)",
        "pg_try_advisory_lock(1)",
        "set_config('default_transaction_read_only', 'off', false)",
        "pg_notify('orders', 'x')",
        "pg_reload_conf()",
        "pg_rotate_logfile()",
        "pg_switch_wal()",
        "pg_logical_emit_message(false, 'a', 'b')",
        "pg_stat_reset()",
        "lo_export(1, '/tmp/metarelease-never')",
        "pg_read_file('PG_VERSION')",
        "setval('orders_seq', 9)",
        "sneaky()",
    ],
)
def test_what_a_read_only_transaction_does_not_undo_is_not_sent(
    call: str, postgres: str, open_: Callable[..., DatabaseProbe]
) -> None:
    with psycopg.connect(postgres, autocommit=True) as victim:
        victim.execute("CREATE SEQUENCE IF NOT EXISTS orders_seq")
        query = f"select {call.format(pid=victim.info.backend_pid)}"
        before = _everything(victim)
        for sent in (query, f"explain analyze {query}", f"with x as ({query}) select 1 from x"):
            with pytest.raises(ForbiddenError, match="not sent"):
                open_(postgres).rows(sent)
        # It is still there, and everything is as it was.
        assert _everything(victim) == before


@pytest.mark.parametrize(
    "query",
    [
        "do $$ begin perform pg_terminate_backend(1) $$",
        "call sneaky()",
        "copy orders to program 'touch /tmp/metarelease-never'",
        "copy orders from '/etc/passwd'",
        "set transaction read write",
        "begin",
        "commit",
        "lock table orders",
        "listen orders",
        "prepare x as delete from orders",
        "execute x",
        "vacuum",
        "truncate orders",
        "create table x (id int)",
        "insert into orders values (3)",
        "merge into orders using orders o on false when matched then delete",
        "refresh materialized view x",
        "select 1\x00",
        "select 1; commit",
        "attach database 'x.db' as x",
        "pragma writable_schema = 1",
        "pragma query_only = off",
        "pragma query_only(0)",
        "pragma journal_mode(wal)",
        "pragma user_version(7)",
        "pragma journal_mode = wal",
        "vacuum into 'copy.db'",
        "/* select */ delete from orders",
        "-- select\ndelete from orders",
        "",
    ],
)
def test_what_is_no_reading_statement_is_not_sent(
    query: str, database: DatabaseProbe, notebook: Notebook
) -> None:
    with pytest.raises(ForbiddenError):
        database.rows(query)
    assert notebook.measurements == {}


def test_functions_that_only_tell_are_called(
    postgres: str, open_: Callable[..., DatabaseProbe]
) -> None:
    database = open_(postgres)
    for query in (
        "select count(*), max(id), coalesce(sum(paid), 0) from orders where id in (1, 2)",
        "select random() < 2, clock_timestamp() > now(), pg_database_size('postgres') > 0",
        "select string_agg(name, ',' order by id) filter (where id > 0) from orders",
    ):
        assert len(database.rows(query).value) == 1


@pytest.mark.parametrize(
    "query",
    [
        "with gone as (delete from orders returning id) select id from gone",
        "with one as (select 1) delete from orders",
        "with one as (select 1) insert into orders select 7, 'x', 1",
        "explain query plan delete from orders",
        "select load_extension('x')",
        "select writefile('x', 'y')",
    ],
)
def test_a_sqlite_file_keeps_every_byte(
    query: str, sqlite: str, open_: Callable[..., DatabaseProbe]
) -> None:
    file = Path(sqlite.removeprefix("sqlite:///"))
    before = file.read_bytes()
    with contextlib.suppress(ProbeError):
        open_(sqlite).rows(query)
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def _everything(connection: psycopg.Connection[Any]) -> Any:
    queries = (
        "select array_agg(o order by id) from orders o",
        "select last_value, is_called from orders_seq",
        "select count(*) from pg_class",
        "select count(*) from pg_locks where locktype = 'advisory'",
        "select pg_walfile_name(pg_current_wal_lsn())",
        "show default_transaction_read_only",
    )
    return [connection.execute(one).fetchall() for one in queries]


def test_a_missing_sqlite_file_is_not_created(
    tmp_path: Path, open_: Callable[..., DatabaseProbe], notebook: Notebook
) -> None:
    file = tmp_path / "gone.db"
    with pytest.raises(UnreachableError, match="unable to open"):
        open_(f"sqlite:///{file}").scalar("select 1")
    assert not file.exists()
    assert judgements(notebook) == [Judgement.UNKNOWN]


def test_a_sqlite_file_that_goes_away_is_noticed(
    sqlite: str, open_: Callable[..., DatabaseProbe]
) -> None:
    database = open_(sqlite)
    database.ping().at_least(0)
    Path(sqlite.removeprefix("sqlite:///")).unlink()
    with pytest.raises(UnreachableError):
        database.ping()


def test_a_file_that_is_no_database_is_malformed(
    tmp_path: Path, open_: Callable[..., DatabaseProbe]
) -> None:
    file = tmp_path / "no.db"
    file.write_bytes(b"<html>" * 1000)
    with pytest.raises(MalformedError, match="not a database"):
        open_(f"file:{file}").scalar("select count(*) from sqlite_master")


# -- bounds


NUMBERS = {
    "sqlite": "with recursive n(i) as (select 1 union all select i + 1 from n) select i from n",
    "postgresql": "select generate_series(1, 100000000)",
}
SLEEPS = {
    "sqlite": NUMBERS["sqlite"].replace("select i from", "select max(i) from"),
    "postgresql": "select pg_sleep(60)",
}


def test_a_hundred_million_rows_are_not_read(database: DatabaseProbe) -> None:
    with pytest.raises(TooLargeError, match="more than 10000 rows"):
        database.column(NUMBERS[database.kind])


def test_a_slow_statement_ends_at_its_limit(
    url: str, open_: Callable[..., DatabaseProbe], notebook: Notebook
) -> None:
    database = open_(url, timeout=0.3)
    with pytest.raises(DeadlineError):
        database.scalar(SLEEPS[database.kind])
    assert judgements(notebook) == [Judgement.UNKNOWN]
    database.ping()


def test_a_frozen_server_ends_at_our_limit(
    postgres: str, open_: Callable[..., DatabaseProbe]
) -> None:
    # The server's own statement timeout is no help where its answers no longer arrive.
    port = int(postgres.rsplit(":", 1)[1].split("/")[0])
    ended = pytest.raises(DeadlineError, match="the connection was ended")
    with swallowing_proxy(port, b"pg_sleep") as frozen, ended:
        open_(postgres.replace(str(port), str(frozen)), timeout=0.3).scalar("select pg_sleep(1)")


@contextlib.contextmanager
def swallowing_proxy(port: int, word: bytes) -> Iterator[int]:
    """Forward connections to ``port``; after ``word`` was seen nothing comes back any more."""

    def forward(source: socket.socket, target: socket.socket, mute: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if word in data:
                    mute.set()
                if not mute.is_set():
                    target.sendall(data)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", port))
                open_sockets.extend((client, server))
                mute = threading.Event()
                for pair in ((client, server), (server, client)):
                    threads.append(threading.Thread(target=forward, args=(*pair, mute)))
                    threads[-1].start()

    open_sockets: list[socket.socket] = []
    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads.append(threading.Thread(target=serve))
        threads[0].start()
        try:
            yield listener.getsockname()[1]
        finally:
            for one in (listener, *open_sockets):
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(10)
            for one in open_sockets:
                one.close()


# -- who does not answer


def test_nothing_listens(open_: Callable[..., DatabaseProbe], notebook: Notebook) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    database = open_(f"postgres://me:very-secret@127.0.0.1:{port}/orders")
    with pytest.raises(UnreachableError, match=rf"postgresql://\*\*\*@127.0.0.1:{port}/orders"):
        database.ping()
    assert "very-secret" not in str(notebook.measurements)


def test_something_listens_and_says_nothing(open_: Callable[..., DatabaseProbe]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        database = open_(f"postgresql://127.0.0.1:{silent.getsockname()[1]}/x", timeout=0.2)
        with pytest.raises(DeadlineError):
            database.ping()


def test_who_may_not_read_is_refused(postgres: str, open_: Callable[..., DatabaseProbe]) -> None:
    guest = open_(postgres.replace("postgres@", "guest@"))
    with pytest.raises(RefusedError, match="permission denied"):
        guest.scalar("select count(*) from orders")
    with pytest.raises(RefusedError):
        open_(postgres.replace("postgres@", "nobody@")).ping()
    with pytest.raises(UnreachableError, match="does not exist"):
        open_(postgres.removesuffix("postgres") + "gone").ping()


def test_a_wrong_query_is_malformed(database: DatabaseProbe, notebook: Notebook) -> None:
    with pytest.raises(MalformedError, match="no_such"):
        database.scalar("select no_such from orders")
    assert judgements(notebook) == [Judgement.UNKNOWN]


def test_parameters_are_named_and_given(database: DatabaseProbe, notebook: Notebook) -> None:
    with pytest.raises(UsageError, match="needs id"):
        database.scalar("select name from orders where id = :id")
    database.scalar("select '100%' || cast(:a as text)", a="x").expect("100%x")
    assert database.scalar("select :cutoff").value is not None
    assert len(notebook.measurements) == 2


def test_the_cutoff_is_now(postgres: str, sqlite: str, open_: Callable[..., DatabaseProbe]) -> None:
    asked = "select cast(:cutoff as timestamptz)"
    assert abs((open_(postgres).scalar(asked).value - datetime.now(UTC)).total_seconds()) < 600
    text = open_(sqlite).scalar("select :cutoff").value
    assert abs((datetime.fromisoformat(text) - datetime.now(UTC)).total_seconds()) < 600


def test_urls_of_prisma_are_understood(postgres: str, open_: Callable[..., DatabaseProbe]) -> None:
    database = open_(f"{postgres}?schema=other&connection_limit=5&pgbouncer=true")
    database.scalar("select count(*) from things").expect(0)
    database.table("things").expect(True)
    database.table("public.orders").expect(True)
    database.table("orders").expect(False)


def test_what_is_no_database_url(open_: Callable[..., DatabaseProbe]) -> None:
    with pytest.raises(UsageError, match="write for example"):
        open_("nonsense")
    with pytest.raises(UnsupportedError, match="mysql"):
        open_("mysql://127.0.0.1/x")
    with pytest.raises(UnsupportedError, match="in memory"):
        open_("sqlite://")


def test_a_missing_driver_says_what_to_install() -> None:
    script = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from pytest_metarelease.probes.sql_door import Door\n"
        "Door('postgresql://127.0.0.1/x', 1.0)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert "UnsupportedError: the driver for PostgreSQL is missing: pip install" in run.stderr


# -- reaching it at all


def test_reach_counts_failures_beside_a_witness(
    tmp_path: Path, open_: Callable[..., DatabaseProbe], notebook: Notebook
) -> None:
    database = open_(f"sqlite:///{tmp_path / 'gone.db'}")
    found = reach(database, attempts=3, spacing=0.01, witness=lambda: "service:api")
    assert judgements(notebook) == []
    with pytest.raises(UnmetError, match="failed attempts: 0"):
        found.expect(0)
    sample = found.measurement.sample
    assert isinstance(sample, ReachSample)
    assert (sample.measure, sample.failed, sample.attempts) == ("orders.unreachable", 3, 3)
    assert sample.witness == "service:api"
    assert judgements(notebook) == [Judgement.UNMET]


def test_reach_without_a_witness_is_unknown(
    tmp_path: Path, open_: Callable[..., DatabaseProbe], notebook: Notebook
) -> None:
    with pytest.raises(UnreachableError, match="our own network"):
        reach(open_(f"sqlite:///{tmp_path / 'gone.db'}"), attempts=2, spacing=0.01)
    assert judgements(notebook) == [Judgement.UNKNOWN]


def test_reach_of_what_is_there(database: DatabaseProbe, notebook: Notebook) -> None:
    assert reach(database, attempts=2, spacing=0.01).expect(0) == 0
    assert judgements(notebook) == [Judgement.MET]
