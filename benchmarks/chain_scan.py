"""Scanning blocks for failed transactions: lines P6 and P7, beside web3.py and ethers.

    .venv/bin/python -m benchmarks.chain_scan [--blocks 2000] [--rounds 3] [--slow-blocks 100]

On a real node (anvil), also ``--blocks 5000``. Asserts that every side finds every failed
transaction. Slow sides read the newest ``--slow-blocks`` only: what is compared is blocks a second.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks.chain_node import PER_BLOCK, ROOT, Past, fill, node
from benchmarks.delaying import delaying
from benchmarks.sides import Line, Rate, Side, measure, report, run

NODE = ROOT / ".tools/hardhat-3/node_modules/node/bin/node"
ETHERS = ROOT / ".tools/peers"
LINES = (
    Line("P6 verified scan / naive web3.py loop", "ours", "web3.py naive", 60),
    Line("P6 verified scan / best batch of web3.py", "ours", "web3.py batch", 8),
)


def sides(past: Past, blocks: int, slow: int) -> list[Side]:
    """Return all ways to scan, the slow ones over fewer blocks."""

    def side(name: str, size: int, program: list[str], *more: str) -> Side:
        window = [past.url, past.contract, str(past.last - size + 1), str(past.last)]
        finds = {"failed": past.bad(size), "total": size * PER_BLOCK}
        return Side(name, [*program, *window, *more], finds)

    python = [sys.executable, "-m"]
    web3 = [*python, "benchmarks.peers.scan_web3"]
    found = [
        side("ours", blocks, [*python, "benchmarks.peers.scan_ours"]),
        side("web3.py naive", slow, web3, "naive"),
        side("web3.py get_block_receipts", slow, web3, "receipts"),
        side("web3.py batch", min(blocks, 10 * slow), web3, "batch"),
    ]
    if NODE.exists() and ETHERS.exists():
        script = str(ROOT / "benchmarks/peers/scan_ethers.mjs")
        found.append(side("ethers naive", slow, [str(NODE), script], str(ETHERS)))
    else:
        print("ethers is not there: scripts/npm-tools installs it; this side is left out")
    return found


def far_away(past: Past, rounds: int, blocks: int = 100, delay: float = 0.05) -> bool:
    """P7: so many blocks at a round trip of 50 ms; the best of some rounds, on the clock."""
    with delaying(past.url, delay) as url:
        far = Past(url, past.contract, past.first, past.last)
        ours = sides(far, blocks, 2)[0]
        best: Rate = max((run(ours) for _ in range(rounds)), key=lambda one: one.wall)
    seconds = blocks / best.wall
    word = "holds" if seconds <= 0.30 else "MISSED"
    print(f"P7 {blocks} blocks at {delay * 1000:g} ms round trip: {seconds:.2f} s (0.30 s)  {word}")
    return seconds <= 0.30


def main() -> int:
    """Print one line per comparison; return 1 where a line is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--blocks", type=int, default=2000)
    parser.add_argument("--slow-blocks", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with node() as url:
        past = fill(url, options.blocks)
        all_sides = sides(past, options.blocks, options.slow_blocks)
        best, control = measure(all_sides, "ours", options.rounds)
        held = [report(LINES, best, control, "blocks"), far_away(past, options.rounds)]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
