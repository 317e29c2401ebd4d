"""A future that failed is told when it is given up unasked: not before, not twice, not else."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import CancelledError, Future, InvalidStateError, ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.plugin.lost_futures import LostFutures

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def told() -> Iterator[list[str]]:
    found: list[str] = []
    listening = LostFutures(found.append)
    yield found
    listening.stop()


def failed(text: str = "lost") -> Future[None]:
    future: Future[None] = Future()
    future.set_exception(ValueError(text))
    return future


def test_one_that_is_given_up_is_told_once(told: list[str]) -> None:
    future = failed()
    assert told == [], "somebody may still ask"
    del future
    assert told == ["ValueError: lost"]


def test_one_that_was_asked_is_not_told(told: list[str]) -> None:
    with pytest.raises(ValueError, match="lost"):
        failed().result()
    with pytest.raises(ValueError, match="lost"):
        failed().result(timeout=1)
    assert str(failed().exception()) == "lost"
    assert told == []


def test_waiting_in_vain_is_no_asking(told: list[str]) -> None:
    future: Future[None] = Future()
    with pytest.raises(TimeoutError):
        future.result(timeout=0)
    future.set_exception(ValueError("lost"))
    del future
    assert told == ["ValueError: lost"]


def test_who_asks_keeps_no_future_alive(told: list[str]) -> None:
    """As without us: what was raised does not hold the future that it came from."""
    gc.disable()
    try:
        future = failed()
        alive = weakref.ref(future)
        with pytest.raises(ValueError, match="lost") as caught:
            future.result()
        del future, caught
        assert alive() is None
    finally:
        gc.enable()


def test_what_ended_otherwise_is_not_told(told: list[str]) -> None:
    done: Future[int] = Future()
    done.set_result(1)
    with pytest.raises(InvalidStateError):
        done.set_exception(ValueError("too late"))
    cancelled: Future[None] = Future()
    cancelled.cancel()
    with pytest.raises(CancelledError):
        cancelled.result()
    del done, cancelled
    assert told == []


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("nothing to say")


def test_an_exception_that_cannot_be_said_is_told_by_its_name(told: list[str]) -> None:
    future: Future[None] = Future()
    future.set_exception(MuteError())
    del future
    assert told == ["MuteError"]


def test_afterwards_nothing_is_listened_to() -> None:
    found: list[str] = []
    before = Future.result, Future.exception, Future.set_exception
    LostFutures(found.append).stop()
    assert (Future.result, Future.exception, Future.set_exception) == before
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: 1 / 0)
    assert found == []
