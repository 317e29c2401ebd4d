"""How a contract is used since the release: what fails, what it costs, what it tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.plugin.target import Target
    from pytest_metarelease.probes.chain.traffic import Traffic


@pytest.mark.verifies("post.transaction-failures", "monitoring.transactions")
@pytest.mark.for_each("failure_rate")
def test_transactions_to_the_contract_succeed(
    failure_rate: str, traffic: Callable[[str], Traffic], release: Target
) -> None:
    """All receipts of the declared window of blocks, against the limit and against earlier ones."""
    used = traffic(failure_rate)
    measurement = used.failure_rate()
    release.judge_rate(measurement, because=used.why)
    used.not_worse()


@pytest.mark.verifies("post.gas", "monitoring.transactions")
@pytest.mark.for_each("metered", optional=True)
def test_calls_take_the_gas_of_the_baseline(
    metered: str, traffic: Callable[[str], Traffic]
) -> None:
    """The median of what each declared function took within the window."""
    traffic(metered).gas()


@pytest.mark.verifies("post.activity", "monitoring.activity")
@pytest.mark.for_each("active", optional=True)
def test_events_come_as_often_as_declared(active: str, traffic: Callable[[str], Traffic]) -> None:
    """Counted in receipts, and the node's index of events says the same."""
    traffic(active).activity()
