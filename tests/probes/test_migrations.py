"""Migrations of a release against those of real databases, in each tool's own layout."""

from __future__ import annotations

import hashlib
import sqlite3
from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import UnmetError, UnreachableError, UsageError
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.model import Database, Migrations
from pytest_metarelease.manifest.scalars import RelativePath
from pytest_metarelease.probes.sql import DatabaseProbe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_metarelease.probes.migrations import MigrationState

NAMES = ("001_init", "002_status", "003_index")
PRISMA = (
    "CREATE TABLE _prisma_migrations (migration_name TEXT, checksum TEXT, started_at INTEGER, "
    "finished_at INTEGER, rolled_back_at INTEGER)"
)


@pytest.fixture
def notebook() -> Notebook:
    book = Notebook()
    book.check = "check"
    return book


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., None]:
    def run(sql: str, *values: object) -> None:
        with sqlite3.connect(tmp_path / "db") as connection:
            connection.execute(sql, values)
        connection.close()

    return run


@pytest.fixture
def state(
    tmp_path: Path, notebook: Notebook, run: Callable[..., None]
) -> Iterator[Callable[..., MigrationState]]:
    run("CREATE TABLE orders (id int)")
    probes = []

    def state(tool: str, path: str = "migrations", **other: str) -> MigrationState:
        declared = Migrations(tool=tool, path=RelativePath(path), **other)  # type: ignore[arg-type]
        database = Database(url=f"sqlite:///{tmp_path / 'db'}", migrations=declared)
        probes.append(DatabaseProbe("orders", database, recorder=notebook))
        return probes[-1].migrations(tmp_path)

    yield state
    for probe in probes:
        probe.close()


def sql_of(name: str) -> bytes:
    return f"-- {name}\n".encode()


def prisma_folder(root: Path, *names: str) -> None:
    for name in names:
        (root / "migrations" / name).mkdir(parents=True)
        (root / "migrations" / name / "migration.sql").write_bytes(sql_of(name))
    (root / "migrations" / "migration_lock.toml").write_text("")


def applied(run: Callable[..., None], name: str, order: int, **other: object) -> None:
    row = {
        "checksum": hashlib.sha256(sql_of(name)).hexdigest(),
        "finished_at": order,
        "rolled_back_at": None,
        **other,
    }
    run(
        "INSERT INTO _prisma_migrations VALUES (?, ?, ?, ?, ?)",
        name,
        row["checksum"],
        order,
        row["finished_at"],
        row["rolled_back_at"],
    )


# -- nothing verifies by itself


@pytest.mark.parametrize("tool", ["prisma", "alembic", "table"])
def test_a_release_without_migrations_verifies_nothing(
    tool: str, tmp_path: Path, state: Callable[..., MigrationState], notebook: Notebook
) -> None:
    with pytest.raises(UsageError, match="holds no"):
        state(tool, table="orders", column="id")
    (tmp_path / "migrations").mkdir()
    with pytest.raises(UsageError, match="holds no"):
        state(tool, table="orders", column="id")
    assert not [one for one in notebook.citations.get("check", ()) if one.expected]


def test_a_fresh_database_has_everything_pending(
    tmp_path: Path, state: Callable[..., MigrationState], notebook: Notebook
) -> None:
    prisma_folder(tmp_path, *NAMES)
    found = state("prisma")
    assert (found.applied, found.pending, found.head) == ((), NAMES, None)
    with pytest.raises(UnmetError, match="pending: 001_init, 002_status, 003_index"):
        found.expect_exact()
    assert notebook.citations["check"][-1].judgement is Judgement.UNMET


def test_a_database_that_is_gone_is_unknown(
    tmp_path: Path, state: Callable[..., MigrationState]
) -> None:
    prisma_folder(tmp_path, *NAMES)
    (tmp_path / "db").unlink()
    with pytest.raises(UnreachableError):
        state("prisma")


# -- Prisma


