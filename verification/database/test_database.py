"""The database answers, fast enough, with exactly the migrations of the release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.probes.backups import newest_backup
from pytest_metarelease.probes.reading import Reading
from pytest_metarelease.probes.restoring import rehearse_restore
from pytest_metarelease.probes.sql_limits import expect_fast, expect_replicas, expect_room

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.plugin.evidence_fixture import EvidenceNotes
    from pytest_metarelease.plugin.target import Target


@pytest.mark.verifies("post.database", "rollback.database", "monitoring.database")
@pytest.mark.for_each("unreachable")
def test_the_database_answers(unreachable: str, release: Target) -> None:
    """Several attempts over time; silence counts only while another declared target answers."""
    release.judge_reach(unreachable)


@pytest.mark.verifies("post.database", "deploy.migrations")
@pytest.mark.for_each("migrated")
def test_the_migrations_are_those_of_the_release(
    migrated: str, release: Target, databases: Callable[[str], Any], evidence: EvidenceNotes
) -> None:
    """None pending, failed, unknown or edited after it was applied."""
    declared = release.environment.databases[migrated].migrations
    assert declared is not None
    state = databases(migrated).migrations(release.run.root).expect_exact()
    evidence.fact("migration_head", migrated, state.head or "none")


@pytest.mark.verifies("rollback.database", "monitoring.database")
@pytest.mark.for_each("database")
def test_a_simple_query_is_fast_enough(
    database: str, release: Target, databases: Callable[[str], Any]
) -> None:
    """One round trip within the declared time; without one, within the statement's limit."""
    declared = release.environment.databases[database]
    databases(database).ping()
    answered = databases(database).scalar("select 1")
    answered.expect(1)
    limit = declared.query_time or declared.timeout
    seconds = Reading(
        answered.measurement.duration, "seconds", answered.measurement, answered.recorder
    )
    seconds.at_most(limit, next_step="look at locks and slow queries")


@pytest.mark.verifies("post.data", "rollback.database", "monitoring.data")
@pytest.mark.for_each("invariant")
def test_what_is_always_true_of_the_data_is_true(
    invariant: str, release: Target, databases: Callable[[str], Any]
) -> None:
    """One value of a declared query is what it must be; no row at all is no answer."""
    database, _, name = invariant.partition(".")
    declared = release.environment.databases[database].invariants[name]
    databases(database).scalar(declared.query).expect(
        declared.expect, next_step=f"find what broke {name}, before more is written"
    )


@pytest.mark.verifies("post.queries", "rollback.database", "monitoring.database")
@pytest.mark.for_each("timed_query", optional=True)
def test_the_products_queries_are_fast_enough(
    timed_query: str, release: Target, databases: Callable[[str], Any]
) -> None:
    """Several samples; an exact percentile, or unknown."""
    database, _, name = timed_query.partition(".")
    expect_fast(databases(database), name, release.environment.databases[database].queries[name])


@pytest.mark.verifies("rollback.database", "monitoring.database")
@pytest.mark.for_each("pooled", optional=True)
def test_the_server_has_connections_left(
    pooled: str, release: Target, databases: Callable[[str], Any]
) -> None:
    """No more are in use than declared, and the product's pools fit into the server's limit."""
    declared = release.environment.databases[pooled].connections
    assert declared is not None
    expect_room(databases(pooled), declared)


@pytest.mark.verifies("monitoring.database")
@pytest.mark.for_each("replicated", optional=True)
def test_replicas_follow(replicated: str, release: Target, databases: Callable[[str], Any]) -> None:
    """As many as declared stream, and none lies further behind than declared."""
    declared = release.environment.databases[replicated].replication
    assert declared is not None
    expect_replicas(databases(replicated), declared)


@pytest.mark.verifies("pre.backup")
@pytest.mark.for_each("backed_up")
def test_the_newest_backup_is_young_enough(
    backed_up: str, release: Target, databases: Callable[[str], Any]
) -> None:
    """By the folder that holds them, or by the database that records them."""
    declared = release.environment.databases[backed_up].backups
    assert declared is not None
    newest_backup(databases(backed_up), declared, release.run.root).at_most(
        declared.max_age, next_step="take a backup now, and see why none was taken"
    )


@pytest.mark.verifies("pre.backup")
@pytest.mark.for_each("drilled", optional=True)
def test_what_is_dumped_can_be_restored(
    drilled: str, release: Target, databases: Callable[[str], Any]
) -> None:
    """Every table of a dump, restored into a scratch database, has the same rows."""
    declared = release.environment.databases[drilled]
    assert declared.restore_drill is not None
    rehearse_restore(
        databases(drilled), declared, declared.restore_drill, release.environment.access
    ).expect("same", next_step="do not rely on backups: find what a restore loses")
