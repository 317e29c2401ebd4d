"""On PostgreSQL: a scratch database inside the server that was named, gone afterwards."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from pytest_metarelease.sandbox.migrate import MIGRATIONS
from tests.postgres import postgres_server
from tests.sandbox.orders import signed_order
from tests.sandbox.world import anvil, ask, sandbox, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.sandbox import Running


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres_server() as url:
        yield url


@pytest.fixture
def using(server: str) -> dict[str, str]:
    return {**anvil(), "RELEASE_SANDBOX_DATABASE_URL": server}


def rows(url: str, sql: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url.replace("+psycopg", ""), connect_timeout=5) as connection:
        return list(connection.execute(sql.encode()).fetchall())


def databases(server: str) -> set[str]:
    found = rows(server, "SELECT datname FROM pg_database WHERE NOT datistemplate")
    return {name for (name,) in found} - {"postgres"}


def api(running: Running, path: str) -> Any:
    return ask(running.variables["SANDBOX_API_URL"] + path)


def test_the_order_book_is_kept_there(server: str, using: dict[str, str]) -> None:
    assert databases(server) == set()
    with sandbox(using=using) as running:
        url = running.variables["SANDBOX_DATABASE_URL"]
        assert url.startswith("postgresql+psycopg://")
        assert databases(server) == {url.rpartition("/")[2]}
        applied = rows(url, "SELECT migration_name FROM _prisma_migrations ORDER BY started_at")
        assert applied == [(path.name,) for path in sorted(MIGRATIONS.iterdir()) if path.is_dir()]
        body = signed_order(running, nonce=50)
        origin = running.variables["SANDBOX_API_URL"]
        assert ask(f"{origin}/api/orders", "POST", body).status == 201
        assert ask(f"{origin}/api/orders", "POST", body).status == 409
        listed = {order["id"]: order["createdAt"] for order in api(running, "/api/orders").json()}
        kept = dict(rows(url, "SELECT id, created_at FROM orders"))
        assert set(listed) == set(kept)
        assert len(kept) == 6
        assert all(
            listed[order] == made.isoformat(timespec="milliseconds") + "Z"
            for order, made in kept.items()
        )
    assert databases(server) == set()


@pytest.mark.parametrize("fault", ["database-down", "health-lies"])
def test_it_can_be_gone(server: str, using: dict[str, str], fault: str) -> None:
    with sandbox(fault, using=using) as running:
        with pytest.raises(psycopg.OperationalError):
            rows(running.variables["SANDBOX_DATABASE_URL"], "SELECT 1")
        assert api(running, "/api/orders").status == 503
        wanted = (200, "healthy") if fault == "health-lies" else (503, "unhealthy")
        answer = api(running, "/api/health")
        assert (answer.status, answer.json()["status"]) == wanted
    assert databases(server) == set()


def test_the_last_migration_can_be_missing(using: dict[str, str]) -> None:
    with sandbox("migration-missing", using=using) as running:
        found = rows(running.variables["SANDBOX_DATABASE_URL"], "SELECT 1 FROM _prisma_migrations")
        assert len(found) == 2
        assert api(running, "/api/orders").status == 200


def test_a_killed_supervisor_leaves_no_database(server: str, using: dict[str, str]) -> None:
    with sandbox(using=using) as running:
        assert len(databases(server)) == 1
        os.kill(running.pid, signal.SIGKILL)
        wait_until(lambda: databases(server) == set())
