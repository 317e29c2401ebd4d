"""What the product says while a part of it is broken, and after that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_metarelease.probes.outage import Course


@pytest.mark.verifies("resilience.health-tells")
@pytest.mark.for_each("outage")
def test_health_tells_of_an_outage(outage: str, outages: Callable[[str], Sequence[Course]]) -> None:
    """Not healthy any more, soon enough, when a part is gone or hangs."""
    for course in outages(outage):
        course.expect_told()


@pytest.mark.verifies("resilience.health-answers")
@pytest.mark.for_each("outage")
def test_health_answers_during_an_outage(
    outage: str, outages: Callable[[str], Sequence[Course]]
) -> None:
    """Each answer comes in time, also while a part hangs."""
    for course in outages(outage):
        course.expect_answers()


@pytest.mark.verifies("resilience.recovery")
@pytest.mark.for_each("outage")
def test_health_recovers_after_an_outage(
    outage: str, outages: Callable[[str], Sequence[Course]]
) -> None:
    """Well again soon enough once the part is back, without a restart."""
    for course in outages(outage):
        course.expect_recovery()
