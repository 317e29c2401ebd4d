"""The same fact in two places must agree, although both may move while they are read.

It refuses to call a difference a fact that was not there each time it looked, and to call two
sides equal that were never both still.
"""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import (
    Callable,
    Collection,
    Iterator,
    KeysView,
    Mapping,
    Sequence,
    ValuesView,
)
from collections.abc import (
    Set as AbstractSet,
)
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import ProbeError, UnmetError
from pytest_metarelease.evidence import Judgement, Measurement
from pytest_metarelease.probes.reading import Reading, failure, same, show

if TYPE_CHECKING:
    from pytest_metarelease.evidence import Recorder

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class _Bracket:
    """One look at both sides, and the last measurement that each of them made."""

    left: Any
    before: Any
    after: Any
    measurements: tuple[Measurement, ...]

    @property
    def still(self) -> bool:
        return same(self.before, self.after)

    @property
    def agrees(self) -> bool:
        return self.still and same(*_alike(self.left, self.after))


class Agree:
    """``agree(lambda: ids_of_the_api(), lambda: set(database.column("select id from orders")))``.

    The right side is read before and after the left one.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def __call__(
        self,
        left: Callable[..., Any],
        right: Callable[..., Any],
        *,
        names: tuple[str, str] = ("left", "right"),
        brackets: int = 3,
        next_step: str = "",
    ) -> Any:
        """Judge that both sides say the same, and return what they say.

        Each side is a function that reads anew; one that has a parameter ``cutoff`` gets the
        moment (UTC) at which its bracket began. The last measurement that each side made is
        judged; a side that asks nothing verifies nothing.

        Raises:
            UnmetError: They differ, and part of the difference lasted.
            ProbeError: No difference lasted, or the right side never stood still: unknown. Also
                whatever a side raises.
        """
        seen: list[_Bracket] = []
        for _ in range(max(1, brackets)):
            seen.append(self._look(left, right))
            if seen[-1].agrees:
                self._judge(seen[-1], Judgement.MET, names, f"both say {_size(seen[-1].left)}")
                return seen[-1].left
        still = [one for one in seen if one.still]
        lasting = _lasting(still) if len(still) >= min(2, len(seen)) else []
        if not lasting:
            raise self._unknown(seen, names)
        raise self._differ(seen[-1], names, _grouped(lasting, names), next_step)

    def _look(self, left: Callable[..., Any], right: Callable[..., Any]) -> _Bracket:
        cutoff = datetime.now(UTC)
        marks = [self._recorder.mark()]
        values = []
        for side in (right, left, right):
            values.append(_read(side, cutoff))
            marks.append(self._recorder.mark())
        asked = (
            self._recorder.last_cited(marks[1], marks[2]),
            self._recorder.last_cited(marks[2], marks[3]),
        )
        before, between, after = values
        return _Bracket(between, before, after, tuple(one for one in asked if one is not None))

    def _differ(
        self, bracket: _Bracket, names: tuple[str, str], difference: str, next_step: str
    ) -> UnmetError:
        step = next_step or f"find out which of {names[0]} and {names[1]} is right"
        self._judge(bracket, Judgement.UNMET, names, difference, step)
        return UnmetError(
            failure(
                expected=f"{names[0]} and {names[1]} agree",
                actual=difference,
                read=f"{names[1]}, {names[0]}, {names[1]}",
                next_step=step,
                redact=self._recorder.redact,
            )
        )

    def _unknown(self, seen: list[_Bracket], names: tuple[str, str]) -> ProbeError:
        still = sum(one.still for one in seen)
        text = (
            f"{names[0]} and {names[1]} could not be compared: {names[1]} stood still in {still} "
            f"of {len(seen)} looks, and no difference lasted; compare up to a cut-off"
        )
        self._judge(seen[-1], Judgement.UNKNOWN, names, text)
        return ProbeError(text)

    def _judge(
        self,
        bracket: _Bracket,
        judgement: Judgement,
        names: tuple[str, str],
        actual: str,
        next_step: str = "",
    ) -> None:
        for measurement in bracket.measurements:
            self._recorder.judge(
                measurement,
                judgement,
                expected=f"{names[0]} and {names[1]} agree",
                actual=actual,
                where=measurement.asked,
                next_step=next_step,
            )


def _read(side: Callable[..., Any], cutoff: datetime) -> Any:
    wants = "cutoff" in inspect.signature(side).parameters
    value = side(cutoff=cutoff) if wants else side()
    if isinstance(value, Reading):
        value = value.value
    if isinstance(value, Iterator | KeysView | ValuesView):
        # An iterator would be empty at the second look, and empty equals empty.
        value = list(value)
    return value


def _alike(left: Any, right: Any) -> tuple[Any, Any]:
    """Make a set and any other collection comparable: as the sorted keys of both."""
    sets = isinstance(left, AbstractSet) or isinstance(right, AbstractSet)
    if sets and _is_collection(left) and _is_collection(right):
        return sorted(set(map(_key, left))), sorted(set(map(_key, right)))
    return left, right


def _is_collection(value: Any) -> bool:
    return isinstance(value, Collection) and not isinstance(value, str | bytes | Mapping)


def _key(value: Any) -> str:
    """Return a text that is the same for values that ``reading.same`` calls the same."""
    if isinstance(value, bytes | bytearray):
        value = "0x" + bytes(value).hex()
    if isinstance(value, str) and re.fullmatch(r"0[xX][0-9a-fA-F]*", value):
        value = value.lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return repr(value)


def _lasting(still: Sequence[_Bracket]) -> list[tuple[int, str]]:
    """Return the differences that every look at a right side that stood still has shown."""
    shown = [_differences(one.left, one.after) for one in still]
    return [one for one in shown[-1] if all(one in other for other in shown)] if shown else []


def _differences(left: Any, right: Any) -> dict[tuple[int, str], None]:
    """Return each difference, in order: 0 only left, 1 only right, 2 in both but different."""
    found: list[tuple[int, str]] = []
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        found += [(0, _key(key)) for key in left if key not in right]
        found += [(1, _key(key)) for key in right if key not in left]
        common = [key for key in left if key in right and not same(left[key], right[key])]
        found += [(2, f"{key}: {show(left[key])} / {show(right[key])}") for key in common]
    elif _is_collection(left) and _is_collection(right):
        lefts, rights = Counter(map(_key, left)), Counter(map(_key, right))
        if isinstance(left, AbstractSet) or isinstance(right, AbstractSet):
            lefts, rights = Counter(set(lefts)), Counter(set(rights))
        found += [(0, text) for text in lefts - rights]
        found += [(1, text) for text in rights - lefts]
        if not found:
            found.append((2, "the same elements in another order"))
    else:
        found.append((2, f"{show(left)} / {show(right)}"))
    return dict.fromkeys(found)


def _grouped(differences: Sequence[tuple[int, str]], names: tuple[str, str]) -> str:
    titles = (f"only in {names[0]}", f"only in {names[1]}", "different")
    parts = []
    for side, title in enumerate(titles):
        found = [text for where, text in differences if where == side]
        if found:
            more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            parts.append(f"{title}: {', '.join(show(one) for one in found[:_SHOWN])}{more}")
    return "; ".join(parts)


def _size(value: Any) -> str:
    if _is_collection(value):
        return f"the same {len(value)} element{'' if len(value) == 1 else 's'}"
    return show(value, 100)
