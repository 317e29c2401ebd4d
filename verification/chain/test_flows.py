"""Declared flows: on a contract of our own where writing is allowed, simulated where not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.probes.chain.flows import FlowProbe


@pytest.mark.verifies("post.contracts")
@pytest.mark.for_each("flow", optional=True)
def test_the_flow_goes_through(flow: str, flows: Callable[[str], FlowProbe]) -> None:
    """Every step does, or refuses, what the manifest says."""
    flows(flow).run()
