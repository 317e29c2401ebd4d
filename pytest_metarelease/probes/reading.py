"""One value that a probe read, and the typed comparisons that judge it.

A comparison records its judgement and raises ``UnmetError`` where it does not hold; it never
returns a bool that somebody could forget to assert.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pytest_metarelease.errors import UnmetError
from pytest_metarelease.evidence import Judgement, Measurement, Recorder
from pytest_metarelease.manifest.amounts import is_wei, read_wei
from pytest_metarelease.manifest.model import Expectation, ViewExpectation

Number: TypeAlias = int | float

_JSON_TYPES: Mapping[str, tuple[type, ...]] = {
    "array": (list, tuple),
    "boolean": (bool,),
    "null": (type(None),),
    "number": (int, float),
    "object": (dict,),
    "string": (str,),
}


# Equal to nothing else; whatever says that it equals this says so of everything.
_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Reading:
    """A value with the measurement it came from.

    ``name`` says what was read (``Escrow.arbiter()``), ``where`` at which place or block.
    """

    value: Any
    name: str
    measurement: Measurement
    recorder: Recorder
    where: str = ""

    def expect(self, expected: object, *, next_step: str = "") -> Any:
        """Judge that the value equals ``expected`` (or meets an ``Expectation``); return it.

        Addresses and hexadecimal data compare without regard to case.

        Raises:
            UnmetError: It does not.
        """
        wanted = (
            expected
            if isinstance(expected, Expectation)
            else Expectation(equals=expected, states_equals=True)  # type: ignore[arg-type]
        )
        return self._judge(mismatch(wanted, self.value), describe(wanted), next_step)

    def at_most(self, limit: Number, *, next_step: str = "") -> Any:
        """Judge that the value is a number not above ``limit``; return it."""
        return self.expect(Expectation(max=limit), next_step=next_step)

    def at_least(self, limit: Number, *, next_step: str = "") -> Any:
        """Judge that the value is a number not below ``limit``; return it."""
        return self.expect(Expectation(min=limit), next_step=next_step)

    def one_of(self, values: Sequence[Any], *, next_step: str = "") -> Any:
        """Judge that the value is one of ``values``; return it."""
        return self.expect(Expectation(one_of=tuple(values)), next_step=next_step)

    def _judge(self, problem: str | None, expected: str, next_step: str) -> Any:
        met = problem is None
        self.recorder.judge(
            self.measurement,
            Judgement.MET if met else Judgement.UNMET,
            expected=f"{self.name}: {expected}",
            actual=show(self.value),
            where=self.where,
            next_step=next_step,
        )
        if not met:
            raise UnmetError(
                failure(
                    expected=f"{self.name}: {expected}",
                    actual=f"{show(self.value)} ({problem})",
                    read=f"{self.measurement.asked} {self.where}".strip(),
                    next_step=next_step,
                    redact=self.recorder.redact,
                )
            )
        return self.value


def failure(*, expected: str, actual: str, read: str, next_step: str, redact: Any = str) -> str:
    """Return the text of a failed comparison: expected, actual, where it was read, what next."""
    lines = [f"expected  {expected}", f"actual    {actual}", f"read      {read}"]
    if next_step:
        lines.append(f"next      {next_step}")
    return "\n".join(str(redact(line)) for line in lines)


def mismatch(expectation: Expectation, actual: Any) -> str | None:
    """Return how ``actual`` differs from the expectation, or None where it meets it.

    An expectation that states nothing is met by nothing: an empty mapping in a manifest must not
    verify whatever comes.
    """
    problems = list(_mismatches(expectation, actual))
    return "; ".join(problems) if problems else None


def _mismatches(wanted: Expectation, actual: Any) -> Sequence[str]:
    results = [*_compared(wanted, actual), *_bounded(wanted, actual)]
    if isinstance(wanted, ViewExpectation) and (
        wanted.holds or wanted.reverts is not None or wanted.unconfirmed is not None
    ):
        # Whoever reads contracts takes these away first; here they could only be overlooked.
        return ["holds, reverts and unconfirmed are compared by ContractProbe.state() only"]
    if not results:
        return ["the expectation states nothing"]
    return [problem for holds, problem in results if not holds]


def _compared(wanted: Expectation, actual: Any) -> Iterator[tuple[bool, str]]:
    """Yield whether each stated comparison holds, and what is wrong where it does not."""
    if wanted.states_equals:
        yield same(wanted.equals, actual), _unequal(wanted.equals, actual)
    if wanted.one_of is not None:
        yield any(same(one, actual) for one in wanted.one_of), "is none of them"
    if wanted.type is not None:
        yield _is_type(wanted.type, actual), f"is no {wanted.type}"
    if wanted.matches is not None:
        yield _matches(wanted.matches, actual), "does not match"
    if wanted.length is not None:
        long_enough = hasattr(actual, "__len__") and len(actual) >= wanted.length
        yield long_enough, f"has fewer than {wanted.length} elements"


def _unequal(expected: Any, actual: Any) -> str:
    """Say that they differ, and how where both are shown alike: ``"1"`` is a text, 1 a number."""
    if isinstance(expected, list | tuple) and isinstance(actual, list | tuple):
        pairs = list(zip(expected, actual, strict=False))
    else:
        pairs = [(expected, actual)]
    quoted = [
        number
        for text, number in pairs
        if isinstance(text, str) and not isinstance(number, str) and text == str(number)
    ]
    if not quoted:
        return "is not equal"
    return f"is not equal: {quoted[0]} is a number, and a text is expected; remove the quotes"


def _bounded(wanted: Expectation, actual: Any) -> Iterator[tuple[bool, str]]:
    for bound, sign in ((wanted.min, 1), (wanted.max, -1)):
        if bound is not None:
            problem = "; ".join(_beyond(bound, sign, actual))
            yield not problem, problem


def _matches(pattern: str, actual: Any) -> bool:
    return isinstance(actual, str) and re.fullmatch(pattern, actual) is not None


def _beyond(bound: float | str, sign: int, actual: Any) -> Sequence[str]:
    limit = read_wei(bound) if isinstance(bound, str) else bound
    value = read_wei(actual) if isinstance(actual, str) and is_wei(actual) else actual
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ["is no number"]
    # Written so that NaN, for which every comparison is false, is beyond each limit.
    within = value >= limit if sign > 0 else value <= limit
    return () if within else ["is too small" if sign > 0 else "is too large"]


def _is_type(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, _JSON_TYPES[name])


def same(expected: Any, actual: Any) -> bool:
    """Return whether two values are equal as a reader of a manifest means it.

    True is not 1; hexadecimal texts (addresses, hashes, bytes) compare without regard to case;
    bytes equal their hexadecimal text; an amount such as ``1 ether`` equals its wei; lists
    compare element by element, whatever kind of sequence. What equals anything, such as
    ``unittest.mock.ANY``, equals nothing here.
    """
    if _equals_anything(expected) or _equals_anything(actual):
        return False
    if isinstance(actual, bytes | bytearray):
        actual = "0x" + bytes(actual).hex()
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, str) and isinstance(actual, str):
        return _hex_or_text(expected) == _hex_or_text(actual)
    if isinstance(expected, str) and isinstance(actual, int) and is_wei(expected):
        return read_wei(expected) == actual
    if isinstance(expected, list | tuple) and isinstance(actual, list | tuple):
        return len(expected) == len(actual) and all(map(same, expected, actual))
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        return expected.keys() == actual.keys() and all(
            same(value, actual[key]) for key, value in expected.items()
        )
    return bool(expected == actual)


def _equals_anything(value: Any) -> bool:
    return bool(value == _NOTHING)


def _hex_or_text(text: str) -> str:
    return text.lower() if re.fullmatch(r"0[xX][0-9a-fA-F]*", text) else text


def describe(wanted: Expectation) -> str:
    """Return an expectation in words."""
    parts = []
    if wanted.states_equals:
        parts.append(show(wanted.equals))
    if wanted.one_of is not None:
        parts.append("one of " + ", ".join(show(one) for one in wanted.one_of))
    if wanted.type is not None:
        parts.append(f"type {wanted.type}")
    if wanted.matches is not None:
        parts.append(f"matching {wanted.matches}")
    if wanted.length is not None:
        parts.append(f"at least {wanted.length} elements")
    if wanted.min is not None:
        parts.append(f"at least {wanted.min}")
    if wanted.max is not None:
        parts.append(f"at most {wanted.max}")
    return ", ".join(parts) or "nothing stated"


def show(value: Any, limit: int = 300) -> str:
    """Return ``value`` for people, bounded in length."""
    if isinstance(value, bytes | bytearray):
        value = "0x" + bytes(value).hex()
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"
