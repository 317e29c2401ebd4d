"""Functions of PostgreSQL that do something outside the transaction, which read-only cannot undo.

Refuses every function that its own catalogue calls volatile, but for those named here, which only
tell or wait. ``pg_terminate_backend``, ``pg_advisory_lock``, ``dblink`` and the like are volatile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.errors import ForbiddenError
from pytest_metarelease.probes.statement import called_names, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_ONLY_TELL = frozenset(
    {
        "clock_timestamp", "timeofday", "random", "random_normal", "gen_random_uuid", "uuidv4",
        "uuidv7", "currval", "lastval", "pg_relation_size", "pg_table_size", "pg_indexes_size",
        "pg_total_relation_size", "pg_database_size", "pg_tablespace_size",
        "pg_is_in_recovery", "pg_is_wal_replay_paused", "pg_last_wal_receive_lsn",
        "pg_last_wal_replay_lsn", "pg_last_xact_replay_timestamp", "pg_current_wal_lsn",
        "pg_current_wal_insert_lsn", "pg_current_wal_flush_lsn", "pg_blocking_pids",
        "pg_stat_get_activity", "pg_lock_status", "pg_sleep", "pg_sequence_last_value",
    }
)  # fmt: skip
# What most queries call, and keywords before a bracket: the catalogue need not be asked for them.
_KNOWN = frozenset(
    {
        "all", "and", "any", "as", "avg", "between", "by", "case", "cast", "char", "coalesce",
        "count", "date", "distinct", "else", "exists", "extract", "filter", "from", "group",
        "having", "in", "is", "join", "length", "like", "limit", "lower", "max", "min", "not",
        "now", "nullif", "numeric", "offset", "on", "or", "order", "over", "partition", "round",
        "select", "some", "sum", "then", "to_regclass", "trim", "union", "upper", "using",
        "values", "varchar", "when", "where", "with",
    }
)  # fmt: skip
VOLATILE = (
    "SELECT DISTINCT proname::text FROM pg_catalog.pg_proc "
    "WHERE provolatile = 'v' AND proname::text = ANY (:names) ORDER BY 1"
)
"""Which of ``:names`` are volatile functions, in any schema."""


VIEWS = (
    "SELECT c.relname::text AS name, pg_catalog.pg_get_viewdef(c.oid) AS text "
    "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind = 'v' AND n.nspname NOT IN ('pg_catalog', 'information_schema') "
    "AND c.relname::text = ANY (:names) ORDER BY 1"
)
"""The views called one of ``:names``, in any schema, and the queries that they stand for."""

_NESTED = 20


def with_views(query: str, views: Callable[[Sequence[str]], Iterable[tuple[str, str]]]) -> str:
    """Return ``query`` and, beneath it, the query of every view that it may read.

    ``views`` gives the views of the names it is given, each with its query. A view runs what it
    calls, though the query that reads it calls nothing.

    Raises:
        ForbiddenError: Views stand in views in views, too many to follow.
    """
    texts, seen, names = [query], set[str](), words(query)
    for _ in range(_NESTED):
        found = [one for one in views(sorted(names)) if one[1] not in seen] if names else []
        if not found:
            return "\n".join(texts)
        seen |= {text for _, text in found}
        texts += [text for _, text in found]
        names = frozenset().union(*(words(text) for _, text in found))
    raise ForbiddenError(f"not sent: its views stand in views more than {_NESTED} deep")


def refuse_effects(query: str, volatile: Callable[[Sequence[str]], Iterable[str]]) -> None:
    """Do nothing if no function that ``query`` may call has effects of its own.

    ``volatile`` tells which of the names it is given are volatile functions there.

    Raises:
        ForbiddenError: One may have; the query was not sent.
    """
    names = called_names(query) - _ONLY_TELL - _KNOWN
    found = list(volatile(sorted(names))) if names else []
    if found:
        raise ForbiddenError(
            f"not sent: {', '.join(found)} may do more than read (volatile in pg_proc), "
            "which a read-only transaction does not undo; declare a function of yours that only "
            "reads STABLE, or select from its tables"
        )