def test_prisma_exactly(
    tmp_path: Path,
    state: Callable[..., MigrationState],
    run: Callable[..., None],
    notebook: Notebook,
) -> None:
    prisma_folder(tmp_path, *NAMES)
    run(PRISMA)
    for order, name in enumerate(NAMES, 1):
        applied(run, name, order)
    # Rolled back once and applied again: what counts is that it was applied.
    applied(run, NAMES[1], 0, finished_at=None, rolled_back_at=1)
    found = state("prisma").expect_exact()
    assert (found.applied, found.head) == (NAMES, "003_index")
    assert notebook.citations["check"][-1].judgement is Judgement.MET


def test_prisma_names_everything_that_differs(
    tmp_path: Path, state: Callable[..., MigrationState], run: Callable[..., None]
) -> None:
    prisma_folder(tmp_path, *NAMES, "004_late")
    run(PRISMA)
    applied(run, NAMES[0], 1, checksum="0" * 64)
    applied(run, NAMES[1], 2, finished_at=None)
    applied(run, "002_hotfix", 3)
    applied(run, NAMES[2], 4, rolled_back_at=5)
    found = state("prisma")
    assert found.edited == ("001_init",)
    assert found.failed == ("002_status",)
    assert found.unknown == ("002_hotfix",)
    assert found.pending == ("003_index", "004_late")
    with pytest.raises(UnmetError) as failed:
        found.expect_exact()
    assert "unknown to the release: 002_hotfix; edited after they were applied" in str(failed.value)
    assert "mend the failed migration" in str(failed.value)


# -- Alembic


def revision(root: Path, name: str, before: str) -> None:
    folder = root / "alembic" / "versions"
    folder.mkdir(parents=True, exist_ok=True)
    head = '"""Why."""\nimport nothing_of_the_kind\n'
    text = f'{head}revision: str = "{name}"\ndown_revision = {before}\n'
    (folder / f"{name}_why.py").write_text(text)


def test_alembic(
    tmp_path: Path, state: Callable[..., MigrationState], run: Callable[..., None]
) -> None:
    revision(tmp_path, "a1", "None")
    revision(tmp_path, "b2", "'a1'")
    revision(tmp_path, "c3", "'a1'")
    revision(tmp_path, "d4", "('b2', 'c3')")
    (tmp_path / "alembic" / "versions" / "__init__.py").write_text("")
    assert state("alembic", "alembic").pending == ("a1", "b2", "c3", "d4")
    run("CREATE TABLE alembic_version (version_num TEXT)")
    run("INSERT INTO alembic_version VALUES ('b2')")
    found = state("alembic", "alembic")
    assert (found.applied, found.pending, found.head) == (("a1", "b2"), ("c3", "d4"), "b2")
    run("UPDATE alembic_version SET version_num = 'd4'")
    assert state("alembic", "alembic").expect_exact().head == "d4"
    run("INSERT INTO alembic_version VALUES ('zz')")
    assert state("alembic", "alembic").unknown == ("zz",)


def test_alembic_files_are_not_run(tmp_path: Path, state: Callable[..., MigrationState]) -> None:
    revision(tmp_path, "a1", "None")
    file = tmp_path / "alembic" / "versions" / "bad.py"
    file.write_text("revision = (")
    with pytest.raises(UsageError, match="is no Python"):
        state("alembic", "alembic")


# -- any table


def test_a_table_of_names(
    tmp_path: Path, state: Callable[..., MigrationState], run: Callable[..., None]
) -> None:
    (tmp_path / "migrations").mkdir()
    for name in NAMES:
        (tmp_path / "migrations" / f"{name}.sql").write_bytes(sql_of(name))
    run('CREATE TABLE "done here" (name TEXT)')
    for name in ("001_init.sql", "002_status", "009_other.sql"):
        run('INSERT INTO "done here" VALUES (?)', name)
    found = state("table", table="done here", column="name")
    assert found.applied == ("001_init", "002_status", "009_other.sql")
    assert found.pending == ("003_index",)
    assert found.unknown == ("009_other.sql",)
    with pytest.raises(UsageError, match="need `table` and `column`"):
        state("table")
