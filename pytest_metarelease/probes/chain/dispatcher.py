"""Which selectors deployed code answers, found by following its dispatcher, not by its ABI.

Refuses to call a list complete that is not: a jump whose target cannot be told leaves it open.

The code is followed from its first instruction with a stack of what is known: constants, the first
word of the call data, the selector in it, and comparisons of the selector. Push data is never taken
for instructions, binary searches are followed into both halves, and the body of a function is not
entered, so that a constant compared in it (``interfaceId == 0x01ffc9a7``) is no selector.
Opcodes: Yellow Paper, appendix H; EIP-3855 (PUSH0), EIP-145 (SHL, SHR).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from pytest_metarelease.probes.chain.opcodes import ENDS, KNOWN, POPS_AND_PUSHES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_STEPS = 400_000
_DEPTH = 1024
_WORD = (1 << 256) - 1
_SHIFT = 224
_LOW = 0xFFFFFFFF
_EQ = 0x14


@dataclass(frozen=True, slots=True)
class Known:
    """Something about the call data.

    ``word`` is its first 32 bytes, ``high`` the selector's four of them with zeros behind,
    ``selector`` those four as a number.
    """

    what: str


@dataclass(frozen=True, slots=True)
class Compared:
    """Whether the selector is (``equal``), or is not, the constant."""

    constant: int
    equal: bool


Value: TypeAlias = "int | Known | Compared | None"
_WORD_VALUE, _HIGH, _SELECTOR = Known("word"), Known("high"), Known("selector")


@dataclass(frozen=True, slots=True)
class Dispatch:
    """The selectors that code compares the call's with, as 0x hex, sorted.

    ``open_end`` says why there may be more, and is empty where the list is complete.
    """

    selectors: tuple[str, ...]
    open_end: str = ""


def dispatch_of(code: bytes) -> Dispatch:
    """Return what the dispatcher of runtime code compares the selector with."""
    return _Walk(code).run()


class _Walk:
    def __init__(self, code: bytes) -> None:
        self._code = code
        self._targets = _jump_targets(code)
        self._found: set[int] = set()
        self._open_end = ""
        self._seen: set[tuple[int, tuple[Value, ...]]] = set()
        self._waiting: list[tuple[int, tuple[Value, ...]]] = [(0, ())]
        self._steps = 0

    def run(self) -> Dispatch:
        while self._waiting and self._steps < _STEPS:
            place = self._waiting.pop()
            if place not in self._seen:
                self._seen.add(place)
                self._follow(*place)
        if self._waiting:
            self._open_end = f"the code was not followed beyond {_STEPS} instructions"
        selectors = sorted(f"0x{one:08x}" for one in self._found if one <= _LOW)
        return Dispatch(tuple(selectors), self._open_end)

    def _follow(self, start: int, before: tuple[Value, ...]) -> None:
        """Follow one straight piece of code, up to its end or its branch."""
        at, stack = start, list(before)
        while at < len(self._code) and self._steps < _STEPS:
            self._steps += 1
            opcode = self._code[at]
            if opcode in ENDS or len(stack) > _DEPTH:
                return
            if 0x5F <= opcode <= 0x7F:
                size = opcode - 0x5F
                stack.append(int.from_bytes(self._code[at + 1 : at + 1 + size], "big"))
                at += 1 + size
            elif opcode in (0x56, 0x57):
                if not self._jump(opcode, at, stack):
                    return
                at += 1
            elif opcode == 0x5B and at != start:
                # A join of paths: what was seen here with the same stack is not followed again.
                self._waiting.append((at, tuple(stack)))
                return
            elif opcode not in KNOWN:
                # No instruction of ours ends a call for certain: a later fork may know it.
                self._open_end = f"the instruction 0x{opcode:02x} at byte {at} is not known"
                return
            else:
                if not _step(opcode, stack):
                    return
                # Also where the result is stored or combined with another and not jumped upon.
                if opcode == _EQ and isinstance(compared := stack[-1], Compared):
                    self._found.add(compared.constant)
                at += 1

    def _jump(self, opcode: int, at: int, stack: list[Value]) -> bool:
        """Note where the jump leads; return whether the next instruction is reached as well."""
        if len(stack) < (1 if opcode == 0x56 else 2):
            return False
        target = stack.pop()
        if opcode == 0x56:
            self._leap(target, stack, at)
            return False
        condition = stack.pop()
        if isinstance(condition, Compared):
            self._found.add(condition.constant)
            # Where the selector is the constant, the body of that function begins.
            if condition.equal:
                return True
            self._leap(target, stack, at)
            return False
        if isinstance(condition, int):
            if condition:
                self._leap(target, stack, at)
            return not condition
        self._leap(target, stack, at)
        return True

    def _leap(self, target: Value, stack: list[Value], at: int) -> None:
        if isinstance(target, int):
            if target in self._targets:
                self._waiting.append((target, tuple(stack)))
            return
        self._open_end = f"the jump at byte {at} has a target that is computed"


def _jump_targets(code: bytes) -> frozenset[int]:
    found, at = set(), 0
    while at < len(code):
        opcode = code[at]
        if opcode == 0x5B:
            found.add(at)
        at += 1 + (opcode - 0x5F if 0x60 <= opcode <= 0x7F else 0)
    return frozenset(found)


def _step(opcode: int, stack: list[Value]) -> bool:
    """Do one instruction to the stack; False where it has too few values, which ends the call."""
    if 0x80 <= opcode <= 0x8F:
        place = opcode - 0x7F
        if len(stack) < place:
            return False
        stack.append(stack[-place])
        return True
    if 0x90 <= opcode <= 0x9F:
        place = opcode - 0x8E
        if len(stack) < place:
            return False
        stack[-1], stack[-place] = stack[-place], stack[-1]
        return True
    pops, pushes = POPS_AND_PUSHES.get(opcode, (-1, 0))
    if pops < 0 or len(stack) < pops:
        return False
    taken = [stack.pop() for _ in range(pops)]
    if pushes:
        rule = _RULES.get(opcode)
        stack.append(rule(*taken) if rule is not None else None)
    return True


def _equal(one: Value, other: Value) -> Value:
    known, constant = _sides(one, other)
    if isinstance(one, int) and isinstance(other, int):
        return int(one == other)
    if known == _SELECTOR and constant is not None:
        return Compared(constant, equal=True)
    if known == _HIGH and constant is not None and constant & ((1 << _SHIFT) - 1) == 0:
        return Compared(constant >> _SHIFT, equal=True)
    return None


def _differs(one: Value, other: Value) -> Value:
    """SUB and XOR: not zero where the two are not equal."""
    if isinstance(one, int) and isinstance(other, int):
        return None
    found = _equal(one, other)
    return Compared(found.constant, equal=False) if isinstance(found, Compared) else None


def _subtract(one: Value, other: Value) -> Value:
    if isinstance(one, int) and isinstance(other, int):
        return (one - other) & _WORD
    return _differs(one, other)


def _is_zero(one: Value) -> Value:
    if isinstance(one, int):
        return int(one == 0)
    if isinstance(one, Compared):
        return Compared(one.constant, equal=not one.equal)
    return Compared(0, equal=True) if one in (_SELECTOR, _HIGH) else None


def _shift_right(by: Value, one: Value) -> Value:
    if isinstance(by, int) and isinstance(one, int):
        return one >> by if by < 256 else 0
    return _SELECTOR if by == _SHIFT and one in (_WORD_VALUE, _HIGH) else None


def _shift_left(by: Value, one: Value) -> Value:
    if isinstance(by, int) and isinstance(one, int):
        return (one << by) & _WORD if by < 256 else 0
    return _HIGH if by == _SHIFT and one == _SELECTOR else None


def _divide(one: Value, other: Value) -> Value:
    if isinstance(one, int) and isinstance(other, int):
        return one // other if other else 0
    return _SELECTOR if one in (_WORD_VALUE, _HIGH) and other == 1 << _SHIFT else None


def _and(one: Value, other: Value) -> Value:
    if isinstance(one, int) and isinstance(other, int):
        return one & other
    known, mask = _sides(one, other)
    if known == _SELECTOR and mask is not None and mask & _LOW == _LOW:
        return _SELECTOR
    if known in (_WORD_VALUE, _HIGH) and mask == _LOW << _SHIFT:
        return _HIGH
    return known if known == _HIGH and mask == _WORD else None


def _or(one: Value, other: Value) -> Value:
    return one | other if isinstance(one, int) and isinstance(other, int) else None


def _power(base: Value, exponent: Value) -> Value:
    both = isinstance(base, int) and isinstance(exponent, int)
    return pow(base, exponent, 1 << 256) if both else None  # type: ignore[arg-type]


def _sides(one: Value, other: Value) -> tuple[Known | None, int | None]:
    """Return the value about the call data and the constant, in whatever order they stand."""
    for left, right in ((one, other), (other, one)):
        if isinstance(left, Known) and isinstance(right, int):
            return left, right
    return None, None


_RULES: Mapping[int, Callable[..., Any]] = {
    0x03: _subtract,
    0x04: _divide,
    0x0A: _power,
    0x14: _equal,
    0x15: _is_zero,
    0x16: _and,
    0x17: _or,
    0x18: _differs,
    0x19: lambda one: ~one & _WORD if isinstance(one, int) else None,
    0x1B: _shift_left,
    0x1C: _shift_right,
    0x35: lambda offset: _WORD_VALUE if offset == 0 else None,
}
