"""Trying again, without a clock that matters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import (
    DeadlineError,
    ForbiddenError,
    MetareleaseError,
    UnmetError,
    UnsupportedError,
    UsageError,
)
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.probes.eventually import Eventually
from pytest_metarelease.probes.exchange import RateLimitedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_metarelease.probes.clock import Deadline


@pytest.fixture
def notebook() -> Notebook:
    book = Notebook()
    book.check = "check"
    return book


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def eventually(notebook: Notebook, waits: list[float]) -> Eventually:
    def pause(seconds: float, _: Deadline) -> None:
        waits.append(seconds)

    return Eventually(notebook, pause=pause)


def tries(notebook: Notebook, *errors: Exception | None) -> Callable[[], str]:
    """Return a question that is on record each time, and fails with the errors in turn."""
    outcomes: Iterator[Exception | None] = iter(errors)

    def ask() -> str:
        error = next(outcomes)
        measurement = notebook.measured(
            subject="s", probe="p", asked="a", at="", duration=0, answer=""
        )
        judgement = Judgement.MET if error is None else Judgement.UNMET
        notebook.judge(measurement, judgement, expected="e", actual="x")
        if error is not None:
            raise error
        return "done"

    return ask


def judged(notebook: Notebook) -> list[Judgement]:
    return [one.judgement for one in notebook.citations["check"] if one.expected]


def test_what_never_holds_is_what_it_was_at_last(
    eventually: Eventually, notebook: Notebook
) -> None:
    ask = tries(notebook, DeadlineError("late"), UnmetError("still not"))
    with pytest.raises(DeadlineError, match=r"late\ntried     once in 0.0 s of 0 s"):
        eventually(ask, within=0)
    assert judged(notebook) == [Judgement.UNMET]


def test_only_the_last_try_is_judged(
    eventually: Eventually, notebook: Notebook, waits: list[float]
) -> None:
    ask = tries(notebook, UnmetError("no"), DeadlineError("late"), None)
    assert eventually(ask, within="1h", every=0.3) == "done"
    assert judged(notebook) == [Judgement.NONE, Judgement.NONE, Judgement.MET]
    assert len(notebook.measurements) == 3
    assert waits == [0.3, 0.3]


@pytest.mark.parametrize("error", [ForbiddenError("x"), UnsupportedError("x"), ValueError("x")])
def test_what_will_not_change_is_not_tried_again(
    error: Exception, eventually: Eventually, notebook: Notebook, waits: list[float]
) -> None:
    with pytest.raises(type(error), match="x"):
        eventually(tries(notebook, error), within="1h")
    assert waits == []


def test_a_wish_to_come_back_later_is_respected(
    eventually: Eventually, notebook: Notebook, waits: list[float]
) -> None:
    put_off = RateLimitedError("later")
    put_off.retry_after = 7.0
    eventually(tries(notebook, put_off, None), within="1h")
    assert waits == [7.0]
    put_off.retry_after = 7200.0
    with pytest.raises(RateLimitedError, match="tried     once"):
        eventually(tries(notebook, put_off), within="1h")


def test_the_deadline_ends_it(notebook: Notebook) -> None:
    def endless() -> None:
        raise UnmetError("no")

    with pytest.raises(UnmetError, match=r"tried     \d+ times in 0.0 s of 0.02 s"):
        Eventually(notebook)(endless, within="20ms", every=0.004)


def test_a_wrong_duration_is_a_usage_error(eventually: Eventually) -> None:
    with pytest.raises(UsageError, match="within: not a duration"):
        eventually(lambda: None, within="soon")
    assert issubclass(UsageError, MetareleaseError)
