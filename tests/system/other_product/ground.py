"""What the other product stands on: its repository, its contracts on anvil, its database."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_metarelease.sandbox.abi import call, checksum_address, encode
from pytest_metarelease.sandbox.accounts import DEPLOYER, SIGNERS, SPARE
from pytest_metarelease.sandbox.anvil import find_anvil, start_anvil
from pytest_metarelease.sandbox.artifact import ARTIFACTS, creation_code
from pytest_metarelease.sandbox.processes import Parts
from pytest_metarelease.sandbox.rpc import Rpc
from tests.system.running import ROOT
from tests.tools import tool

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HERE = Path(__file__).parent
CHAIN_ID = 7331
SUPPLY = 5_000_000
SYMBOL = "PXP"
_TRANSFERS = 40


def make_repository(folder: Path) -> str:
    """Make the product's repository, checks and lock included; returns its commit."""
    not_checks = shutil.ignore_patterns("release.yaml", "checks.lock", "__pycache__")
    shutil.copytree(ROOT / "verification", folder, ignore=not_checks)
    shutil.copy(HERE / "release.yaml", folder)
    shutil.copytree(HERE / "changes", folder / "changes")
    (folder / "build").mkdir()
    for name in ("SimpleToken", "MultiSigOwner"):
        shutil.copy(ARTIFACTS / f"{name}.json", folder / "build")
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib\n")
    (folder / ".gitignore").write_text("__pycache__/\n")
    command = [str(Path(sys.executable).with_name("metarelease")), "lock"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    _git(folder, "init", "-q")
    _git(folder, "add", "-A")
    author = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    _git(folder, *author, "commit", "-q", "-m", "Parcel Ledger 3.1.4")
    return _git(folder, "rev-parse", "HEAD").strip()


def make_database(file: Path, *, changes: int | None = None) -> str:
    """Make the database with all ``changes``, or the first ones; returns its SQLAlchemy URL."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE schema_history (script TEXT PRIMARY KEY)")
        for script in sorted((HERE / "changes").iterdir())[:changes]:
            connection.executescript(script.read_text(encoding="utf-8"))
            connection.execute("INSERT INTO schema_history VALUES (?)", (script.name,))
        rows = [(f"PX-{number}", 100 * number, number % 3 == 0) for number in range(1, 10)]
        connection.executemany("INSERT INTO parcels (ref, grams, delivered) VALUES (?, ?, ?)", rows)
    return f"sqlite:///{file}"


@contextmanager
def node(folder: Path) -> Iterator[str]:
    """Run anvil; the URL."""
    program = find_anvil({**os.environ, "RELEASE_ANVIL": str(tool("anvil"))})
    assert program is not None
    folder.mkdir()
    parts = Parts(folder)
    try:
        yield start_anvil(parts, program, CHAIN_ID, genesis_age=60)
    finally:
        parts.end()


def deploy(url: str, *, symbol: str = SYMBOL) -> Mapping[str, str]:
    """Deploy token and treasury and pay the treasury in many transfers; returns variables."""
    keepers = [account.address for account in (*SPARE, SIGNERS[0])]
    rpc = Rpc(url)
    try:
        # Mined when we say so: a receipt is there as soon as its block is.
        rpc.ask("evm_setAutomine", [False])
        treasury = _create(rpc, "MultiSigOwner", encode(("address",) * 3, tuple(keepers)))
        terms = encode(("string", "string", "uint256"), ("Parcel Points", symbol, SUPPLY))
        token = _create(rpc, "SimpleToken", terms)
        pay = call("transfer(address,uint256)", treasury, 1_000)
        _mined(rpc, *[{"to": token, "data": pay, "gas": hex(100_000)}] * _TRANSFERS)
    finally:
        rpc.close()
    names = ("KEEPER_1", "KEEPER_2", "KEEPER_3")
    return {"TOKEN": token, "TREASURY": treasury, **dict(zip(names, keepers, strict=True))}


def _create(rpc: Rpc, contract: str, arguments: bytes) -> str:
    data = creation_code(contract, arguments)
    (receipt,) = _mined(rpc, {"data": data, "gas": hex(3_500_000)})
    return checksum_address(receipt["contractAddress"])


def _mined(rpc: Rpc, *requests: Mapping[str, str]) -> Sequence[Any]:
    """Mine these transactions in one block; their receipts."""
    sent = [rpc.ask("eth_sendTransaction", [{"from": DEPLOYER.address, **one}]) for one in requests]
    rpc.ask("evm_mine")
    receipts = [rpc.ask("eth_getTransactionReceipt", [digest]) for digest in sent]
    assert {one["status"] for one in receipts} == {"0x1"}, receipts
    return receipts


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
