"""What errors of a database mean: unreachable, too late, refused, forbidden or not understood.

It guesses nothing from a text where the database gives a code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.errors import (
    DeadlineError,
    ForbiddenError,
    MalformedError,
    ProbeError,
    RefusedError,
    UnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

# SQLSTATE classes and codes: PostgreSQL 15, appendix A.
_STATES: Sequence[tuple[str, type[ProbeError], str]] = (
    ("57014", DeadlineError, "the statement took too long"),
    ("55P03", DeadlineError, "a lock was not to be had in time"),
    ("25006", ForbiddenError, "the database refused to write in a read-only transaction"),
    ("25001", ForbiddenError, "the database refused to change a running transaction"),
    ("42501", RefusedError, "permission denied"),
    ("53", RefusedError, "the server has no room for us"),
    ("28", RefusedError, "the account was not let in"),
    ("3D", UnreachableError, "there is no such database"),
    ("08", UnreachableError, "the connection failed"),
    ("57P", UnreachableError, "the server is starting or stopping"),
)
# Where the driver gives no SQLSTATE: SQLite's texts, and what libpq says when it cannot connect.
_TEXTS: Sequence[tuple[str, type[ProbeError]]] = (
    ("readonly database", ForbiddenError),
    ("data-modifying statements in with", ForbiddenError),
    ("interrupted", DeadlineError),
    ("timeout", DeadlineError),
    ("database is locked", RefusedError),
    ("authentication failed", RefusedError),
    ("fatal:  role ", RefusedError),
    ("too many connections", RefusedError),
    ("too many clients", RefusedError),
    ("permission denied", RefusedError),
    ("no pg_hba.conf entry", RefusedError),
    ("unable to open database file", UnreachableError),
    ("connection failed", UnreachableError),
    ("closed the connection", UnreachableError),
    ("connection is lost", UnreachableError),
    ("could not", UnreachableError),
    ("failed to resolve", UnreachableError),
)


def translated(error: BaseException) -> ProbeError:
    """Return the error of ours that an error of a driver means."""
    text = first_line(error)
    state = getattr(error, "sqlstate", None) or ""
    for prefix, kind, meaning in _STATES:
        if state.startswith(prefix):
            return kind(f"{meaning}: {text}")
    for part, kind in _TEXTS:
        if part in text.lower():
            return kind(text)
    return MalformedError(text)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, bounded."""
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
