"""What Hardhat 2, Hardhat 3 and Ignition write: artifacts, build-info, deployment records."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import UnmetError, UsageError
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.manifest.contract_code import Compiler
from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.probes.chain.artifact import load
from pytest_metarelease.probes.chain.deployments import find_deployment
from pytest_metarelease.probes.chain.location import function_at
from pytest_metarelease.probes.chain.provenance import provenance
from pytest_metarelease.sandbox.accounts import SIGNERS
from tests.probes.chain.deployed import bench, declared
from tests.probes.chain.nodes import ARTIFACTS, CHAIN_ID, chain_at, door
from tests.tools import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CONTRACTS = ARTIFACTS.parent / "contracts"
SOURCES = ("Treasury.sol", "FeeMath.sol", "Escrow.sol", "EscrowBase.sol", "IERC20.sol")
SOLC = CONTRACTS / "node_modules" / "solc" / "soljson.js"
ROUTER = SIGNERS[0].address
MATH = {"FeeMath": "0x" + "11" * 20}
SETTINGS = '{optimizer: {enabled: true, runs: 200}, evmVersion: "shanghai"}'
DECLARED = Compiler(version="0.8.30", evm_version="shanghai", optimizer=True, runs=200)

# The compiler that is here already, instead of one that Hardhat would download.
CONFIG_2 = f"""
const {{ subtask }} = require("hardhat/config");
subtask("compile:solidity:solc:get-build", async ({{ solcVersion }}) => ({{
  compilerPath: process.env.SOLCJS, isSolcJs: true, version: solcVersion,
  longVersion: "0.8.30+commit.73712a01",
}}));
module.exports = {{ solidity: {{ version: "0.8.30", settings: {SETTINGS} }} }};
"""
CONFIG_3 = f"""
import ignition from "@nomicfoundation/hardhat-ignition";
export default {{
  plugins: [ignition],
  networks: {{ live: {{ type: "http", url: process.env.NODE_URL ?? "http://127.0.0.1:1" }} }},
  solidity: {{ version: "0.8.30", path: process.env.SOLCJS, settings: {SETTINGS} }},
}};
"""
MODULE = f"""
import {{ buildModule }} from "@nomicfoundation/hardhat-ignition/modules";
export default buildModule("Shop", (m) => {{
  const FeeMath = m.library("FeeMath");
  return {{ treasury: m.contract("Treasury", ["{ROUTER}"], {{ libraries: {{ FeeMath }} }}) }};
}});
"""


def project(folder: Path, tools: str, config: str, package: str) -> Path:
    (folder / "contracts").mkdir()
    for name in (*SOURCES, "IUniswapV2Router.sol"):
        shutil.copy(CONTRACTS / name, folder / "contracts" / name)
    (folder / "node_modules").symlink_to(ROOT / ".tools" / tools / "node_modules")
    (folder / "hardhat.config.js").write_text(config)
    (folder / "package.json").write_text(package)
    return folder


def hardhat(folder: Path, *arguments: str, more: Mapping[str, str] | None = None) -> None:
    modules = folder / "node_modules"
    own = modules / ".bin" / "node"
    program = [str(own), str(modules / "hardhat/dist/src/cli.js")]
    if not own.exists():
        program = ["node", str(modules / "hardhat/internal/cli/bootstrap.js")]
    settings = {
        "SOLCJS": str(SOLC),
        "HARDHAT_DISABLE_TELEMETRY_PROMPT": "true",
        "HARDHAT_IGNITION_CONFIRM_DEPLOYMENT": "false",
        "HOME": str(folder),
        "CI": "true",
    }
    done = subprocess.run(
        [*program, *arguments],
        cwd=folder,
        env={**os.environ, **settings, **(more or {})},
        capture_output=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode()


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = project(tmp_path_factory.mktemp("hardhat2"), "hardhat-2", CONFIG_2, "{}")
    hardhat(found, "compile")
    return found


@pytest.fixture(scope="module")
def third(tmp_path_factory: pytest.TempPathFactory) -> Path:
    package = json.dumps({"type": "module"})
    found = project(tmp_path_factory.mktemp("hardhat3"), "hardhat-3", CONFIG_3, package)
    hardhat(found, "compile")
    return found


@pytest.fixture(scope="module")
def shipped(third: Path, anvil: str) -> Path:
    """The folder in which Ignition recorded what it deployed on anvil."""
    (third / "ignition" / "modules").mkdir(parents=True)
    (third / "ignition" / "modules" / "Shop.js").write_text(MODULE)
    module = "ignition/modules/Shop.js"
    hardhat(third, "ignition", "deploy", module, "--network", "live", more={"NODE_URL": anvil})
    return third / "ignition" / "deployments" / f"chain-{CHAIN_ID}"


@pytest.fixture(params=["second", "third"])
def built(request: pytest.FixtureRequest) -> Path:
    found: Path = request.getfixturevalue(request.param)
    return found / "artifacts" / "contracts"


def test_an_unlinked_artifact_is_refused(built: Path) -> None:
    with pytest.raises(UsageError, match="library FeeMath is missing"):
        load(built / "Treasury.sol" / "Treasury.json")


def test_both_give_the_code_that_our_own_compiler_gives(built: Path) -> None:
    found = load(built / "Treasury.sol" / "Treasury.json", MATH)
    ours = load(ARTIFACTS / "Treasury.json", MATH)
    assert found.compiler == "0.8.30+commit.73712a01"
    assert found.immutables == ours.immutables
    assert found.links[0].spans == ours.links[0].spans
    assert found.runtime[:900] == ours.runtime[:900]


def test_both_say_which_argument_each_immutable_is(built: Path) -> None:
    assert load(built / "Treasury.sol" / "Treasury.json", MATH).arguments == {"router": 0}
    assert load(built / "Escrow.sol" / "Escrow.json").arguments == {
        "depositor": 0,
        "token": 1,
        "counterparty": 3,
        "arbiter": 4,
        "tradeHash": 5,
        "uniswapRouter": 6,
    }


def test_both_tell_in_which_function_a_byte_stands(built: Path) -> None:
    found = load(built / "Treasury.sol" / "Treasury.json", MATH)
    assert function_at(found, found.links[0].spans[0].start) == "in feeOf"


def test_both_are_stale_where_source_or_setting_is_another(built: Path) -> None:
    found = load(built / "Treasury.sol" / "Treasury.json", MATH)
    assert provenance(found, DECLARED).stale == ()
    assert provenance(found, DECLARED).same >= 2
    assert provenance(found, Compiler(runs=1)).stale
    source = built.parents[1] / "contracts" / "FeeMath.sol"
    before = source.read_text()
    try:
        source.write_text(before + "// changed\n")
        assert "FeeMath.sol is not the source" in str(provenance(found, DECLARED))
    finally:
        source.write_text(before)


def test_ignitions_record_is_verified_on_the_node(shipped: Path, anvil: str) -> None:
    record = find_deployment(shipped, "Treasury", CHAIN_ID)
    math = find_deployment(shipped, "FeeMath", CHAIN_ID)
    assert record.libraries == {"FeeMath": math.address}
    artifact = load(shipped / "artifacts" / "Shop#Treasury.json", record.libraries)
    with door(chain_at(anvil), Access.READ_ONLY) as rpc:
        found = bench(rpc, declared(record.address, constructor=(ROUTER,), state={}))
        found.probe.artifact = artifact
        found.probe.code()
        assert found.verdicts == {Judgement.MET}
        other = bench(rpc, declared(math.address, constructor=(ROUTER,), state={}))
        other.probe.artifact = artifact
        with pytest.raises(UnmetError, match="other code"):
            other.probe.code()


def test_ignitions_record_of_another_chain_is_refused(shipped: Path) -> None:
    with pytest.raises(UsageError, match=f"deployment on chain {CHAIN_ID}"):
        find_deployment(shipped / "deployed_addresses.json", "Treasury", 1)
