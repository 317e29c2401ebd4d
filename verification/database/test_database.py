"""The database answers, fast enough, with exactly the migrations of the release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.probes.reading import Reading

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
