"""A sandbox without faults is the product it claims to be, on either node."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.sandbox import Running, accounts
from pytest_metarelease.sandbox.abi import selector
from pytest_metarelease.sandbox.migrate import MIGRATIONS
from tests.sandbox.world import (
    COMMIT,
    EMBEDDED,
    VERSION,
    anvil,
    ask,
    receipts_to,
    rpc,
    rpc_raw,
    sandbox,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ETHER = 10**18
VARIABLES = {
    "SANDBOX_API_URL",
    "SANDBOX_FRONTEND_URL",
    "SANDBOX_RPC_URL",
    "SANDBOX_DATABASE_URL",
    "SANDBOX_ZEROX_URL",
    "SANDBOX_ZEROX_QUOTE_URL",
    "SANDBOX_COINGECKO_URL",
    "SANDBOX_ESCROW",
    "SANDBOX_RELEASE_BLOCK",
    "SANDBOX_ORDER",
    "SANDBOX_FIXED_ESCROW",
    "SANDBOX_OWNER",
    "SANDBOX_DEPLOYER",
    "SANDBOX_SETTLEMENT_LOG",
    "SANDBOX_SETTLEMENT_LOG_BUILD",
    "SANDBOX_ESCROW_BUILD",
    "SANDBOX_FIXED_ESCROW_BUILD",
    "SANDBOX_SIGNER_1",
    "SANDBOX_SIGNER_2",
    "SANDBOX_SIGNER_3",
    "SANDBOX_DEPOSITOR",
    "SANDBOX_COUNTERPARTY",
    "SANDBOX_ARBITER",
    "SANDBOX_TOKEN",
    "SANDBOX_ROUTER",
    "SANDBOX_FEE_MATH",
    "SANDBOX_TREASURY",
    "SANDBOX_TREASURY_LOGIC",
    "SANDBOX_TREASURY_ADMIN",
    "SANDBOX_TRADE_HASH",
    "SANDBOX_SPENDER_KEY",
    "SANDBOX_TRADER_KEY",
    "SANDBOX_API_TOKEN",
}


@pytest.fixture(scope="module", params=["embedded", "anvil"])
def running(request: pytest.FixtureRequest) -> Iterator[Running]:
    with sandbox(using=EMBEDDED if request.param == "embedded" else anvil()) as started:
        yield started


@pytest.fixture
def node(running: Running) -> str:
    return running.variables["SANDBOX_RPC_URL"]


def view(running: Running, contract: str, signature: str) -> Any:
    call = {
        "to": running.variables[f"SANDBOX_{contract}"],
        "data": "0x" + selector(signature).hex(),
    }
    return rpc(running.variables["SANDBOX_RPC_URL"], "eth_call", call, "latest")


def test_the_manifest_gets_every_variable(running: Running) -> None:
    assert set(running.variables) == VARIABLES
    assert Running.read(running.folder).variables == running.variables


def test_health_is_what_the_parts_say(running: Running) -> None:
    for path in ("/api/health", "/health"):
        answer = ask(running.variables["SANDBOX_API_URL"] + path)
        body = answer.json()
        assert answer.status == 200
        assert (body["status"], body["version"], body["commit"]) == ("healthy", VERSION, COMMIT)
        assert body["dependencies"] == {
            "database": "healthy",
            "external_apis": "healthy",
            "smart_contracts": "healthy",
        }


def test_status_has_numbers_with_units(running: Running) -> None:
    body = ask(running.variables["SANDBOX_API_URL"] + "/api/status").json()
    assert body["api"]["response_time_avg"].endswith("ms")
    assert body["api"]["error_rate"] == "0.0%"
    assert body["database"]["query_time_avg"].endswith("ms")
    escrow = body["contracts"]["escrow_contract"]
    assert (escrow["address"], escrow["balance"]) == (
        running.variables["SANDBOX_ESCROW"],
        "0.1 ETH",
    )


@pytest.mark.parametrize("contract", ["ESCROW", "FIXED_ESCROW"])
def test_the_escrows_are_deployed_as_declared(running: Running, contract: str) -> None:
    expected = {
        "depositor()": running.variables["SANDBOX_DEPOSITOR"],
        "token()": "0x" + "00" * 20,
        "counterparty()": running.variables["SANDBOX_COUNTERPARTY"],
        "arbiter()": running.variables["SANDBOX_ARBITER"],
        "uniswapRouter()": running.variables["SANDBOX_ROUTER"],
        "owner()": running.variables["SANDBOX_OWNER"],
    }
    found = {name: "0x" + view(running, contract, name)[-40:] for name in expected}
    assert found == {name: value.lower() for name, value in expected.items()}
    assert view(running, contract, "tradeHash()") == running.variables["SANDBOX_TRADE_HASH"]
    assert int(view(running, contract, "amount()"), 16) == ETHER // 10
    assert int(view(running, contract, "paused()"), 16) == 0
    deposited = contract == "ESCROW"
    assert int(view(running, contract, "currentState()"), 16) == (1 if deposited else 0)


def test_the_money_is_where_it_should_be(running: Running, node: str) -> None:
    def balance(name: str) -> int:
        return int(rpc(node, "eth_getBalance", running.variables[name], "latest"), 16)

    assert balance("SANDBOX_ARBITER") == ETHER
    assert balance("SANDBOX_ESCROW") == ETHER // 10
    assert balance("SANDBOX_FIXED_ESCROW") == 0
    assert (
        int(rpc(node, "eth_getBalance", accounts.SPENDER.address, "latest"), 16) == 10_000 * ETHER
    )


def test_two_of_three_own_the_escrows(running: Running) -> None:
    assert int(view(running, "OWNER", "threshold()"), 16) == 2
    owners = {
        "0x" + rpc(running.variables["SANDBOX_RPC_URL"], "eth_call", call, "latest")[-40:]
        for call in (
            {
                "to": running.variables["SANDBOX_OWNER"],
                "data": "0x" + selector("owners(uint256)").hex() + number.to_bytes(32, "big").hex(),
            }
            for number in range(3)
        )
    }
    assert owners == {signer.address.lower() for signer in accounts.SIGNERS}


def test_there_is_honest_traffic(running: Running, node: str) -> None:
    receipts = receipts_to(node, running.variables["SANDBOX_ESCROW"])
    assert {receipt["status"] for receipt in receipts} == {"0x1"}
    per_block = Counter(receipt["blockNumber"] for receipt in receipts)
    assert sum(1 for count in per_block.values() if count >= 20) == 3
    assert len(receipts) == 68


def test_a_stranger_is_refused_with_the_reason(running: Running, node: str) -> None:
    call = {"to": running.variables["SANDBOX_ESCROW"], "data": "0x" + selector("refund()").hex()}
    error = rpc_raw(node, "eth_call", call, "latest")["error"]
    assert error["code"] == 3
    assert error["message"] == "execution reverted: Only the arbiter can call this function"
    assert error["data"].startswith("0x08c379a0")


def test_the_domain_is_told(running: Running) -> None:
    raw = bytes.fromhex(view(running, "ESCROW", "eip712Domain()")[2:])
    assert raw[:1] == b"\x0f"
    assert int.from_bytes(raw[96:128], "big") == 31337
    assert raw[128:160][-20:].hex() == running.variables["SANDBOX_ESCROW"].lower()[2:]


def test_the_database_is_migrated_as_prisma_does(running: Running) -> None:
    path = running.variables["SANDBOX_DATABASE_URL"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as connection:
        applied = connection.execute(
            "SELECT migration_name, checksum, finished_at IS NOT NULL, rolled_back_at, "
            "applied_steps_count FROM _prisma_migrations ORDER BY migration_name"
        ).fetchall()
        kept = {row[0] for row in connection.execute("SELECT id FROM orders")}
    assert applied == [
        (
            folder.name,
            hashlib.sha256((folder / "migration.sql").read_bytes()).hexdigest(),
            1,
            None,
            1,
        )
        for folder in sorted(MIGRATIONS.iterdir())
        if folder.is_dir()
    ]
    orders = ask(running.variables["SANDBOX_API_URL"] + "/api/orders").json()
    assert {order["id"] for order in orders} == kept
    assert len(kept) == 5
    times = [order["createdAt"] for order in orders]
    assert times == sorted(times, reverse=True)


def test_the_frontend_is_built_for_this_release(running: Running) -> None:
    origin = running.variables["SANDBOX_FRONTEND_URL"]
    page = ask(origin + "/")
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    script_path = page.body.decode().split('src="')[1].split('"')[0]
    assert script_path.startswith("/assets/app.")
    script = ask(origin + script_path)
    assert script.headers["content-type"].startswith("text/javascript")
    for name in ("SANDBOX_ESCROW", "SANDBOX_API_URL"):
        assert running.variables[name] in script.body.decode()
    assert '"chainId": 31337' in script.body.decode()
    styles = page.body.decode().split('rel="stylesheet" href="')[1].split('"')[0]
    assert ask(origin + styles).headers["content-type"].startswith("text/css")
    assert ask(origin + "/elsewhere").status == 404


def test_external_services_answer_what_they_are_asked(running: Running) -> None:
    assert "Uniswap_V3" in ask(running.variables["SANDBOX_ZEROX_URL"]).json()["sources"]
    quote = ask(running.variables["SANDBOX_ZEROX_QUOTE_URL"]).json()
    assert int(quote["buyAmount"]) == 2500 * ETHER
    assert "gecko_says" in ask(running.variables["SANDBOX_COINGECKO_URL"]).json()
