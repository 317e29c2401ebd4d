"""Applies migrations in Prisma's layout and records them as Prisma does.

Refuses to be a migration tool: it only ever fills a fresh database, forward, in order of name.
"""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pytest_metarelease.sandbox.database import Database, Postgres

MIGRATIONS = Path(__file__).with_name("migrations")

# Both as Prisma's schema engine creates them, down to types and defaults.
_RECORD_POSTGRES = """
CREATE TABLE _prisma_migrations (
    id                  VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum            VARCHAR(64) NOT NULL,
    finished_at         TIMESTAMPTZ,
    migration_name      VARCHAR(255) NOT NULL,
    logs                TEXT,
    rolled_back_at      TIMESTAMPTZ,
    started_at          TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count INTEGER NOT NULL DEFAULT 0
);
"""
_RECORD_SQLITE = """
CREATE TABLE "_prisma_migrations" (
    "id"                    TEXT PRIMARY KEY NOT NULL,
    "checksum"              TEXT NOT NULL,
    "finished_at"           DATETIME,
    "migration_name"        TEXT NOT NULL,
    "logs"                  TEXT,
    "rolled_back_at"        DATETIME,
    "started_at"            DATETIME NOT NULL DEFAULT current_timestamp,
    "applied_steps_count"   INTEGER UNSIGNED NOT NULL DEFAULT 0
);
"""


def migrate(database: Database, *, without_last: bool = False) -> None:
    """Apply every migration; ``without_last`` forgets the newest one."""
    postgres = isinstance(database, Postgres)
    database.script(_RECORD_POSTGRES if postgres else _RECORD_SQLITE)
    files = sorted(MIGRATIONS.glob("*/migration.sql"))
    for file in files[: -1 if without_last else None]:
        sql = file.read_bytes()
        started = _moment(postgres=postgres)
        database.script(sql.decode())
        database.run(
            "INSERT INTO _prisma_migrations "
            "(id, checksum, finished_at, migration_name, started_at, applied_steps_count) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (
                str(uuid.uuid4()),
                hashlib.sha256(sql).hexdigest(),
                _moment(postgres=postgres),
                file.parent.name,
                started,
                1,
            ),
        )


def _moment(*, postgres: bool) -> Any:
    """Now; Prisma keeps it in SQLite as milliseconds since 1970."""
    now = datetime.now(UTC)
    return now if postgres else int(now.timestamp() * 1000)
