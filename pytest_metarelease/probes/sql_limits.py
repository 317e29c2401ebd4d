"""A database against its declared limits: time of queries, connections in use, lag of replicas.

It refuses to call a percentile kept that the samples cannot carry, a replica near that says
nothing of itself, and a limit kept of a kind of database that has no such thing.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import (
    MalformedError,
    TooFewSamplesError,
    UnmetError,
    UnsupportedError,
)
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.probes.clock import utc_now
from pytest_metarelease.probes.reading import failure
from pytest_metarelease.statistics import percentile, percentile_verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_metarelease.evidence import Measurement
    from pytest_metarelease.manifest.storage import Connections, Replication, TimedQuery
    from pytest_metarelease.probes.sql import DatabaseProbe

_PERCENTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
# Every backend of any database counts, also of other accounts; pg_stat_database shows them to all.
_CONNECTIONS = (
    "SELECT (SELECT sum(numbackends) FROM pg_stat_database) AS used, "
    "current_setting('max_connections')::int "
    "- current_setting('superuser_reserved_connections')::int "
    "- coalesce(current_setting('reserved_connections', true), '0')::int AS most, "
    "(SELECT numbackends FROM pg_stat_database WHERE datname = current_database()) AS own, "
    "(SELECT datconnlimit FROM pg_database WHERE datname = current_database()) AS own_most"
)
# An idle replica has nothing to confirm and then no lag in time; bytes tell the two apart.
_FOLLOWERS = (
    "SELECT coalesce(nullif(application_name, ''), pid::text) AS name, state, "
    "pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) AS bytes, "
    "extract(epoch FROM replay_lag) AS seconds FROM pg_stat_replication ORDER BY 1"
)
# Without a row nothing receives; a row without a status is one that the account may not see.
_FOLLOWING = (
    "SELECT nullif(coalesce((SELECT coalesce(status, '?') FROM pg_stat_wal_receiver), "
    "'not receiving'), '?') AS state, "
    "pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) AS bytes, "
    "extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) AS seconds"
)


def expect_fast(database: DatabaseProbe, name: str, declared: TimedQuery) -> None:
    """Judge the time of a declared query, without connecting, by exact percentiles.

    Raises:
        UnmetError: A percentile is certainly above its limit.
        TooFewSamplesError: The samples carry neither answer.
        ProbeError: A query was not answered.
    """
    at, started = utc_now(), time.perf_counter()
    times: list[float] = []
    while len(times) < declared.samples and time.perf_counter() - started < declared.within:
        times.append(database.rows(declared.query).measurement.duration)
    verdicts = {}
    parts = []
    for word, share in _PERCENTILES:
        limit = getattr(declared, word)
        if limit is not None:
            slow = sum(one > limit for one in times)
            verdicts[word] = percentile_verdict(slow, len(times), share)
            if times:
                parts.append(f"{word} {1000 * percentile(times, share):.1f} ms")
    limits = ", ".join(f"{word} at most {1000 * getattr(declared, word):g} ms" for word in verdicts)
    actual = f"{', '.join(parts) or 'nothing measured'}; {len(times)} samples"
    asked = f"time of the query {name}"
    measurement = database.measured(asked, at, time.perf_counter() - started, actual).measurement
    if "no" in verdicts.values():
        _unmet(database, measurement, limits, actual, "look at the query's plan, locks and load")
    if "unknown" in verdicts.values():
        text = f"{asked}: {actual} cannot tell whether it keeps {limits}"
        step = "raise `samples` or `within` of the query"
        _unknown(database, measurement, limits, actual, step)
        raise TooFewSamplesError(f"{text}\nnext      {step}")
    _met(database, measurement, limits, actual)


def expect_room(database: DatabaseProbe, declared: Connections) -> None:
    """Judge that the server has connections left, and that the product's pools fit into it.

    Raises:
        UnmetError: More are in use than declared, or the pools may open more than there are.
        UnsupportedError: The database has no connections to count.
        ProbeError: It did not answer.
    """
    _only_postgresql(database, "connections")
    (row,), measurement = _rows(database, _CONNECTIONS)
    used, most = int(row["used"]), int(row["most"])
    limits = {"the server": (used, most)}
    if row["own_most"] >= 0:
        limits["this database"] = (int(row["own"]), int(row["own_most"]))
    expected = f"at most {declared.most:.0%} of the connections in use"
    actual = ", ".join(f"{used} of {most} of {whose}" for whose, (used, most) in limits.items())
    if any(used > declared.most * most for used, most in limits.values()):
        step = "find who holds connections: select * from pg_stat_activity; or raise the limit"
        _unmet(database, measurement, expected, actual, step)
    least = min(most for _, most in limits.values())
    if declared.pool is not None:
        expected += f", and room for the product's {declared.pool}"
        if declared.pool > least:
            step = "make the pools smaller, put a pooler in front, or raise max_connections"
            _unmet(database, measurement, expected, f"room for {least}; {actual}", step)
    _met(database, measurement, expected, actual)


def expect_replicas(database: DatabaseProbe, declared: Replication) -> None:
    """Judge, on a primary or on a replica, that replication runs and how far behind it is.

    Raises:
        UnmetError: A replica is missing, does not stream, or lies too far behind.
        UnsupportedError: The database has no replication.
        MalformedError: It does not say; the account may lack ``pg_monitor``.
        ProbeError: It did not answer.
    """
    _only_postgresql(database, "replication")
    is_replica = bool(database.scalar("SELECT pg_is_in_recovery()").value)
    rows, measurement = _rows(database, _FOLLOWING if is_replica else _FOLLOWERS)
    expected = f"a lag of at most {declared.lag:g} s"
    if not is_replica:
        expected = f"at least {declared.replicas} replicas, each streaming with {expected}"
    actual = "; ".join(_said(row) for row in rows) or "no replica follows"
    step = "look at the replica's log and at the network between the servers"
    silent = [row for row in rows if row["state"] == "streaming" and _lag(row) is None]
    streaming = [row for row in rows if row["state"] == "streaming"]
    missing = len(streaming) < (1 if is_replica else declared.replicas)
    late = any((_lag(row) or 0.0) > declared.lag for row in streaming)
    if any(row["state"] is None for row in rows) and not late:
        # Also what the account may not see: then it is not known that nothing streams.
        silent = list(rows)
    elif missing or late or len(streaming) < len(rows):
        _unmet(database, measurement, expected, actual, step)
    if silent:
        step = "grant pg_monitor to the verifying account, or wait for a replica that confirms"
        _unknown(database, measurement, expected, actual, step)
        raise MalformedError(f"{measurement.asked}: {actual}\nnext      {step}")
    _met(database, measurement, expected, actual)


def _lag(row: Mapping[str, Any]) -> float | None:
    if row["bytes"] is not None and row["bytes"] <= 0:
        return 0.0
    return None if row["seconds"] is None else float(row["seconds"])


def _said(row: Mapping[str, Any]) -> str:
    lag = _lag(row)
    behind = "lag unknown" if lag is None else f"{lag:.1f} s behind"
    return f"{row.get('name', 'this replica')} {row['state'] or 'says nothing'}, {behind}"


def _only_postgresql(database: DatabaseProbe, what: str) -> None:
    if database.kind != "postgresql":
        raise UnsupportedError(
            f"{database.where}: {database.kind} has no {what}; take it out of the manifest"
        )


def _rows(database: DatabaseProbe, query: str) -> tuple[list[dict[str, Any]], Measurement]:
    reading = database.rows(query)
    return reading.value, reading.measurement


def _met(database: DatabaseProbe, measurement: Measurement, expected: str, actual: str) -> None:
    database.recorder.judge(measurement, Judgement.MET, expected=expected, actual=actual)


def _unknown(
    database: DatabaseProbe, measurement: Measurement, expected: str, actual: str, step: str
) -> None:
    database.recorder.judge(
        measurement, Judgement.UNKNOWN, expected=expected, actual=actual, next_step=step
    )


def _unmet(
    database: DatabaseProbe, measurement: Measurement, expected: str, actual: str, step: str
) -> None:
    recorder = database.recorder
    recorder.judge(measurement, Judgement.UNMET, expected=expected, actual=actual, next_step=step)
    raise UnmetError(
        failure(
            expected=expected,
            actual=actual,
            read=measurement.asked,
            next_step=step,
            redact=recorder.redact,
        )
    )
