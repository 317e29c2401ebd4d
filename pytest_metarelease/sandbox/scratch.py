"""A database of our own inside somebody's PostgreSQL server: made, taken away, dropped.

Refuses to touch any other database of that server, whatever its name.
"""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pytest_metarelease.sandbox.database import PATIENCE, libpq_url


class ScratchError(Exception):
    """The server cannot be reached, or does not let us make databases."""


_PREFIX = "metarelease_sandbox_"


def scratch_name() -> str:
    """A name that no other sandbox has."""
    return _PREFIX + secrets.token_hex(8)


def scratch_url(server_url: str, name: str) -> str:
    """The SQLAlchemy URL of the database ``name`` on the server of ``server_url``."""
    parts = urlsplit(libpq_url(server_url))
    # urlunsplit would drop the two slashes of an URL without a host (a Unix socket).
    rest = urlunsplit(("", "", f"/{name}", parts.query, ""))
    return f"postgresql+psycopg://{parts.netloc}{rest}"


def create(server_url: str, name: str) -> None:
    """Create the database."""
    _run(server_url, f'CREATE DATABASE "{_checked(name)}"')


def take_away(server_url: str, name: str) -> None:
    """Let nobody connect any more and end whoever is connected; the data stay."""
    _run(server_url, f'ALTER DATABASE "{_checked(name)}" ALLOW_CONNECTIONS false')
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
    _run(server_url, ended, (name,))


def give_back(server_url: str, name: str) -> None:
    """Let everybody connect again."""
    _run(server_url, f'ALTER DATABASE "{_checked(name)}" ALLOW_CONNECTIONS true')


def drop(server_url: str, name: str) -> None:
    """Drop the database, whoever is connected; nothing happens when it is gone already."""
    _run(server_url, f'DROP DATABASE IF EXISTS "{_checked(name)}" WITH (FORCE)')


def _checked(name: str) -> str:
    if not name.startswith(_PREFIX) or not name.removeprefix(_PREFIX).isalnum():
        raise ValueError(f"{name!r} is not a scratch database of the sandbox")
    return name


def _run(server_url: str, sql: Any, parameters: tuple[str, ...] | None = None) -> None:
    try:
        import psycopg
    except ImportError as missing:
        raise ScratchError("install pytest-metarelease[postgres]") from missing

    try:
        with psycopg.connect(
            libpq_url(server_url), autocommit=True, connect_timeout=5 * PATIENCE
        ) as connection:
            connection.execute(sql, parameters)
    except psycopg.Error as problem:
        raise ScratchError(str(problem).strip()) from problem
