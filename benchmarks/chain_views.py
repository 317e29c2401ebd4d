"""Reading view functions: line P8, beside web3.py and ethers one call after the other.

    .venv/bin/python -m benchmarks.chain_views [--contracts 50] [--rounds 3] [--slow-contracts 10]

On a real node (anvil); 20 calls on each contract, so 1,000 by default. Asserts that every side
finds every value as expected, and ours with at most 1.1 requests for 100 calls.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.chain_node import ROOT, deploy_escrows, node
from benchmarks.chain_scan import ETHERS, NODE
from benchmarks.sides import Line, Side, measure, report
from pytest_metarelease.sandbox.accounts import COUNTERPARTY, DEPLOYER, DEPOSITOR, SPARE
from pytest_metarelease.sandbox.artifact import ARTIFACTS
from pytest_metarelease.sandbox.plan import CHAIN_ID, ZERO_ADDRESS
from pytest_metarelease.sandbox.rpc import Rpc

ZERO_HASH = "0x" + "00" * 32
LINES = (
    Line("P8 views / naive web3.py", "ours", "web3.py naive", 25),
    Line("P8 views / sequential ethers", "ours", "ethers sequential", 60, waits=True),
)


def views(address: str) -> list[dict[str, Any]]:
    """Return twenty calls on an escrow with what they return."""
    values = {
        "depositor": DEPOSITOR.address,
        "token": ZERO_ADDRESS,
        "counterparty": COUNTERPARTY.address,
        "arbiter": SPARE[0].address,
        "tradeHash": "0x" + "01" * 32,
        "uniswapRouter": DEPOSITOR.address,
        "currentState": 0,
        "owner": DEPLOYER.address,
        "paused": False,
        "amount": 10**17,
        "eip712Domain": ["0x0f", "Escrow", "1", CHAIN_ID, address, ZERO_HASH, []],
    }
    found = [{"view": name, "args": [], "equals": value} for name, value in values.items()]
    unused = ["0x" + f"{number:064x}" for number in range(20 - len(found))]
    found += [{"view": "usedSignatures", "args": [one], "equals": False} for one in unused]
    return found


def sides(url: str, folder: Path, addresses: list[str], slow: int) -> list[Side]:
    """Return all ways to read, the slow ones on fewer contracts."""

    def side(name: str, count: int, program: list[str], *more: str) -> Side:
        expected = {address: views(address) for address in addresses[:count]}
        file = folder / f"{count}.json"
        file.write_text(json.dumps(expected))
        finds = {"met": sum(map(len, expected.values()))}
        return Side(name, [*program, url, str(file), *more], finds)

    python = [sys.executable, "-m"]
    found = [
        side("ours", len(addresses), [*python, "benchmarks.peers.views_ours"]),
        side("web3.py naive", slow, [*python, "benchmarks.peers.views_web3"]),
    ]
    if NODE.exists() and ETHERS.exists():
        script = str(ROOT / "benchmarks/peers/views_ethers.mjs")
        artifact = str(ARTIFACTS / "Escrow.json")
        found.append(side("ethers sequential", slow, [str(NODE), script], str(ETHERS), artifact))
    else:
        print("ethers is not there: scripts/npm-tools installs it; this side is left out")
    return found


def main() -> int:
    """Print one line per comparison; return 1 where a line is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--contracts", type=int, default=50)
    parser.add_argument("--slow-contracts", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with node() as url, tempfile.TemporaryDirectory(prefix="metarelease-bench-") as name:
        rpc = Rpc(url)
        rpc.ask("evm_setAutomine", [False])
        addresses = deploy_escrows(rpc, options.contracts)
        rpc.close()
        all_sides = sides(url, Path(name), addresses, options.slow_contracts)
        best, control = measure(all_sides, "ours", options.rounds)
    lines = [line for line in LINES if line.base in best]
    held = report(lines, best, control, "calls")
    return 0 if held and len(lines) == len(LINES) else 1


if __name__ == "__main__":
    sys.exit(main())
