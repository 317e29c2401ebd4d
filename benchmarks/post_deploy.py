"""The whole post-deploy suite on the sandbox with two workers: line P13, beside three scripts.

    .venv/bin/python -m benchmarks.post_deploy [--rounds 3]

Ours is whole, with the start of its sandbox; only the declared load window is taken off. The
scripts of the release documentation are not public: these are rebuilt from what is written of them,
and ask a sandbox that is up already. Asserts that ours is GO, and that the scripts see all.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.chain_scan import ETHERS, NODE
from benchmarks.rounds import AA_TOLERANCE
from pytest_metarelease.manifest import load
from pytest_metarelease.sandbox import Settings, start
from pytest_metarelease.sandbox.artifact import ARTIFACTS

ROOT = Path(__file__).parents[1]
SCRIPTS = Path(__file__).parent / "peers/seed_scripts.mjs"
LIMIT = 60.0


def scripts(variables: dict[str, str]) -> tuple[float, int]:
    """Run the three scripts in sequence; return the seconds, and what they looked at."""
    started, looked = time.perf_counter(), 0
    for which in ("health", "external", "escrow"):
        said = subprocess.run(
            [NODE, SCRIPTS, which, ETHERS, ARTIFACTS / "Escrow.json"],
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        looked += int(said.stdout)
    assert looked == 13, looked
    return time.perf_counter() - started, looked


def ours(folder: Path) -> tuple[float, int]:
    """Run the whole suite; return the seconds, and how many checks it made."""
    command = [sys.executable, "-m", "pytest", "-m", "post_deploy", "-n", "2", "-q"]
    packet = folder / "packet"
    started = time.perf_counter()
    said = subprocess.run(
        [*command, "-p", "no:cacheprovider", f"--release-evidence={packet}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    took = time.perf_counter() - started
    assert said.returncode == 0, said.stdout[-3000:]
    decision = json.loads((packet / "decision.json").read_bytes())
    assert decision["verdict"] == "GO", decision["verdict"]
    return took, len({one["nodeid"] for item in decision["items"] for one in item["checks"]})


def window(variables: dict[str, str]) -> float:
    """Return the seconds of the declared load on the sandbox."""
    loaded = load(ROOT / "verification/release.yaml")
    environment = loaded.resolve("sandbox", {**variables, "GIT_COMMIT": "0" * 40}).environment
    sampling = environment.services["api"].sampling
    assert sampling is not None
    return sampling.samples / sampling.rate


def main() -> int:
    """Print the line; return 1 where it is not reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    first, again, whole = [], [], []
    with tempfile.TemporaryDirectory(prefix="metarelease-bench-") as name:
        folder = Path(name)
        place = folder / "sandbox"
        place.mkdir()
        settings = Settings("2.0.0", "0" * 40, [], os.getpid(), place)
        running = start(settings, deadline=90)
        try:
            variables = dict(running.variables)
            for _ in range(rounds):
                first.append(scripts(variables))
                whole.append(ours(folder))
                again.append(scripts(variables))
        finally:
            running.stop(10)
    (theirs, looked), (second, _), (took, checks) = min(first), min(again), min(whole)
    apart = took - window(variables)
    control = second / theirs
    void = abs(control - 1) > AA_TOLERANCE
    holds = apart <= LIMIT and apart < theirs and not void
    print(
        f"P13 post-deploy, apart from the load window {apart:.1f} s (limit {LIMIT:.0f} s), "
        f"{checks} checks; three scripts {theirs:.1f} s, {looked} looks  "
        f"{'void' if void else 'holds' if holds else 'MISSED'}  A/A {control:.3f}, {rounds} rounds"
    )
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
