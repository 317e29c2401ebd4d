"""Every fault, alone: what it breaks is really broken, and the variables say what should be."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import UsageError
from pytest_metarelease.sandbox import FAULTS, Running, accounts, check_faults
from pytest_metarelease.sandbox.abi import call, keccak, selector
from pytest_metarelease.sandbox.api_faults import API_FAULTS
from pytest_metarelease.sandbox.artifact import ARTIFACTS
from pytest_metarelease.sandbox.browser_faults import BROWSER_FAULTS
from pytest_metarelease.sandbox.plan import CHAIN_ID, OLD_VERSION, ZERO_ADDRESS
from pytest_metarelease.sandbox.signing import release_digest, signer
from tests.sandbox.orders import signed_order
from tests.sandbox.world import (
    EMBEDDED,
    VERSION,
    Answer,
    anvil,
    ask,
    receipts_to,
    rpc,
    sandbox,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def api(running: Running, path: str) -> Answer:
    return ask(running.variables["SANDBOX_API_URL"] + path)


def health(running: Running) -> dict[str, Any]:
    found: dict[str, Any] = api(running, "/api/health").json()
    return found


def view(running: Running, signature: str) -> str:
    call = {"to": running.variables["SANDBOX_ESCROW"], "data": "0x" + selector(signature).hex()}
    answer: str = rpc(running.variables["SANDBOX_RPC_URL"], "eth_call", call, "latest")
    return answer


def code(running: Running) -> str:
    address = running.variables["SANDBOX_ESCROW"]
    found: str = rpc(running.variables["SANDBOX_RPC_URL"], "eth_getCode", address, "latest")
    return found


def bundle(running: Running) -> str:
    origin = running.variables["SANDBOX_FRONTEND_URL"]
    page = ask(origin + "/").body.decode()
    script = page.split('src="')[1].split('"')[0]
    return ask(origin + script).body.decode()


def database_path(running: Running) -> str:
    return running.variables["SANDBOX_DATABASE_URL"].removeprefix("sqlite:///")


def rows(running: Running, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(database_path(running))) as connection:
        return connection.execute(sql).fetchall()


def api_errors(running: Running) -> None:
    statuses = [api(running, "/api/orders").status for _ in range(48)]
    assert statuses.count(500) == 4
    assert [status for status in statuses if status not in (200, 500)] == []
    assert {api(running, "/api/health").status for _ in range(24)} == {200}


def api_slow(running: Running) -> None:
    started = time.monotonic()
    assert api(running, "/api/orders").status == 200
    assert time.monotonic() - started >= 0.7


def _database_gone(running: Running) -> None:
    with pytest.raises(sqlite3.OperationalError):
        sqlite3.connect(database_path(running))
    assert api(running, "/api/orders").status == 503


def health_lies(running: Running) -> None:
    _database_gone(running)
    answer = api(running, "/api/health")
    assert (answer.status, answer.json()["status"]) == (200, "healthy")
    assert set(answer.json()["dependencies"].values()) == {"healthy"}


def database_down(running: Running) -> None:
    _database_gone(running)
    answer = api(running, "/api/health")
    assert (answer.status, answer.json()["status"]) == (503, "unhealthy")
    assert answer.json()["dependencies"]["database"] == "unhealthy"


def migration_missing(running: Running) -> None:
    applied = rows(running, "SELECT migration_name FROM _prisma_migrations ORDER BY 1")
    assert applied == [("20250114093000_init",), ("20250302110000_order_status",)]
    assert len(api(running, "/api/orders").json()) == 5


def frontend_wrong_address(running: Running) -> None:
    script = bundle(running)
    assert running.variables["SANDBOX_ESCROW"] not in script
    assert running.variables["SANDBOX_API_URL"] in script


def contract_missing(running: Running) -> None:
    assert code(running) == "0x"
    assert health(running)["dependencies"]["smart_contracts"] == "unhealthy"


def contract_other_code(running: Running) -> None:
    released = json.loads((ARTIFACTS / "Escrow.json").read_text())["deployedBytecode"]
    assert len(code(running)) > len(released)
    assert accounts.ARBITER.address.lower()[2:] in view(running, "arbiter()")


def wrong_arbiter(running: Running) -> None:
    assert accounts.WRONG_ARBITER.address.lower()[2:] in view(running, "arbiter()")
    assert running.variables["SANDBOX_ARBITER"] == accounts.ARBITER.address


def arbiter_unfunded(running: Running) -> None:
    arbiter = running.variables["SANDBOX_ARBITER"]
    assert rpc(running.variables["SANDBOX_RPC_URL"], "eth_getBalance", arbiter, "latest") == "0x0"


def contract_paused(running: Running) -> None:
    assert int(view(running, "paused()"), 16) == 1
    assert int(view(running, "currentState()"), 16) == 1


def _of(running: Running, name: str, signature: str, *words: str) -> str:
    called = selector(signature).hex() + "".join(one.rjust(64, "0") for one in words)
    call = {"to": running.variables[name], "data": "0x" + called}
    answer: str = rpc(running.variables["SANDBOX_RPC_URL"], "eth_call", call, "latest")
    return answer


def refund_open(running: Running) -> None:
    call = {
        "from": accounts.SPARE[0].address,
        "to": running.variables["SANDBOX_ESCROW"],
        "data": "0x" + selector("refund()").hex(),
    }
    assert rpc(running.variables["SANDBOX_RPC_URL"], "eth_call", call, "latest") == "0x"
    assert running.variables["SANDBOX_ESCROW_BUILD"] == "OpenRefundEscrow"


def token_answers_ignored(running: Running) -> None:
    variables = running.variables
    assert variables["SANDBOX_ESCROW_BUILD"] == "CarelessEscrow"
    code = rpc(variables["SANDBOX_RPC_URL"], "eth_getCode", variables["SANDBOX_ESCROW"], "latest")
    # Only immutables are filled in, which changes no length.
    sound, careless = (
        len(json.loads((ARTIFACTS / f"{name}.json").read_bytes())["deployedBytecode"])
        for name in ("Escrow", "CarelessEscrow")
    )
    assert len(code) == careless != sound


def fixed_deposit_loose(running: Running) -> None:
    paid = {
        "from": accounts.DEPOSITOR.address,
        "to": running.variables["SANDBOX_FIXED_ESCROW"],
        "data": "0x" + selector("deposit()").hex(),
        "value": "0x1",
    }
    assert rpc(running.variables["SANDBOX_RPC_URL"], "eth_call", paid, "latest") == "0x"
    assert running.variables["SANDBOX_FIXED_ESCROW_BUILD"] == "LooseFixedEscrow"


def _signed_by_the_api(running: Running) -> tuple[str, str, bytes]:
    """What the API signs, the address it pays to, and what should have been signed."""
    # The arbiter signs for parties of the escrow only.
    variables, to = running.variables, accounts.COUNTERPARTY.address
    escrow = variables["SANDBOX_ESCROW"]
    release = {"escrowAddress": escrow, "to": to, "token": ZERO_ADDRESS, "amount": "5"}
    token = {"Authorization": f"Bearer {variables['SANDBOX_API_TOKEN']}"}
    url = variables["SANDBOX_API_URL"] + "/api/signRelease"
    signature = str(ask(url, "POST", release, token).json()["signature"])
    return signature, to, release_digest(CHAIN_ID, escrow, to, ZERO_ADDRESS, 5)


def domain_mismatch(running: Running) -> None:
    signature, to, digest = _signed_by_the_api(running)
    assert signer(digest, signature) != accounts.ARBITER.address
    escrow = running.variables["SANDBOX_ESCROW"]
    other = release_digest(CHAIN_ID, escrow, to, ZERO_ADDRESS, 5, "2")
    assert signer(other, signature) == accounts.ARBITER.address


def replay_accepted(running: Running) -> None:
    url, escrow = running.variables["SANDBOX_RPC_URL"], running.variables["SANDBOX_ESCROW"]
    assert running.variables["SANDBOX_ESCROW_BUILD"] == "ReplayableEscrow"
    signature, to, _ = _signed_by_the_api(running)
    release = call(
        "releaseWithSignature(address,address,uint256,bytes)",
        to,
        ZERO_ADDRESS,
        5,
        bytes.fromhex(signature[2:]),
    )
    sender = {"from": accounts.COUNTERPARTY.address, "to": escrow}
    for data in ("0x" + selector("confirmTrade()").hex(), release, release):
        digest = rpc(url, "eth_sendTransaction", {**sender, "data": data})
        until = time.monotonic() + 30
        while (receipt := rpc(url, "eth_getTransactionReceipt", digest)) is None:
            assert time.monotonic() < until, "the transaction is not mined"
        assert receipt["status"] == "0x1"


def extra_role_holder(running: Running) -> None:
    role, account = keccak(b"RECORDER_ROLE").hex(), accounts.SPARE[1].address[2:]
    found = _of(running, "SANDBOX_SETTLEMENT_LOG", "hasRole(bytes32,address)", role, account)
    assert int(found, 16) == 1


def hidden_selector(running: Running) -> None:
    call = {
        "from": running.variables["SANDBOX_ARBITER"],
        "to": running.variables["SANDBOX_SETTLEMENT_LOG"],
        "data": "0x5a17b0de",
    }
    assert rpc(running.variables["SANDBOX_RPC_URL"], "eth_call", call, "latest") == "0x"


def unlisted_view(running: Running) -> None:
    found = _of(running, "SANDBOX_SETTLEMENT_LOG", "feeOf(uint256)", "2710")
    assert int(found, 16) == 30


def threshold_lowered(running: Running) -> None:
    assert int(_of(running, "SANDBOX_OWNER", "getThreshold()"), 16) == 1


def module_added(running: Running) -> None:
    module = accounts.SPARE[0].address[2:]
    assert int(_of(running, "SANDBOX_OWNER", "isModuleEnabled(address)", module), 16) == 1


def transactions_failing(running: Running) -> None:
    escrow = running.variables["SANDBOX_ESCROW"]
    receipts = receipts_to(running.variables["SANDBOX_RPC_URL"], escrow)
    failed = [receipt for receipt in receipts if receipt["status"] == "0x0"]
    assert (len(receipts), len(failed)) == (366, 52)


def balance_deviating(running: Running) -> None:
    escrow, url = running.variables["SANDBOX_ESCROW"], running.variables["SANDBOX_RPC_URL"]
    assert int(rpc(url, "eth_getBalance", escrow, "latest"), 16) == 102 * 10**15
    assert int(view(running, "amount()"), 16) == 10**17


def head_old(running: Running) -> None:
    head = rpc(running.variables["SANDBOX_RPC_URL"], "eth_getBlockByNumber", "latest", False)
    assert 3_600 <= time.time() - int(head["timestamp"], 16) <= 3_660 + 60


def wrong_chain(running: Running) -> None:
    assert rpc(running.variables["SANDBOX_RPC_URL"], "eth_chainId") == hex(1337)
    assert rpc(running.variables["SANDBOX_RPC_URL"], "net_version") == "1337"


def of_treasury(running: Running, signature: str, name: str = "TREASURY") -> str:
    call = {"to": running.variables[f"SANDBOX_{name}"], "data": "0x" + selector(signature).hex()}
    found: str = rpc(running.variables["SANDBOX_RPC_URL"], "eth_call", call, "latest")
    return found


def wrong_immutable(running: Running) -> None:
    router = running.variables["SANDBOX_ROUTER"].lower()[2:]
    assert router not in of_treasury(running, "router()", "TREASURY_LOGIC")


def other_metadata(running: Running) -> None:
    released = json.loads((ARTIFACTS / "Escrow.json").read_text())["deployedBytecode"]
    assert len(code(running)) == len(released)
    assert code(running)[-22:] == released[-22:]  # the compiler's version and the length
    assert code(running)[-60:] != released[-60:]


def other_library(running: Running) -> None:
    address = running.variables["SANDBOX_TREASURY_LOGIC"]
    found: str = rpc(running.variables["SANDBOX_RPC_URL"], "eth_getCode", address, "latest")
    assert running.variables["SANDBOX_FEE_MATH"].lower()[2:] not in found


def uninitialised_proxy(running: Running) -> None:
    assert int(of_treasury(running, "owner()"), 16) == 0


def proxy_admin_account(running: Running) -> None:
    url, proxy = running.variables["SANDBOX_RPC_URL"], running.variables["SANDBOX_TREASURY"]
    slot = "0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103"
    admin = "0x" + rpc(url, "eth_getStorageAt", proxy, slot, "latest")[-40:]
    assert rpc(url, "eth_getCode", admin, "latest") == "0x"


def tampered_orders_accepted(running: Running) -> None:
    body = signed_order(running, nonce=1000)
    body["order"]["buyAmount"] = "1"
    assert ask(running.variables["SANDBOX_API_URL"] + "/api/orders", "POST", body).status == 201


def external_down(running: Running) -> None:
    assert ask(running.variables["SANDBOX_ZEROX_URL"]).status == 503
    assert ask(running.variables["SANDBOX_ZEROX_QUOTE_URL"]).status == 503
    assert ask(running.variables["SANDBOX_COINGECKO_URL"]).status == 200
    found = health(running)
    assert (found["status"], found["dependencies"]["external_apis"]) == ("degraded", "unhealthy")


def orders_diverge(running: Running) -> None:
    listed = {order["id"] for order in api(running, "/api/orders").json()}
    kept = {identity for (identity,) in rows(running, "SELECT id FROM orders")}
    assert len(listed - kept) == 1
    assert kept < listed


def old_release(running: Running) -> None:
    found = {health(running)["version"] for _ in range(4)}
    assert found == {OLD_VERSION}


def old_replica(running: Running) -> None:
    found = [health(running)["version"] for _ in range(6)]
    assert sorted(found) == [OLD_VERSION] * 3 + [VERSION] * 3
    assert found[0] != found[1]


SEEN: dict[str, Callable[[Running], None]] = {
    check.__name__.replace("_", "-"): check
    for check in (
        api_errors,
        api_slow,
        health_lies,
        database_down,
        migration_missing,
        frontend_wrong_address,
        contract_missing,
        contract_other_code,
        wrong_arbiter,
        arbiter_unfunded,
        contract_paused,
        refund_open,
        domain_mismatch,
        replay_accepted,
        extra_role_holder,
        hidden_selector,
        unlisted_view,
        token_answers_ignored,
        fixed_deposit_loose,
        threshold_lowered,
        module_added,
        transactions_failing,
        balance_deviating,
        head_old,
        wrong_chain,
        wrong_immutable,
        other_metadata,
        other_library,
        uninitialised_proxy,
        proxy_admin_account,
        tampered_orders_accepted,
        external_down,
        orders_diverge,
        old_release,
        old_replica,
    )
}
#: The faults of the chain, those together that do not touch each other.
ON_CHAIN = (
    ("wrong-arbiter", "arbiter-unfunded", "contract-paused", "transactions-failing"),
    ("token-answers-ignored", "fixed-deposit-loose"),
    ("contract-other-code", "wrong-chain", "unlisted-view", "threshold-lowered", "module-added"),
    ("contract-missing", "extra-role-holder"),
    ("replay-accepted",),
    ("refund-open", "hidden-selector", "balance-deviating", "head-old"),
    (
        "wrong-immutable",
        "other-metadata",
        "other-library",
        "uninitialised-proxy",
        "proxy-admin-account",
    ),
)
#: Health of a sandbox whose fault health can see; all others are healthy.
NOT_HEALTHY = {
    "database-down": "unhealthy",
    "contract-missing": "degraded",
    "external-down": "degraded",
}


def test_each_is_seen_to_be_real() -> None:
    # What somebody with a proxy sees is looked at in tests/system/test_faults_of_the_api.py.
    # What a browser sees is looked at in tests/system/test_faults_in_the_browser.py.
    elsewhere = {fault.name for fault in (*API_FAULTS, *BROWSER_FAULTS)}
    others = {fault.name for fault in FAULTS} - elsewhere
    assert others == set(SEEN)


@pytest.mark.parametrize("fault", sorted(SEEN))
def test_a_fault_is_real(fault: str) -> None:
    with sandbox(fault, using=anvil()) as running:
        SEEN[fault](running)
        assert health(running)["status"] == NOT_HEALTHY.get(fault, "healthy")


@pytest.mark.parametrize("faults", ON_CHAIN, ids="+".join)
def test_faults_of_the_chain_are_real_on_the_embedded_node(faults: tuple[str, ...]) -> None:
    with sandbox(*faults, using=EMBEDDED) as running:
        for fault in faults:
            SEEN[fault](running)


def test_faults_combine() -> None:
    together = ("wrong-arbiter", "old-release", "orders-diverge", "frontend-wrong-address")
    with sandbox(*together, using=anvil()) as running:
        for fault in together:
            SEEN[fault](running)


def test_no_fault_is_seen_where_none_is() -> None:
    with sandbox(using=anvil()) as running:
        for fault, check in SEEN.items():
            if fault != "tampered-orders-accepted":
                with pytest.raises((AssertionError, pytest.fail.Exception)):
                    check(running)
        with pytest.raises(AssertionError):
            tampered_orders_accepted(running)


def test_an_unknown_fault_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match="did you mean api-errors"):
        check_faults(["api-error"])
