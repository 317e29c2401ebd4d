"""Functions of PostgreSQL that do something outside the transaction, which read-only cannot undo.

Refuses every function that its own catalogue calls volatile, but for those named here, which only
tell or wait. ``pg_terminate_backend``, ``pg_advisory_lock``, ``dblink`` and the like are volatile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.errors import ForbiddenError
from pytest_metarelease.probes.statement import called_names

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
