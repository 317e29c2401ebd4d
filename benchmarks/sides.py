"""Comparing what processes measure of themselves: interleaved rounds, an A/A pair as control.

Each side is a process that does the same work and prints one JSON object as its last line: how many
units it did, their seconds on the clock and of CPU, and what it found. What differs between sides
is start-up, which is not counted here. A side that found something else ends the benchmark.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.rounds import AA_TOLERANCE


@dataclass(frozen=True, slots=True)
class Side:
    """One way to do the work: its command, and what it must find."""

    name: str
    arguments: Sequence[str]
    finds: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rate:
    """Units a second, on the clock and of CPU."""

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Line:
    """One line to reach: how many times as fast as ``base`` the ``subject`` must be.

    By CPU, which a machine that is busy with other things adds least to; or by the clock, where
    what makes ``base`` slow is that it waits for one answer after the other.
    """

    label: str
    subject: str
    base: str
    times: float
    waits: bool = False


def run(side: Side) -> Rate:
    """Run one side to its end; end everything where it fails or finds something else."""
    finished = subprocess.run(
        list(side.arguments), capture_output=True, text=True, timeout=600, check=False,
        env={key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"},
    )  # fmt: skip
    if finished.returncode:
        sys.exit(f"{side.name} ended with {finished.returncode}:\n{finished.stderr[-3000:]}")
    said = json.loads(finished.stdout.strip().splitlines()[-1])
    found = {key: said.get(key) for key in side.finds}
    if found != dict(side.finds):
        sys.exit(f"{side.name} found {found}, there are {dict(side.finds)}")
    return Rate(said["units"] / said["wall"], said["units"] / said["cpu"])


def measure(sides: Sequence[Side], control: str, rounds: int) -> tuple[dict[str, Rate], float]:
    """Run all sides in turn; return the best rate of each, and the A/A ratio of ``control``."""
    found: dict[str, list[Rate]] = {side.name: [] for side in sides}
    again: list[Rate] = []
    twice = next(side for side in sides if side.name == control)
    for _ in range(rounds):
        for side in sides:
            found[side.name].append(run(side))
        again.append(run(twice))
    best = {
        name: Rate(max(one.wall for one in rates), max(one.cpu for one in rates))
        for name, rates in found.items()
    }
    return best, best[control].cpu / max(one.cpu for one in again)


def report(lines: Sequence[Line], best: Mapping[str, Rate], control: float, unit: str) -> bool:
    """Print every side and every line; return whether all lines hold."""
    void = abs(control - 1) > AA_TOLERANCE
    for name, rate in best.items():
        print(f"  {name:<34} {rate.wall:10,.0f} {unit}/s  {rate.cpu:10,.0f} {unit}/s of CPU")
    held = True
    for line in lines:
        subject, base = best[line.subject], best[line.base]
        cpu, wall = subject.cpu / base.cpu, subject.wall / base.wall
        ratio = wall if line.waits else cpu
        word = "void" if void else "holds" if ratio >= line.times else "MISSED"
        held = held and word == "holds"
        print(
            f"{line.label:<46} {ratio:6.1f} x (line {line.times:g} x)  {word:<6} A/A {control:.3f}"
            f"  CPU {cpu:.1f} x, clock {wall:.1f} x",
            flush=True,
        )
    return held
