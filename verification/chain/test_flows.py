"""Declared flows and state machines: on contracts of our own where we may write, else simulated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.probes.chain.flows import FlowProbe
    from pytest_metarelease.probes.chain.machines import MachineProbe


@pytest.mark.verifies("post.flows")
@pytest.mark.for_each("flow", optional=True)
def test_the_flow_goes_through(flow: str, flows: Callable[[str], FlowProbe]) -> None:
    """Every step does, or refuses, what the manifest says."""
    flows(flow).run()


@pytest.mark.verifies("post.flows")
@pytest.mark.for_each("machine", optional=True)
def test_the_state_machine_is_the_declared_one(
    machine: str, machines: Callable[[str], MachineProbe]
) -> None:
    """Every action, by every caller, in every state, running and paused."""
    machines(machine).run()
