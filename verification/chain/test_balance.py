"""What contracts hold, against what their own events say that they must hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.probes.chain.accounting import judge_accounting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_metarelease.probes.chain.contracts import ContractProbe


@pytest.mark.verifies("post.balance", "monitoring.contracts")
@pytest.mark.for_each("accounted", optional=True)
def test_the_balance_is_the_sum_of_the_events(
    accounted: str, contracts: Mapping[str, ContractProbe]
) -> None:
    """Deposits less releases and refunds, from the deployment to the pinned block."""
    judge_accounting(contracts[accounted])
