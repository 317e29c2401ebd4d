"""Waiting until a service is healthy, at the longest a given time.

It refuses to decide what follows: it says what it saw last, and every attempt is on record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pytest_metarelease.errors import ForbiddenError, MalformedError, ProbeError
from pytest_metarelease.evidence import Judgement, Measurement
from pytest_metarelease.probes.clock import Deadline, sleep_within
from pytest_metarelease.probes.document import read_json
from pytest_metarelease.probes.health import health_problems, parts

if TYPE_CHECKING:
    from pytest_metarelease.manifest.model import Health
    from pytest_metarelease.probes.exchange import Response
    from pytest_metarelease.probes.http import HttpProbe

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthSeen:
    """What a wait for health ended with. ``seconds`` is how long it took.

    ``problems`` are those of the last attempt; ``parts`` what the last answer said of its parts;
    ``judgement`` is unknown where the last attempt got no usable answer.
    """

    healthy: bool
    judgement: Judgement
    problems: tuple[str, ...]
    attempts: int
    seconds: float
    parts: Mapping[str, bool] = field(default_factory=dict)
    gave_up: str | None = None
    measurement: Measurement | None = None

    @property
    def text(self) -> str:
        """What was seen, in one line."""
        tries = f"{self.attempts} attempt{'' if self.attempts == 1 else 's'}"
        if self.healthy:
            return f"healthy after {self.seconds:.1f} s and {tries}"
        why = f", given up because {self.gave_up}" if self.gave_up else ""
        said = "; ".join(self.problems) or "nothing"
        return f"not healthy after {self.seconds:.1f} s and {tries}{why}: {said}"


def wait_until_healthy(
    probe: HttpProbe,
    health: Health,
    within: float,
    *,
    give_up: Callable[[Mapping[str, bool]], str | None] = lambda _parts: None,
    pause: Callable[[float, Deadline], None] = sleep_within,
) -> HealthSeen:
    """Ask for health until the answer is healthy or ``within`` seconds have passed.

    Attempts are 0.05 s apart, later up to 1 s. ``give_up`` gets what the last answer said of its
    parts and returns why waiting longer is no use, or None. Only the last attempt is judged.

    Raises:
        ForbiddenError: The question may not be asked at all.
    """
    deadline = Deadline.after(within)
    wait = _FIRST_PAUSE
    attempts = 0
    while True:
        attempts += 1
        mark = probe.recorder.mark()
        tried = _try(probe, health, deadline)
        reason = None if tried.healthy else give_up(tried.parts)
        if tried.healthy or reason is not None or deadline.remaining <= wait:
            return _ended(tried, attempts, deadline, reason)
        probe.recorder.supersede(mark)
        pause(wait, deadline)
        wait = min(2 * wait, _LONGEST_PAUSE)


def _ended(tried: HealthSeen, attempts: int, deadline: Deadline, why: str | None) -> HealthSeen:
    return replace(tried, attempts=attempts, seconds=deadline.elapsed, gave_up=why)


def _try(probe: HttpProbe, health: Health, deadline: Deadline) -> HealthSeen:
    limit = max(min(probe.timeout, deadline.remaining), _FIRST_PAUSE)
    try:
        response = probe.get(health.path, timeout=limit)
    except ForbiddenError:
        raise
    except ProbeError as error:
        problem = str(error).splitlines()[0]
        return _attempt(Judgement.UNKNOWN, (problem,), {}, probe.last)
    if response.status == 429:
        return _attempt(Judgement.UNKNOWN, (response.summary,), {}, response.measurement)
    problems = health_problems(health, response)
    judgement = Judgement.UNMET if problems else Judgement.MET
    probe.recorder.judge(
        response.measurement,
        judgement,
        expected="healthy",
        actual="; ".join(problems) or "healthy",
        where=response.measurement.asked,
        next_step=f"see what {probe.subject} logs about it" if problems else "",
    )
    return _attempt(judgement, problems, _parts(health, response), response.measurement)


def _parts(health: Health, response: Response) -> Mapping[str, bool]:
    try:
        return parts(health, read_json(response.body))
    except MalformedError:
        return {}


def _attempt(
    judgement: Judgement,
    problems: tuple[str, ...],
    said: Mapping[str, bool],
    measurement: Measurement | None,
) -> HealthSeen:
    return HealthSeen(
        healthy=judgement is Judgement.MET,
        judgement=judgement,
        problems=problems,
        attempts=1,
        seconds=0.0,
        parts=said,
        measurement=measurement,
    )
