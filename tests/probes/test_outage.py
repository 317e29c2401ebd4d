"""Outages: what was never told, answered or ended is no pass, and nothing stays broken."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import NotReadyError, ProbeError, UnmetError
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.model import Expectation, Health
from pytest_metarelease.manifest.scalars import Seconds, ValuePath
from pytest_metarelease.probes.hosts import Hosts
from pytest_metarelease.probes.http import HttpProbe
from pytest_metarelease.probes.outage import Course, Outage, watch_each
from tests.probes.hostile import Asked, Talk, hostile_server, says_json

if TYPE_CHECKING:
    from collections.abc import Iterator

WELL, ILL = says_json({"status": "healthy"}), says_json({"status": "degraded"}, status=503)
HEALTH = Health(
    path="/health",
    healthy={ValuePath("status"): Expectation(equals="healthy", states_equals=True)},
    notices=Seconds(1),
    patience=Seconds(1),
    within=Seconds(1),
)


@dataclass
class World:
    """A service whose health is what a test makes of an outage."""

    probe: HttpProbe = field(init=False)
    notebook: Notebook = field(default_factory=Notebook)
    broken: bool = False
    been_broken: int = 0
    tells: bool = True
    recovers: bool = True
    hangs: float = 0.0
    well: bool = True

    def answer(self, asked: Asked, talk: Talk) -> None:
        if self.broken and self.hangs:
            talk.wait(self.hangs)
        ill = (self.broken and self.tells) or (self.been_broken and not self.recovers)
        (ILL if ill or not self.well else WELL)(asked, talk)

    @contextmanager
    def outage(self) -> Iterator[None]:
        self.broken = True
        self.been_broken += 1
        try:
            yield
        finally:
            self.broken = False

    def watch(self) -> Course:
        return Outage("it is broken", self.outage).watch(self.probe, HEALTH)


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    made.notebook.check = "check"
    with hostile_server({"/health": made.answer}) as server:
        made.probe = HttpProbe(
            "service:api",
            server.url,
            recorder=made.notebook,
            hosts=Hosts.these([server.url]),
            timeout=2.0,
        )
        with closing(made.probe):
            yield made


def judged(world: World) -> list[Judgement]:
    found = [one.judgement for one in world.notebook.citations["check"]]
    return [one for one in found if one is not Judgement.NONE]


def test_a_course_that_nobody_judged_verifies_nothing(world: World) -> None:
    world.watch()
    assert Judgement.MET not in judged(world)


def test_what_is_not_well_before_is_left_alone(world: World) -> None:
    world.well = False
    with pytest.raises(NotReadyError, match="no outage was caused"):
        world.watch()
    assert world.been_broken == 0


def test_an_outage_that_is_told_and_ends(world: World) -> None:
    course = world.watch()
    course.expect_told()
    course.expect_answers()
    course.expect_recovery()
    assert judged(world)[-3:] == [Judgement.MET] * 3
    assert not world.broken


def test_an_outage_that_is_never_told(world: World) -> None:
    world.tells = False
    with pytest.raises(UnmetError, match="not told within 1 s"):
        world.watch().expect_told()
    assert not world.broken


def test_answers_that_come_too_late(world: World) -> None:
    world.hangs = 1.2
    with pytest.raises(UnmetError, match="each answer within 1 s"):
        world.watch().expect_answers()


def test_no_answer_at_all_is_neither_told_nor_in_time(world: World) -> None:
    world.hangs = 3.0
    course = world.watch()
    for expect in (course.expect_told, course.expect_answers):
        with pytest.raises(UnmetError):
            expect()


def test_what_does_not_recover_is_not_put_through_the_next(world: World) -> None:
    world.recovers = False
    outages = [Outage("it is broken", world.outage)] * 3
    (course,) = watch_each(outages, world.probe, HEALTH)
    with pytest.raises(UnmetError, match="not well again"):
        course.expect_recovery()
    assert world.been_broken == 1


def test_an_outage_ends_whatever_happens_meanwhile(world: World) -> None:
    @contextmanager
    def cause() -> Iterator[None]:
        with world.outage():
            yield
            raise ProbeError("the part could not be brought back")

    with pytest.raises(ProbeError, match="could not be brought back"):
        Outage("it is broken", cause).watch(world.probe, HEALTH)
    assert not world.broken
