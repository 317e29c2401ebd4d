"""The door to outages: a sandbox of its own, whose parts are stopped, stalled and let go on.

Refuses to touch the target that other checks ask, and every environment that is no sandbox: there
nothing is declared yet that could stop a part and start it again.
"""

from __future__ import annotations

import functools
import os
import tempfile
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_metarelease.errors import ForbiddenError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_metarelease.manifest.model import Environment
    from pytest_metarelease.plugin.target import Target
    from pytest_metarelease.probes.outage import Course
    from pytest_metarelease.sandbox import Running

_START_WITHIN, _STOP_WITHIN = 90.0, 10.0
_PARTS = {"database": "database", "external": "external", "contract": "chain", "chain": "chain"}
#: What the sandbox can do to each of its parts; its chain lives in memory.
WAYS = {
    "database": ("down", "stalled"),
    "external": ("down", "stalled"),
    "chain": ("stalled",),
}


class OutageDoor:
    """Outages of declared parts, each caused once per process and kept for all checks."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._open = ExitStack()
        self._running: Running | None = None
        self._courses: dict[str, Sequence[Course]] = {}

    def courses(self, outage: str) -> Sequence[Course]:
        """Return how health told of each outage of ``service.part``: one down, one that hangs.

        Raises:
            ForbiddenError: The environment does not allow outages; nothing was started.
            UnsupportedError: It is no sandbox, so nothing here can cause them.
            ProbeError: An outage could not be caused or ended.
        """
        if outage not in self._courses:
            self._refuse()
            self._courses[outage] = self._watched(outage)
        return self._courses[outage]

    def close(self) -> None:
        """End the sandbox of our own."""
        self._open.close()

    def _refuse(self) -> None:
        environment = self._target.environment
        if environment.outages != "allowed":
            raise ForbiddenError(
                f"no part of {environment.name} was stopped: it does not say outages: allowed"
            )
        if not environment.sandbox:
            raise UnsupportedError(
                f"no part of {environment.name} was stopped: parts can be stopped and started "
                "again on a sandbox only; cause the outage by hand, and sign the item off"
            )

    def _watched(self, outage: str) -> Sequence[Course]:
        from pytest_metarelease.plugin.doors import service_probe
        from pytest_metarelease.probes.outage import Outage, watch_each

        environment, running = self._started()
        service, _, part = outage.partition(".")
        health = environment.services[service].health
        assert health is not None  # it is what declares the part  # noqa: S101
        name = part_of(health.agrees[part])
        probe = service_probe(service, environment, self._target.recorder)
        with closing(probe):
            causes = [(way, functools.partial(_caused, running, name, way)) for way in WAYS[name]]
            every = [Outage(f"{part} is {way}", cause) for way, cause in causes]
            courses = watch_each(every, probe, health)
        if any(course.recovered is None for course in courses):
            self.close()  # the next outage is of one that is well
            self._running = None
        return courses

    def _started(self) -> tuple[Environment, Running]:
        from pytest_metarelease import sandbox

        run = self._target.run
        if self._running is None:
            folder = self._open.enter_context(
                tempfile.TemporaryDirectory(prefix="metarelease-outages-")
            )
            settings = sandbox.Settings(
                version=self._target.version,
                commit=self._target.commit,
                faults=run.faults,
                owner_pid=os.getpid(),
                folder=Path(folder),
                release_name=self._target.name,
            )
            self._running = sandbox.start(settings, deadline=_START_WITHIN)
            self._open.callback(self._running.stop, _STOP_WITHIN)
        variables = {**os.environ, "GIT_COMMIT": self._target.commit, **self._running.variables}
        return run.loaded.resolve(run.environment, variables).environment, self._running


def part_of(subjects: Sequence[str]) -> str:
    """Return the part of a sandbox that the first of some subjects lives in."""
    return _PARTS[subjects[0].partition(":")[0]]


@contextmanager
def _caused(running: Running, part: str, way: str) -> Iterator[None]:
    from pytest_metarelease.errors import ProbeError, SandboxError

    try:
        running.put(part, way)
        yield
    except SandboxError as problem:
        raise ProbeError(str(problem)) from problem
    finally:
        running.put(part, "up")
