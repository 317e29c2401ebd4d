"""What the API says it did is done: readable, listed, stored, on the chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.probes.api import records
from pytest_metarelease.probes.api.examined import Examined

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.plugin.target import Target


@pytest.mark.verifies("post.records")
@pytest.mark.for_each("creating", optional=True)
def test_what_was_created_can_be_read_back(
    creating: str, release: Target, service: Callable[..., Any]
) -> None:
    """By its id and in the list, with the content that was sent."""
    records.can_be_read_back(Examined.of(creating, release.environment, service), service)


@pytest.mark.verifies("post.records")
@pytest.mark.for_each("storing", optional=True)
def test_what_was_created_is_stored(
    storing: str,
    release: Target,
    service: Callable[..., Any],
    databases: Callable[[str], Any],
) -> None:
    """Exactly one row of the database has its id."""
    records.is_stored(Examined.of(storing, release.environment, service), databases)


@pytest.mark.verifies("post.records")
@pytest.mark.for_each("creating", optional=True)
def test_ids_are_unique(creating: str, release: Target, service: Callable[..., Any]) -> None:
    """Several created at the same moment, each with an id of its own."""
    records.ids_are_unique(Examined.of(creating, release.environment, service))


@pytest.mark.verifies("post.records")
@pytest.mark.for_each("idempotent", optional=True)
def test_the_same_request_twice_is_one(
    idempotent: str, release: Target, service: Callable[..., Any]
) -> None:
    """Answered alike, and one thing is made."""
    records.twice_is_once(Examined.of(idempotent, release.environment, service))


@pytest.mark.verifies("post.records")
@pytest.mark.for_each("reporting", optional=True)
def test_a_reported_transaction_is_real(
    reporting: str, release: Target, service: Callable[..., Any], chain: Any
) -> None:
    """It exists, it succeeded, and it went to the declared contract."""
    one = Examined.of(reporting, release.environment, service)
    records.transaction_is_real(one, chain.rpc)
