"""What a PostgreSQL database holds, table by table, as numbers that another server gives as well.

It refuses to hold rows: it counts and adds up on the server. It looks at tables alone; what is
computed from them (indexes, materialised views) is not compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Digests: TypeAlias = Mapping[str, tuple[int, str]]
"""Table -> how many rows it has, and the sum of their hashes, whatever their order."""

# Texts of values depend on these; both sides must write alike.
SETTINGS = (
    "SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'iso_8601'; "
    "SET LOCAL extra_float_digits = 3; SET LOCAL bytea_output = 'hex'; SET LOCAL search_path = ''"
)
_TABLES = (
    "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c "
    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind = 'r' AND c.relpersistence = 'p' "
    "AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_' ORDER BY 1"
)
_DIGEST = (
    "SELECT count(*), coalesce(sum(('x' || substr(md5(t.*::text), 1, 16))::bit(64)::bigint"
    "::numeric), 0)::text FROM ONLY {table} AS t"
)


def digests(ask: Callable[[str], Sequence[Any]]) -> Digests:
    """Return the digests of all tables; ``ask`` gives the rows of a query, in one transaction."""
    found = {}
    for (table,) in ask(_TABLES):
        ((rows, total),) = ask(_DIGEST.format(table=table))
        found[str(table)] = (int(rows), str(total))
    return found


def differences(before: Digests, after: Digests) -> list[str]:
    """Return in which tables two databases differ, in words."""
    said = []
    for table in sorted({*before, *after}):
        one, other = before.get(table), after.get(table)
        if one is None or other is None:
            said.append(f"{table} is {'missing' if other is None else 'new'}")
        elif one[0] != other[0]:
            said.append(f"{table} has {other[0]} rows instead of {one[0]}")
        elif one != other:
            said.append(f"{table} has other content in {one[0]} rows")
    return said
