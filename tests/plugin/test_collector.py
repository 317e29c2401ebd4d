"""The garbage collector is kept away for a while, and loses nothing by that."""

from __future__ import annotations

import gc
import weakref

import pytest

from pytest_metarelease.plugin.collector import undisturbed


class Cycle:
    def __init__(self) -> None:
        self.itself = self


def test_what_was_made_meanwhile_is_collected_later() -> None:
    with undisturbed():
        assert not gc.isenabled()
        lost = weakref.ref(Cycle())
    assert gc.isenabled()
    assert lost() is not None
    gc.collect()
    assert lost() is None


def test_it_is_let_loose_again_after_an_error() -> None:
    with pytest.raises(ValueError, match="x"), undisturbed():
        raise ValueError("x")
    assert gc.isenabled()


def test_who_switched_it_off_keeps_it_so() -> None:
    gc.disable()
    try:
        with undisturbed():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_what_others_froze_stays_frozen() -> None:
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        with undisturbed():
            pass
        assert gc.get_freeze_count() == frozen > 0
    finally:
        gc.unfreeze()
