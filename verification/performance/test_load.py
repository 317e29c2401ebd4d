"""Response times and error rate under a declared, open-loop load."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.plugin.target import Target

_ITEMS = (
    "post.performance",
    "monitoring.api-metrics",
    "maintenance.performance-review",
    "success.performance",
    "success.response-time",
)


@pytest.mark.verifies(*_ITEMS)
@pytest.mark.for_each("sampled")
def test_response_times_are_within_their_limits(
    sampled: str, release: Target, load: Callable[[str], Any]
) -> None:
    """Mean and percentiles, counted from the intended start of each request."""
    limits = release.environment.services[sampled].response_time
    load(sampled).expect_within(limits, next_step="look at slow queries and at the API's load")


@pytest.mark.verifies("post.error-rate", "monitoring.api-metrics")
@pytest.mark.for_each("error_rate")
def test_the_error_rate_is_below_its_limit(
    error_rate: str, release: Target, load: Callable[[str], Any]
) -> None:
    """Server errors and lost requests of the same load, with their interval."""
    release.judge_rate(load(error_rate).measurement)


@pytest.mark.verifies("post.performance-baseline")
@pytest.mark.for_each("compared")
def test_it_is_no_slower_than_the_release_before(
    compared: str, release: Target, load: Callable[[str], Any]
) -> None:
    """Every latency of the same load against those in the packet of the release before."""
    release.expect_no_slower(
        compared, load(compared), next_step="compare what the two releases do for one request"
    )


@pytest.mark.verifies("post.performance")
@pytest.mark.for_each("load_test", optional=True)
def test_a_load_test_is_within_its_limits(load_test: str, load_tests: Callable[[str], Any]) -> None:
    """What k6 measured of this release, for loads beyond one machine."""
    load_tests(load_test).expect(next_step="look at slow queries and at the API's load")
