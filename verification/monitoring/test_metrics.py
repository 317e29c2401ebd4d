"""What Prometheus measured of the product: errors, latency, saturation and uptime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.verifies("monitoring.error-rate")
@pytest.mark.for_each("error_metric")
def test_requests_do_not_fail(error_metric: str, metrics: Callable[[str], Any]) -> None:
    """The share of requests of real users that failed."""
    metrics(error_metric).expect(next_step="look at the API's log, and at the last release")


@pytest.mark.verifies("monitoring.latency")
@pytest.mark.for_each("latency_metric")
def test_requests_are_answered_in_time(latency_metric: str, metrics: Callable[[str], Any]) -> None:
    """The response times of real users."""
    metrics(latency_metric).expect(next_step="look at slow queries and at the API's load")


@pytest.mark.verifies("monitoring.saturation")
@pytest.mark.for_each("saturation_metric")
def test_there_is_room_left(saturation_metric: str, metrics: Callable[[str], Any]) -> None:
    """How full what is limited is: processors, memory, connections, disks."""
    metrics(saturation_metric).expect(next_step="give it more, or find out what takes it")


@pytest.mark.verifies("monitoring.uptime", "success.uptime")
@pytest.mark.for_each("uptime_metric")
def test_it_was_up(uptime_metric: str, metrics: Callable[[str], Any]) -> None:
    """The part of the window in which it answered Prometheus."""
    metrics(uptime_metric).expect(next_step="find out when it was down, and why")
