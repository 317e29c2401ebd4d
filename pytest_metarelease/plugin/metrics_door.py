"""Probes of the declared metrics, made from the resolved manifest when first asked for.

Nothing here judges; what a metric must say is in the manifest.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pytest_metarelease.errors import UsageError
from pytest_metarelease.plugin.doors import pick
from pytest_metarelease.probes.hosts import Hosts

if TYPE_CHECKING:
    from pytest_metarelease.plugin.target import Target
    from pytest_metarelease.probes.http import HttpProbe
    from pytest_metarelease.probes.prometheus import MetricProbe
    from pytest_metarelease.probes.wire import Wire


class MetricsDoor:
    """Probes of metrics: connections are shared, subjects are not."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._wires: dict[str, Wire] = {}

    def metric(self, name: str) -> MetricProbe:
        """Return the probe of ``SERVER.QUERY``."""
        from pytest_metarelease.probes.prometheus import MetricProbe

        servers = self._target.environment.prometheus
        declared = {
            f"{server}.{query}": (server, one)
            for server, found in servers.items()
            for query, one in found.queries.items()
        }
        chosen = pick(name, declared, "metric")
        server, query = declared[chosen]
        return MetricProbe(
            declared=query,
            http=self._http(chosen, server),
            window=window_of(query.window, self._target.release.deployed_at, datetime.now(UTC)),
            credential=servers[server].credential,
            timeout=servers[server].timeout,
        )

    def _http(self, metric: str, server: str) -> HttpProbe:
        from pytest_metarelease.probes.http import HttpProbe
        from pytest_metarelease.probes.wire import Wire

        environment = self._target.environment
        declared = environment.prometheus[server]
        return HttpProbe(
            f"metric:{metric}",
            declared.url,
            recorder=self._target.recorder,
            hosts=Hosts.of(environment),
            timeout=declared.timeout,
            credentials={
                name: (one.header, one.value) for name, one in environment.credentials.items()
            },
            wire=self._wires.setdefault(server, Wire()),
        )

    def close(self) -> None:
        """Close all connections."""
        for wire in self._wires.values():
            wire.close()


def window_of(declared: float, deployed_at: str | None, now: datetime) -> float:
    """Return how far back a metric may look, in seconds: not before the deployment.

    Raises:
        UsageError: ``deployed_at`` is no RFC 3339 time with its offset.
    """
    if deployed_at is None:
        return declared
    try:
        since = (now - datetime.fromisoformat(deployed_at)).total_seconds()
    except (ValueError, TypeError):
        raise UsageError(f"release.deployed_at is {deployed_at!r}; write RFC 3339") from None
    return max(0.0, min(declared, since))
