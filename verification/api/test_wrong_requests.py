"""Requests that are wrong in one way: each is refused with a 4xx, none fails, none succeeds.

What is tried is derived from the declared endpoints; of each kind there is one check.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.probes.api import injecting, negative
from pytest_metarelease.probes.api.examined import Examined

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.plugin.target import Target

verifies = pytest.mark.verifies("post.input-validation", "security.input-validation")


@verifies
@pytest.mark.for_each("endpoint")
def test_wrong_methods_are_refused(
    endpoint: str, release: Target, service: Callable[..., Any]
) -> None:
    """405, 404 or 501 to a method that the endpoint does not have; OPTIONS never fails."""
    negative.wrong_methods(Examined.of(endpoint, release.environment, service))


@verifies
@pytest.mark.for_each("endpoint")
def test_a_path_beside_it_is_not_found(
    endpoint: str, release: Target, service: Callable[..., Any]
) -> None:
    """404 for a path that nobody declared."""
    negative.unknown_path(Examined.of(endpoint, release.environment, service))


@verifies
@pytest.mark.for_each("parametrised", optional=True)
def test_unknown_ids_are_not_found(
    parametrised: str, release: Target, service: Callable[..., Any]
) -> None:
    """404 for an id of the right form that nothing has, and for what is no id."""
    negative.unknown_ids(Examined.of(parametrised, release.environment, service))


@verifies
@pytest.mark.for_each("queried", optional=True)
def test_wrong_queries_are_refused(
    queried: str, release: Target, service: Callable[..., Any]
) -> None:
    """Parameters of the query that are missing or wrong."""
    negative.wrong_queries(Examined.of(queried, release.environment, service))


@verifies
@pytest.mark.for_each("bodied", optional=True)
def test_missing_members_are_refused(
    bodied: str, release: Target, service: Callable[..., Any]
) -> None:
    """Each member of the body left out, and null in its place."""
    negative.missing_members(Examined.of(bodied, release.environment, service))


@verifies
@pytest.mark.for_each("bodied", optional=True)
def test_wrong_types_are_refused(bodied: str, release: Target, service: Callable[..., Any]) -> None:
    """Each member of the body with a value of another type."""
    negative.wrong_types(Examined.of(bodied, release.environment, service))


@verifies
@pytest.mark.for_each("bodied", optional=True)
def test_malformed_values_are_refused(
    bodied: str, release: Target, service: Callable[..., Any]
) -> None:
    """Addresses, numbers and ids that are none."""
    negative.malformed_values(Examined.of(bodied, release.environment, service))


@verifies
@pytest.mark.for_each("bodied", optional=True)
def test_no_body_is_refused(bodied: str, release: Target, service: Callable[..., Any]) -> None:
    """Null, nothing at all, and what is no JSON."""
    negative.no_body(Examined.of(bodied, release.environment, service))


@verifies
@pytest.mark.for_each("bodied", optional=True)
def test_other_media_types_are_refused(
    bodied: str, release: Target, service: Callable[..., Any]
) -> None:
    """A body of another media type, also if there is JSON in it."""
    negative.wrong_content_type(Examined.of(bodied, release.environment, service))


@verifies
@pytest.mark.for_each("bodied", optional=True)
def test_a_body_without_bounds_is_refused(
    bodied: str, release: Target, service: Callable[..., Any]
) -> None:
    """More bytes than any honest request has."""
    negative.oversized_body(Examined.of(bodied, release.environment, service))


@verifies
@pytest.mark.for_each("endpoint")
def test_payloads_are_taken_for_text(
    endpoint: str, release: Target, service: Callable[..., Any]
) -> None:
    """Injections in every declared text: no failure, no live reflection, nothing that ran."""
    injecting.takes_payloads_for_text(Examined.of(endpoint, release.environment, service))


@verifies
@pytest.mark.for_each("paged", optional=True)
def test_lists_are_bounded(paged: str, release: Target, service: Callable[..., Any]) -> None:
    """Never more elements than declared, whatever the caller asks for."""
    negative.bounded_list(Examined.of(paged, release.environment, service))
