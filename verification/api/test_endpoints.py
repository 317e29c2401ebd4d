"""Every declared endpoint answers as declared: status, type, schema, content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.probes.api.examined import Examined

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.plugin.target import Target


@pytest.mark.verifies(
    "post.endpoints", "rollback.endpoints", "deploy.api", "monitoring.status-endpoint"
)
@pytest.mark.for_each("endpoint")
def test_endpoint_answers_as_declared(
    endpoint: str, release: Target, service: Callable[..., Any]
) -> None:
    """One request as declared; a writing one only where the environment allows it."""
    owner, _, name = endpoint.partition(".")
    one = Examined.of(endpoint, release.environment, service)
    declared = one.declared
    answer = one.ask()
    answer.expect_answer(
        declared.answer,
        next_step=f"compare with {release.place('services', owner, 'endpoints', name)}",
    )
    if declared.max_time is not None:
        answer.elapsed.at_most(declared.max_time, next_step="see what it waits for")
