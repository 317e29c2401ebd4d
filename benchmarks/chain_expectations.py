"""720 expectations on 40 contracts as 720 pytest checks: line P9, beside a bare script.

    .venv/bin/python -m benchmarks.chain_expectations [--contracts 40] [--rounds 5]

Whole processes, each on the same real node. Asserts its own correctness: the decision must hold
every check, each passed and met, and be GO. The other half of the line, state-mate, is in no
package registry; its recorded 10.3 s are another machine's and no part of this ratio.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.chain_node import deploy_escrows, node
from benchmarks.chain_views import views
from benchmarks.rounds import Command, compare
from pytest_metarelease.sandbox.artifact import ARTIFACTS
from pytest_metarelease.sandbox.plan import CHAIN_ID
from pytest_metarelease.sandbox.rpc import Rpc

if TYPE_CHECKING:
    from collections.abc import Callable

PER_CONTRACT = 18
# Plugins that only our own tests need, and Allure, whose own price is line P2.
OTHERS = (
    "allure_pytest", "anyio", "html", "html_fixtures", "hypothesispytest", "metadata",
    "pytest_jsonreport", "pytest_reportlog", "rerunfailures",
)  # fmt: skip
CHECKS = """\
import pytest

VIEWS = {views!r}


@pytest.mark.verifies("bench.state")
@pytest.mark.for_each("contract")
@pytest.mark.parametrize("view", VIEWS, ids=range(len(VIEWS)))
def test_view(contract, view, contracts):
    contracts[contract].expect_state(view)
"""


def expected(address: str) -> list[dict[str, Any]]:
    """Return the calls on one contract with what they return."""
    return views(address)[:PER_CONTRACT]


def keys(lines: list[dict[str, Any]]) -> list[str]:
    """Return how a manifest names each of the calls."""
    return [
        f"{one['view']}#{place}" if one["args"] else one["view"] for place, one in enumerate(lines)
    ]


def make_project(folder: Path, url: str, addresses: list[str]) -> None:
    """Write a manifest with all expectations, one file of checks, and their lock."""
    contracts = {
        f"escrow-{number}": {
            "artifact": "Escrow.json",
            "address": address,
            "state": {
                key: {"args": one["args"], "equals": one["equals"]}
                for key, one in zip(keys(expected(address)), expected(address), strict=True)
            },
        }
        for number, address in enumerate(addresses)
    }
    chain = {"rpc": url, "id": CHAIN_ID}
    manifest = {
        "release": {"name": "Benchmark", "version": "1", "commit": "${GIT_COMMIT}"},
        "default_environment": "here",
        "environments": {"here": {"access": "read-only", "chain": chain, "contracts": contracts}},
        "checklist": [
            {
                "id": "bench.state",
                "title": "Every view",
                "stage": "post_deploy",
                "severity": "P0",
                "evidence": [{"subject": "contract:*", "min": PER_CONTRACT * len(addresses)}],
            }
        ],
    }
    shutil.copy(ARTIFACTS / "Escrow.json", folder)
    # JSON is YAML.
    (folder / "release.yaml").write_text(json.dumps(manifest, indent=1))
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -q -p no:cacheprovider\n")
    names = keys(expected(addresses[0]))
    (folder / "test_views.py").write_text(CHECKS.format(views=names))
    (folder / ".gitignore").write_text("release-evidence\n__pycache__\n")
    lock = [str(Path(sys.executable).with_name("metarelease")), "lock"]
    subprocess.run(lock, cwd=folder, check=True, capture_output=True)
    for command in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=b", "-c", "user.email=b@localhost", "commit", "-qm", "benchmark"],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)


def check_decision(checks: int) -> Callable[[Path], None]:
    """Return a check that the last packet is GO and holds every check, passed."""

    def check(folder: Path) -> None:
        decision = json.loads((folder / "release-evidence/decision.json").read_bytes())
        (item,) = decision["items"]
        assert decision["verdict"] == "GO", decision["verdict"]
        assert len(item["checks"]) == checks, len(item["checks"])
        assert all(one["outcome"] == "passed" for one in item["checks"])
        shutil.rmtree(folder / "release-evidence")

    return check


def main() -> int:
    """Print the line; return 1 where the limit is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--contracts", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with node() as url, tempfile.TemporaryDirectory(prefix="metarelease-bench-") as name:
        rpc = Rpc(url)
        rpc.ask("evm_setAutomine", [False])
        addresses = deploy_escrows(rpc, options.contracts)
        rpc.close()
        folder = Path(name)
        make_project(folder, url, addresses)
        file = folder / ".git" / "expected.json"
        file.write_text(json.dumps({one: expected(one) for one in addresses}))
        count = options.contracts * PER_CONTRACT
        script = str(Path(__file__).parent / "peers/expectations_bare.py")
        without = [word for name in OTHERS for word in ("-p", f"no:{name}")]
        pytest = [sys.executable, "-m", "pytest", "-m", "post_deploy", *without]
        held = compare(
            Command("gated pytest", pytest, folder, (0,), check_decision(count)),
            Command("bare script", [sys.executable, script, url, str(file)], folder),
            limit=2.5,
            rounds=options.rounds,
            label=f"P9 {count} checks / bare script",
        )
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
