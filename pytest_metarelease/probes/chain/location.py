"""Which function an offset of the runtime code falls in, where that can be told.

By the compiler's source map and syntax tree where the build has them; else by the dispatcher, which
knows entries only, so that it says "after the entry of". Never guesses beyond that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.probes.chain.syntax import Syntax

if TYPE_CHECKING:
    from pytest_metarelease.probes.chain.artifact import Artifact

_PUSH1, _PUSH4, _PUSH32, _EQ, _PUSH2, _JUMPI, _JUMPDEST = 0x60, 0x63, 0x7F, 0x14, 0x61, 0x57, 0x5B


def function_at(artifact: Artifact, offset: int) -> str | None:
    """Return in words where ``offset`` of the artifact's runtime code stands, or None."""
    found = _by_source(artifact, offset)
    if found is not None:
        return f"in {found}"
    entries = [(start, selector) for selector, start in entry_points(artifact.runtime).items()]
    before = [one for one in sorted(entries) if one[0] <= offset]
    if not entries or offset >= len(artifact.runtime):
        return None
    if not before:
        return "in the dispatcher"
    selector = before[-1][1]
    named = {one.selector: one.signature for one in artifact.interface.functions}
    return f"after the entry of {named.get(selector, selector)}"


def entry_points(code: bytes) -> dict[str, int]:
    """Return where the dispatcher sends each selector (0x hex): PUSH4 EQ PUSH2 JUMPI."""
    found: dict[str, int] = {}
    last = ""
    for at, op in instructions(code):
        if op == _PUSH4:
            last = "0x" + code[at + 1 : at + 5].hex()
        elif op == _PUSH2 and last and code[at - 1 : at] == bytes([_EQ]):
            target = int.from_bytes(code[at + 1 : at + 3], "big")
            if code[at + 3 : at + 4] == bytes([_JUMPI]) and code[target : target + 1] == b"\x5b":
                found.setdefault(last, target)
    return found


def instructions(code: bytes) -> list[tuple[int, int]]:
    """Return offset and opcode of each instruction; what a PUSH carries is none."""
    found, at = [], 0
    while at < len(code):
        op = code[at]
        found.append((at, op))
        at += op - _PUSH1 + 2 if _PUSH1 <= op <= _PUSH32 else 1
    return found


def _by_source(artifact: Artifact, offset: int) -> str | None:
    build = artifact.build
    text = build.runtime.get("sourceMap") if build is not None else None
    if build is None or not build.trees or not isinstance(text, str):
        return None
    number = -1
    for index, (at, _) in enumerate(instructions(artifact.runtime)):
        if at > offset:
            break
        number = index
    place = _entry(text, number)
    return None if place is None else Syntax.of(build.trees).function_at(*place)


def _entry(text: str, number: int) -> tuple[int, int] | None:
    """Return (start, file) of an instruction; each field left out repeats the one before it."""
    fields = ["-1", "-1", "-1"]
    entries = text.split(";")
    if not 0 <= number < len(entries):
        return None
    for entry in entries[: number + 1]:
        for place, value in enumerate(entry.split(":")[:3]):
            if value:
                fields[place] = value
    start, file = int(fields[0]), int(fields[2])
    return None if start < 0 or file < 0 else (start, file)
