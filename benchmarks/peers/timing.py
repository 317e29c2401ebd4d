"""What a side of a benchmark says at its end: units, seconds, and what it found."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

TIMES = 3


def tell(units: int, work: Callable[[], dict[str, Any]]) -> None:
    """Do the work three times, and print the least seconds of each clock as one line of JSON."""
    walls, cpus, found = [], [], []
    for _ in range(TIMES):
        wall, cpu = time.perf_counter(), time.process_time()
        found.append(work())
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    assert all(one == found[0] for one in found)
    print(json.dumps({"units": units, "wall": min(walls), "cpu": min(cpus), **found[0]}))
