"""Health: in time, and true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.probes.health import parts
from pytest_metarelease.probes.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.plugin.target import Target


@pytest.mark.verifies(
    "post.health-time", "rollback.health", "monitoring.health-endpoint", "deploy.api"
)
@pytest.mark.for_each("health")
def test_healthy_within_the_declared_time(health: str, release: Target) -> None:
    """Healthy soon enough after the deployment, as the readiness barrier saw it."""
    release.readiness(health).expect(next_step="read the service's log since the deployment")


@pytest.mark.verifies("post.health", "rollback.health", "monitoring.health", "maintenance.health")
@pytest.mark.for_each("health")
def test_health_says_what_we_measure(
    health: str,
    release: Target,
    service: Callable[..., Any],
    is_up: Callable[[str], bool],
) -> None:
    """Healthy as a whole, and each part says what we find when we ask the part ourselves."""
    declared = release.environment.services[health].health
    assert declared is not None
    answer = service(health, ready=False).get(declared.path).expect(declared.status)
    for path, expected in declared.healthy.items():
        answer.value(path).expect(expected, next_step="find the part that is down")
    says = parts(declared, answer.json())
    for part, subjects in declared.agrees.items():
        for subject in subjects:
            found = f"{part} {_word(says.get(part, False))}, {subject} {_word(is_up(subject))}"
            Reading(found, f"health of {health}", answer.measurement, answer.recorder).expect(
                f"{part} is up, {subject} is up",
                next_step=f"bring {subject} up; where the service hides it, mend its health check",
            )


def _word(up: bool) -> str:  # noqa: FBT001 - a word for a fact
    return "is up" if up else "is down"
