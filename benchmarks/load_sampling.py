"""What the load sampler costs and whether it tells the truth: lines P4 and P5.

    .venv/bin/python -m benchmarks.load_sampling [--samples 10000] [--rounds 3]

P4: CPU per sample beside a loop of a synchronous httpx client, whole processes against one server;
and how many samples a second one process takes. P5: the p99 of a server that is really frozen
(SIGSTOP) for a second in a window of ten, and the p50 of one that is not beside wrk's (Debian's
package). Asserts that every sample was answered.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from benchmarks.answering import answering
from benchmarks.rounds import Command, compare

_FROZEN = 1.0
_WINDOW = 10.0
_RATE = 200.0
_OURS = """
import sys
from pytest_metarelease.probes.hosts import Hosts
from pytest_metarelease.probes.load import sample
url, count, rate = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
taken = sample(url, ["/"], rate=rate, samples=count, timeout=30, hosts=Hosts.these([url]))
assert (len(taken.latencies), taken.bad) == (count, 0), taken.summary
"""
_HTTPX = """
import sys
import httpx
url, count = sys.argv[1], int(sys.argv[2])
with httpx.Client() as client:
    assert all(client.get(url).status_code == 200 for _ in range(count))
"""


def costs(url: str, samples: int, rounds: int) -> bool:
    """Print the CPU of the sampler beside that of httpx and return whether the line is reached."""
    here = Path(__file__).parents[1]

    def side(name: str, code: str, *more: str) -> Command:
        return Command(name, [sys.executable, "-c", code, url, str(samples), *more], here)

    return compare(
        side("sampler", _OURS, "2000"),
        side("httpx", _HTTPX),
        limit=0.35,
        rounds=rounds,
        label="P4 CPU of samples / of an httpx loop",
    )


def fast(url: str, samples: int, rounds: int) -> bool:
    """Print how many samples one process takes a second where as many as possible are due."""
    from pytest_metarelease.probes.hosts import Hosts
    from pytest_metarelease.probes.load import sample

    hosts, spans = Hosts.these([url]), []
    for _ in range(rounds):
        taken = sample(url, ["/"], rate=1e6, samples=samples, timeout=30, hosts=hosts)
        assert (len(taken.latencies), taken.bad) == (samples, 0), taken.summary
        spans.append(taken.span)
    reached = samples / min(spans)
    holds = reached >= 10_000
    print(
        f"P4 samples a second, of one process        {reached:5.0f} (limit 10000)  {_word(holds)}"
    )
    return holds


def truthful(rounds: int) -> bool:
    """Print the p99 of a server that was frozen for a second and return whether it is the truth.

    Those due while it is frozen wait for its end, evenly from nothing to a second: of n requests in
    the window the hundredth part waits longer than what the p99 has to be.
    """
    from pytest_metarelease.probes.hosts import Hosts
    from pytest_metarelease.probes.load import sample

    count = int(_RATE * _WINDOW)
    truth = _FROZEN - (count - math.ceil(0.99 * count)) / _RATE
    worst = 0.0
    for _ in range(rounds):
        with answering() as (url, server):
            frozen: list[float] = []

            def freeze(process: int = server.pid, took: list[float] = frozen) -> None:
                time.sleep(_WINDOW / 3)
                started = time.perf_counter()
                os.kill(process, signal.SIGSTOP)
                time.sleep(_FROZEN)
                os.kill(process, signal.SIGCONT)
                took.append(time.perf_counter() - started)

            thread = threading.Thread(target=freeze)
            thread.start()
            taken = sample(
                url, ["/"], rate=_RATE, samples=count, timeout=30, hosts=Hosts.these([url])
            )
            thread.join()
            assert (len(taken.latencies), taken.bad) == (count, 0), taken.summary
            # A late signal is not the sampler's: the truth is that of how long it was frozen.
            known = truth + frozen[0] - _FROZEN
            worst = max(worst, abs(taken.percentile(0.99) / known - 1))
    holds = worst <= 0.05
    print(
        f"P5 p99 of a stall, off the truth           {worst:5.1%} (limit 5.0%)  {_word(holds)}  "
        f"[the truth is {1000 * truth:.0f} ms, {rounds} rounds]"
    )
    return holds


def beside_wrk(url: str, rounds: int) -> bool:
    """Print how far our p50 at 1,000/s is from that of wrk over one connection; within 0.5 ms?"""
    from pytest_metarelease.probes.hosts import Hosts
    from pytest_metarelease.probes.load import sample

    program = shutil.which("wrk")
    if program is None:
        print("P5 p50 beside wrk: not measured, there is no wrk; Debian's package has its name")
        return False
    ours, theirs = [], []
    for _ in range(rounds):
        command = [program, "-t1", "-c1", "-d3s", "--latency", url]
        said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        found = re.search(r"^ *50% +([0-9.]+)(us|ms|s)$", said.stdout, re.MULTILINE)
        assert found is not None, said.stdout
        theirs.append(float(found[1]) * {"us": 1e-6, "ms": 1e-3, "s": 1.0}[found[2]])
        hosts = Hosts.these([url])
        taken = sample(url, ["/"], rate=1000, samples=3000, timeout=30, hosts=hosts)
        assert (len(taken.latencies), taken.bad) == (3000, 0), taken.summary
        ours.append(taken.percentile(0.5))
    apart = min(ours) - min(theirs)
    holds = abs(apart) <= 0.0005
    print(
        f"P5 p50 at 1,000/s, more than wrk's         {1000 * apart:5.2f} ms (limit 0.50 ms)  "
        f"{_word(holds)}  [{1000 * min(ours):.2f} against {1000 * min(theirs):.2f} ms]"
    )
    return holds


def _word(holds: bool) -> str:  # noqa: FBT001 - a word for a bool
    return "holds" if holds else "MISSED"


def main() -> int:
    """Measure and return 0 where all lines are reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    found = [truthful(given.rounds)]
    with answering() as (url, _):
        found.append(beside_wrk(url, given.rounds))
        found.append(fast(url, given.samples, given.rounds))
        found.append(costs(url, given.samples, given.rounds))
    return 0 if all(found) else 1


if __name__ == "__main__":
    sys.exit(main())
