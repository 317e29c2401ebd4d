"""Comparing whole processes: interleaved rounds, wall and CPU time, and an A/A pair as control.

A machine that drifts, drifts for both sides of a pair; what is reported is the ratio. A benchmark
whose A/A pair is off by more than 5 % is void, not slow.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

AA_TOLERANCE = 0.05
#: How many times its rounds a comparison may take until its A/A pair agrees.
MOST_TIMES = 4


@dataclass(frozen=True, slots=True)
class Command:
    """One side of a comparison. ``check`` looks at the folder after a run and asserts."""

    name: str
    arguments: Sequence[str]
    folder: Path
    exit_codes: Sequence[int] = (0,)
    check: Callable[[Path], None] | None = None
    variables: Mapping[str, str] | None = None


@dataclass(slots=True)
class Timing:
    """Seconds of one run: on the clock, and of CPU with all children that were waited for."""

    wall: float
    cpu: float


def run_once(command: Command) -> Timing:
    """Run a command to its end and return what it took."""
    started = time.perf_counter()
    before = os.times()
    environment = {**os.environ, **(command.variables or {})}
    # As users have it: no CI, and byte code is kept from one start to the next.
    environment.pop("CI", None)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    finished = subprocess.run(
        list(command.arguments),
        cwd=command.folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    after = os.times()
    wall = time.perf_counter() - started
    if finished.returncode not in command.exit_codes:
        sys.exit(
            f"{command.name} ended with {finished.returncode}:\n"
            f"{finished.stdout[-3000:]}\n{finished.stderr[-3000:]}"
        )
    if command.check is not None:
        command.check(command.folder)
    cpu = after.children_user + after.children_system
    return Timing(wall, cpu - before.children_user - before.children_system)


def compare(subject: Command, base: Command, *, limit: float, rounds: int, label: str) -> bool:
    """Run base, base again (A/A) and subject in turn; print the line and return whether it holds.

    Ratios are of the least CPU time, which noise can only add to; the wall ratio is shown beside.
    While the A/A pair is apart by more than its tolerance, rounds are added, up to ``MOST_TIMES``
    as many: whether to go on depends on the control alone, never on the subject.
    """
    sides: dict[str, list[Timing]] = {"base": [], "again": [], "subject": []}
    for command in (base, subject):
        run_once(command)  # a warm-up, which also writes byte code
    for done in range(1, rounds * MOST_TIMES + 1):
        sides["base"].append(run_once(base))
        sides["subject"].append(run_once(subject))
        sides["again"].append(run_once(base))
        if done >= rounds and abs(_control(sides) - 1) <= AA_TOLERANCE:
            break
    cpu = {name: min(one.cpu for one in timings) for name, timings in sides.items()}
    wall = {name: min(one.wall for one in timings) for name, timings in sides.items()}
    control = _control(sides)
    least = min(cpu["base"], cpu["again"])
    ratio = cpu["subject"] / least
    void = abs(control - 1) > AA_TOLERANCE
    holds = ratio <= limit and not void
    word = "void" if void else "holds" if holds else "MISSED"
    print(
        f"{label:<42} {ratio:5.2f} (limit {limit:.2f})  {word:<6}  "
        f"A/A {control:.3f}  wall {wall['subject'] / min(wall['base'], wall['again']):.2f}  "
        f"[{cpu['subject']:.2f} s against {least:.2f} s CPU, {len(sides['base'])} rounds]",
        flush=True,
    )
    return holds


def _control(sides: Mapping[str, Sequence[Timing]]) -> float:
    """Return how far apart the two equal sides are: 1.0 where they agree."""
    again, base = (min(one.cpu for one in sides[name]) for name in ("again", "base"))
    return again / base
