"""What a service says of its health before, during and after an outage that we cause.

It refuses to judge an outage of something that was not well before, and leaves nothing broken: the
outage ends whatever happens while it lasts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_metarelease.errors import ForbiddenError, NotReadyError, ProbeError
from pytest_metarelease.evidence import Measurement, Recorder
from pytest_metarelease.manifest.model import Health
from pytest_metarelease.probes.clock import Deadline, sleep_within, utc_now
from pytest_metarelease.probes.health import health_problems
from pytest_metarelease.probes.reading import Reading

if TYPE_CHECKING:
    from pytest_metarelease.probes.http import HttpProbe

_PAUSE = 0.1
# Answers that are asked for once it was noticed: one alone could be luck.
_MORE = 2


@dataclass(slots=True)
class _Answers:
    """What came back while the outage lasted; seconds since it began, seconds of each answer."""

    noticed: float | None = None
    slowest: float = 0.0
    silent: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One outage, seen through a service's health. All times in seconds.

    ``noticed`` is when it was first told, None where it never was; ``slowest`` the slowest of the
    answers meanwhile; ``silent`` why one did not come; ``recovered`` how long after its end all
    was well again, None where it was not.
    """

    what: str
    health: Health
    noticed: float | None
    slowest: float
    silent: str
    said: str
    recovered: float | None
    measurement: Measurement
    recorder: Recorder

    def expect_told(self) -> None:
        """Judge that health told of the outage, soon enough.

        Raises:
            UnmetError: It went on saying that all is well.
        """
        told = self.noticed is not None
        said = "told" if told else f"not told within {self.health.notices:g} s ({self.said})"
        step = "let health ask the part itself, each time, instead of what was true once"
        self._reading(said).expect("told", next_step=step)

    def expect_answers(self) -> None:
        """Judge that each answer of health came in time while the outage lasted.

        Raises:
            UnmetError: One was too late, or did not come at all.
        """
        limit = self.health.patience
        late = self.silent or (f"{self.slowest:.1f} s" if self.slowest > limit else "")
        step = "give each question that health asks a time limit of its own"
        wanted = f"each answer within {limit:g} s"
        self._reading(late or wanted).expect(wanted, next_step=step)

    def expect_recovery(self) -> None:
        """Judge that health was well again soon enough after the outage had ended.

        Raises:
            UnmetError: It was not.
        """
        wanted = f"well again within {self.health.within:g} s after it"
        found = wanted if self.recovered is not None else f"not well again: {self.said}"
        step = "see what the service keeps of the outage; a restart must not be needed"
        self._reading(found).expect(wanted, next_step=step)

    def _reading(self, said: str) -> Reading:
        return Reading(said, f"health while {self.what}", self.measurement, self.recorder)


@dataclass(frozen=True, slots=True)
class Outage:
    """An outage that can be caused: ``cause`` begins it on entry and ends it on exit.

    ``answering`` asks the part itself, where that is not known otherwise, and returns what still
    answers while it should be broken.
    """

    what: str
    cause: Callable[[], AbstractContextManager[object]] = field(repr=False)
    answering: Callable[[], str] = field(default=str, repr=False)

    def watch(self, probe: HttpProbe, health: Health) -> Course:
        """Cause the outage, end it, and return what health said all the while.

        Raises:
            NotReadyError: Health was not well before; nothing was caused.
            ProbeError: The outage could not be caused or ended, or was none.
        """
        at, started = utc_now(), time.perf_counter()
        mark = probe.recorder.mark()
        before = _Answers()
        if _until_well(probe, health, before) is None:
            raise NotReadyError(
                f"{probe.subject} is not well, so no outage was caused: {before.said}"
            )
        answers = _Answers()
        with self.cause():
            _until_told(probe, health, answers)
            still = self.answering() if answers.noticed is None else ""
        if still:
            raise ProbeError(
                f"health said nothing while {self.what}, but {still} answered us meanwhile; mend "
                "the command that causes this outage"
            )
        after = _Answers()
        recovered = _until_well(probe, health, after)
        probe.recorder.supersede(mark)
        noticed = "never" if answers.noticed is None else f"after {answers.noticed:.1f} s"
        well = "never" if recovered is None else f"{recovered:.1f} s"
        text = f"told {noticed}, slowest answer {answers.slowest:.1f} s, well again after {well}"
        measurement = probe.recorder.measured(
            subject=probe.subject,
            probe="outage",
            asked=f"GET {health.path} while {self.what}",
            at=at,
            duration=time.perf_counter() - started,
            answer=text,
            sample=None,
        )
        return Course(
            what=self.what,
            health=health,
            noticed=answers.noticed,
            slowest=answers.slowest,
            silent=answers.silent,
            said=answers.said if recovered is not None else after.said,
            recovered=recovered,
            measurement=measurement,
            recorder=probe.recorder,
        )


def watch_each(outages: Iterable[Outage], probe: HttpProbe, health: Health) -> tuple[Course, ...]:
    """Watch one outage after the other, up to the first that was never told or never ended.

    What comes after such a one would be seen through the same defect.

    Raises:
        ProbeError: See ``Outage.watch``.
    """
    courses: list[Course] = []
    for outage in outages:
        courses.append(outage.watch(probe, health))
        if courses[-1].noticed is None or courses[-1].recovered is None:
            break
    return tuple(courses)


def _until_told(probe: HttpProbe, health: Health, answers: _Answers) -> None:
    deadline = Deadline.after(health.notices)
    more = _MORE
    while more:
        _ask(probe, health, answers, deadline.elapsed)
        if answers.noticed is not None:
            more -= 1
        elif deadline.remaining <= _PAUSE:
            return
        else:
            sleep_within(_PAUSE, deadline)


def _until_well(probe: HttpProbe, health: Health, answers: _Answers) -> float | None:
    deadline = Deadline.after(health.within)
    while True:
        if _ask(probe, health, answers, deadline.elapsed):
            return deadline.elapsed
        if deadline.remaining <= _PAUSE:
            return None
        sleep_within(_PAUSE, deadline)


def _ask(probe: HttpProbe, health: Health, answers: _Answers, elapsed: float) -> bool:
    """Ask once; return whether health says that all is well."""
    started = time.perf_counter()
    try:
        response = probe.get(health.path)
    except ForbiddenError:
        raise
    except ProbeError as error:
        answers.silent = answers.said = str(error).splitlines()[0]
        return False
    finally:
        answers.slowest = max(answers.slowest, time.perf_counter() - started)
    problems = health_problems(health, response)
    answers.said = "; ".join(problems) or "healthy"
    if problems and answers.noticed is None:
        answers.noticed = elapsed
    return not problems
