"""The door to outages: parts of a sandbox of its own, or of an environment that says how to.

Refuses to touch a target that other checks ask at the same time, and parts of which the manifest
does not say how they are broken and mended again.
"""

from __future__ import annotations

import functools
import os
import tempfile
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_metarelease.errors import (
    DeadlineError,
    ForbiddenError,
    UnreachableError,
    UnsupportedError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_metarelease.manifest.breaking import Breaking
    from pytest_metarelease.manifest.model import Environment, Health
    from pytest_metarelease.plugin.target import Target
    from pytest_metarelease.probes.outage import Course, Outage
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
            ForbiddenError: The environment does not allow outages; nothing was broken.
            UnsupportedError: Nothing says how to break it, or other processes ask it meanwhile.
            ProbeError: An outage could not be caused or ended.
        """
        if outage not in self._courses:
            environment = self._target.environment
            if environment.outages != "allowed":
                raise ForbiddenError(
                    f"no part of {environment.name} was stopped: it does not say outages: allowed"
                )
            service, _, part = outage.partition(".")
            watched = self._of_a_sandbox if environment.sandbox else self._declared
            self._courses[outage] = watched(service, part)
        return self._courses[outage]

    def close(self) -> None:
        """End the sandbox of our own."""
        self._open.close()

    def _of_a_sandbox(self, service: str, part: str) -> Sequence[Course]:
        from pytest_metarelease.probes.outage import Outage

        environment, running = self._started()
        name = part_of(_health(environment, service).agrees[part])
        causes = [(way, functools.partial(_caused, running, name, way)) for way in WAYS[name]]
        every = [Outage(f"{part} is {way}", cause) for way, cause in causes]
        courses = self._watched(environment, service, every)
        if any(course.recovered is None for course in courses):
            self.close()  # the next outage is of one that is well
            self._running = None
        return courses

    def _declared(self, service: str, part: str) -> Sequence[Course]:
        from pytest_metarelease.probes.breaking import broken
        from pytest_metarelease.probes.outage import Outage

        target = self._target
        health = _health(target.environment, service)
        ways = declared_ways(health, part)
        name = target.environment.name
        if not ways:
            raise UnsupportedError(
                f"no part of {name} was stopped: nothing says how to break {part}; write "
                f"services.{service}.health.outages.{part}, or cause the outage by hand and sign "
                "the item off"
            )
        if target.run.role != "single" or target.run.shard is not None:
            raise UnsupportedError(
                f"no part of {name} was stopped: other processes of this run ask it meanwhile; run "
                "these checks by themselves, without -n and --release-shard: pytest -m resilience"
            )
        answering = functools.partial(still_answering, target, health.agrees[part])
        every = [
            Outage(f"{part} is {word}", functools.partial(broken, way, target.run.root), answering)
            for word, way in ways.items()
        ]
        return self._watched(target.environment, service, every)

    def _watched(
        self, environment: Environment, service: str, every: Sequence[Outage]
    ) -> Sequence[Course]:
        from pytest_metarelease.plugin.doors import service_probe
        from pytest_metarelease.probes.outage import watch_each

        probe = service_probe(service, environment, self._target.recorder)
        with closing(probe):
            return watch_each(every, probe, _health(environment, service))

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


def _health(environment: Environment, service: str) -> Health:
    health = environment.services[service].health
    assert health is not None  # it is what declares the part  # noqa: S101
    return health


def declared_ways(health: Health, part: str) -> dict[str, Breaking]:
    """Return how a part is brought ``down`` and ``stalled``, as far as it is declared."""
    said = health.outages.get(part)
    ways = {"down": said.down, "stalled": said.stalled} if said else {}
    return {word: way for word, way in ways.items() if way is not None}


def still_answering(target: Target, subjects: Sequence[str]) -> str:
    """Return which of some subjects answers us, empty where none does."""
    from pytest_metarelease.plugin.doors import ChainDoor, HttpDoor, SqlDoor

    mark = target.recorder.mark()
    with (
        closing(HttpDoor(target)) as http,
        closing(ChainDoor(target)) as chain,
        closing(SqlDoor(target)) as sql,
    ):
        for subject in subjects:
            kind, _, name = subject.partition(":")
            try:
                if kind == "database":
                    sql.database(name).connect()
                elif kind == "external":
                    http.external(name).get("")
                elif kind == "service":
                    http.service(name, ready=False).get("")
                else:
                    chain.chain().head()
            except (UnreachableError, DeadlineError):
                continue
            finally:
                target.recorder.supersede(mark)
            return subject
    return ""


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
