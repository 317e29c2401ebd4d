"""Which SQL may be sent at all."""

from __future__ import annotations

import pytest

from pytest_metarelease.errors import ForbiddenError
from pytest_metarelease.probes.statement import reading_keyword

WRITES = [
    "",
    ";",
    "-- only a comment",
    "insert into t values (1)",
    "update t set a = 1",
    "delete from t",
    "drop table t",
    "create table t (a int)",
    "alter table t add b int",
    "truncate t",
    "copy t to program 'sh'",
    "call p()",
    "do $$ begin end $$",
    "set transaction read write",
    "begin",
    "commit",
    "vacuum",
    "attach database 'x' as y",
    "pragma journal_mode = wal",
    "pragma user_version = 3",
    "pragma wal_checkpoint",
    "pragma writable_schema(1)",
    "select 1; drop table t",
    "select 1;\n-- x\ndrop table t",
    "select ';'",
    "/* select */ delete from t",
    "-- select\ndelete from t",
    "selectx from t",
    "select 1\x00",
]
READS = [
    "select 1",
    " SELECT 1 ; ",
    "(select 1) union (select 2)",
    "-- why\nselect 1",
    "/* why */ with a as (select 1) select * from a",
    "values (1)",
    "table t",
    "explain select 1",
    "show server_version",
    "pragma table_info(orders)",
    "pragma main.integrity_check",
]


@pytest.mark.parametrize("query", WRITES)
def test_what_may_write_is_refused(query: str) -> None:
    with pytest.raises(ForbiddenError):
        reading_keyword(query)


@pytest.mark.parametrize("query", READS)
def test_what_reads_is_sent(query: str) -> None:
    assert reading_keyword(query) in {
        "select",
        "with",
        "values",
        "table",
        "explain",
        "show",
        "pragma",
    }
