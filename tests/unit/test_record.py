"""Records: what ``dataclass(frozen=True, slots=True, kw_only=True)`` makes, made faster."""

from __future__ import annotations

import copy
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, replace
from typing import Any

import pytest

from pytest_metarelease.record import record


@record
class Inner:
    """One field that must be given."""

    name: str


@record
class Outer:
    """A field of each kind."""

    inner: Inner
    number: int = 3
    many: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.number < 0:
            raise ValueError("negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """What ``Outer`` is, by the standard library."""

    inner: Inner
    number: int = 3
    many: list[str] = field(default_factory=list)


@record
class Longer(Outer):
    """A record of a record."""

    more: str = "x"


def test_nothing_that_is_missing_or_unknown_is_accepted() -> None:
    with pytest.raises(TypeError, match="needs 'inner'"):
        Outer()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="has no 'other'"):
        Outer(inner=Inner(name="a"), other=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Inner("a")  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="negative"):
        Outer(inner=Inner(name="a"), number=-1)


def test_it_says_and_knows_what_a_dataclass_does() -> None:
    ours, theirs = Outer(inner=Inner(name="a")), Plain(inner=Inner(name="a"))
    assert repr(ours) == repr(theirs).replace("Plain", "Outer")
    assert asdict(ours) == asdict(theirs)
    assert [one.name for one in fields(ours)] == [one.name for one in fields(theirs)]
    assert not hasattr(ours, "__dict__")


def test_defaults_are_not_shared() -> None:
    one, other = Outer(inner=Inner(name="a")), Outer(inner=Inner(name="a"))
    one.many.append("x")
    assert other.many == []
    assert one != other


def test_equal_values_are_equal_and_have_one_hash() -> None:
    assert Inner(name="a") == Inner(name="a") != Inner(name="b")
    assert len({Inner(name="a"), Inner(name="a"), Inner(name="b")}) == 2
    assert replace(Outer(inner=Inner(name="a")), number=4).number == 4


def test_nothing_can_be_changed() -> None:
    one: Any = Inner(name="a")
    with pytest.raises(FrozenInstanceError):
        one.name = "b"
    with pytest.raises(FrozenInstanceError):
        del one.name
    with pytest.raises((FrozenInstanceError, AttributeError)):
        one.other = "b"


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy])
def test_a_copy_is_equal(again: Any) -> None:
    one = Longer(inner=Inner(name="a"), more="y")
    assert again(one) == one
    assert again(one).more == "y"
