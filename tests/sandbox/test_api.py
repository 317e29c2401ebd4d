"""The API refuses what it should, with words and never with a 5xx, and settles for real."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.sandbox import accounts
from pytest_metarelease.sandbox.abi import selector
from pytest_metarelease.sandbox.api.shield import BURST, Bucket
from pytest_metarelease.sandbox.signing import Domain, order_domain
from tests.sandbox.orders import signed_order
from tests.sandbox.world import Answer, anvil, ask, rpc, sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.sandbox import Running

ETHER_TOKEN = "0x" + "00" * 20


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with sandbox(using=anvil()) as started:
        yield started


@pytest.fixture
def origin(running: Running) -> str:
    return running.variables["SANDBOX_API_URL"]


def post(origin: str, path: str, body: Any, **headers: str) -> Answer:
    return ask(origin + path, "POST", body, headers)


def refused(answer: Answer, status: int, words: str) -> None:
    assert (answer.status, words in answer.json()["error"]) == (status, True), answer.body


# ---------------------------------------------------------------------------- orders


def test_an_order_is_kept_once(running: Running, origin: str) -> None:
    body = signed_order(running, nonce=100)
    made = post(origin, "/api/orders", body)
    assert (made.status, made.json()["status"]) == (201, "open")
    found = ask(f"{origin}/api/orders/{made.json()['id']}").json()
    assert {name: found[name] for name in body["order"]} == body["order"]
    assert found["signature"] == body["signature"]
    assert ask(f"{origin}/api/orders?limit=1").json()[0]["id"] == made.json()["id"]
    refused(post(origin, "/api/orders", body), 409, "used before")


def test_a_nonce_is_used_once(running: Running, origin: str) -> None:
    assert post(origin, "/api/orders", signed_order(running, nonce=101)).status == 201
    again = signed_order(running, nonce=101)
    again["order"]["expiry"] += 1
    refused(post(origin, "/api/orders", again), 422, "signature")
    seeded = signed_order(running, nonce=1)
    refused(post(origin, "/api/orders", seeded), 409, "used before")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("maker", accounts.SPENDER.address),
        ("sellToken", accounts.SPENDER.address),
        ("buyToken", accounts.SPENDER.address),
        ("sellAmount", "1"),
        ("buyAmount", "1"),
        ("nonce", "4242"),
        ("expiry", 4_000_000_000),
    ],
)
def test_a_changed_field_breaks_the_signature(
    running: Running, origin: str, field: str, value: object
) -> None:
    body = signed_order(running, nonce=102)
    body["order"][field] = value
    refused(post(origin, "/api/orders", body), 422, "signature")


@pytest.mark.parametrize("wrong", ["name", "version", "chain", "contract"])
def test_a_signature_for_another_domain_is_refused(
    running: Running, origin: str, wrong: str
) -> None:
    escrow = running.variables["SANDBOX_ESCROW"]
    domain = {
        "name": Domain("MetaAggregator2", "2", 31337, escrow),
        "version": Domain("MetaAggregator", "1", 31337, escrow),
        "chain": order_domain(1, escrow),
        "contract": order_domain(31337, running.variables["SANDBOX_TOKEN"]),
    }[wrong]
    refused(post(origin, "/api/orders", signed_order(running, 103, domain)), 422, "signature")


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"sellAmount": "0"}, 422, "greater than zero"),
        ({"buyAmount": "0"}, 422, "greater than zero"),
        ({"sellAmount": "-1"}, 400, "unsigned"),
        ({"sellAmount": "1.5"}, 400, "unsigned"),
        ({"sellAmount": str(2**256)}, 400, "unsigned"),
        ({"sellAmount": True}, 400, "unsigned"),
        ({"expiry": 1}, 422, "expired"),
        ({"expiry": 2**63}, 400, "unsigned"),
        ({"buyToken": ETHER_TOKEN}, 422, "differ"),
        ({"maker": "0x12"}, 400, "address"),
        ({"maker": None}, 400, "address"),
        ({"surprise": 1}, 400, "unknown fields: surprise"),
    ],
)
def test_a_malformed_order_is_refused(
    running: Running, origin: str, change: dict[str, Any], status: int, words: str
) -> None:
    body = signed_order(running, nonce=104)
    body["order"].update(change)
    refused(post(origin, "/api/orders", body), status, words)


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"null", b'{"order": []}', b"\xff\xfe", b"[" * 60000, b'{"order": NaN}'],
)
def test_what_is_no_order_is_refused(origin: str, raw: bytes) -> None:
    assert post(origin, "/api/orders", raw).status == 400


def test_unfitting_requests_are_refused(origin: str) -> None:
    assert post(origin, "/api/orders", b"{}", **{"Content-Type": "text/plain"}).status == 415
    assert post(origin, "/api/orders", b" " * 70_000).status == 413
    wrong_method = ask(f"{origin}/api/orders", "DELETE")
    assert (wrong_method.status, "error" in wrong_method.json()) == (405, True)
    assert ask(f"{origin}/api/nothing").json() == {"error": "Not Found"}
    assert ask(f"{origin}/api/orders/0xnone").status == 404
    for limit in ("0", "501", "-1", "x", "1e3"):
        assert ask(f"{origin}/api/orders?limit={limit}").status == 400


# ---------------------------------------------------------------------------- quotes


def test_a_quote_is_what_0x_offers(running: Running, origin: str) -> None:
    token = running.variables["SANDBOX_TOKEN"]
    query = f"sellToken={ETHER_TOKEN}&buyToken={token}&sellAmount=2"
    quote = ask(f"{origin}/api/quote?{query}").json()
    assert (quote["buyToken"], quote["buyAmount"], quote["price"]) == (token, "5000", "2500")
    assert ask(f"{origin}/api/quote?{query.replace('=2', '=0')}").status == 422
    assert ask(f"{origin}/api/quote?sellToken={token}&buyToken={token}&sellAmount=1").status == 422
    assert ask(f"{origin}/api/quote").status == 400


# ---------------------------------------------------------------------------- protection


def test_answers_carry_security_headers_and_no_banner(origin: str) -> None:
    for path in ("/api/health", "/api/orders", "/nothing"):
        headers = ask(origin + path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["content-type"] == "application/json"
        assert "server" not in headers


def test_only_the_frontend_may_read_across_origins(running: Running, origin: str) -> None:
    frontend = running.variables["SANDBOX_FRONTEND_URL"]
    allowed = ask(f"{origin}/api/orders", headers={"Origin": frontend}).headers
    assert allowed["access-control-allow-origin"] == frontend
    other = ask(f"{origin}/api/orders", headers={"Origin": "https://evil.example"}).headers
    assert "access-control-allow-origin" not in other
    preflight = {"Origin": frontend, "Access-Control-Request-Method": "POST"}
    assert ask(f"{origin}/api/orders", "OPTIONS", headers=preflight).status == 200
    preflight["Origin"] = "https://evil.example"
    assert ask(f"{origin}/api/orders", "OPTIONS", headers=preflight).status == 400


def test_a_burst_is_limited_and_the_bucket_fills_again() -> None:
    bucket = Bucket(at=0.0)
    assert sum(bucket.take(0.0) for _ in range(int(BURST) + 10)) == BURST
    assert not bucket.take(0.0005)
    assert bucket.take(0.01)
    assert sum(bucket.take(100.0) for _ in range(int(BURST) + 10)) == BURST


# ---------------------------------------------------------------------------- settlement


def test_settlement_from_deposit_to_release() -> None:
    with sandbox() as running:
        variables = running.variables
        origin, node = variables["SANDBOX_API_URL"], variables["SANDBOX_RPC_URL"]
        token = {"Authorization": f"Bearer {variables['SANDBOX_API_TOKEN']}"}
        to = accounts.COUNTERPARTY.address
        release = {
            "escrowAddress": variables["SANDBOX_ESCROW"],
            "to": to,
            "token": ETHER_TOKEN,
            "amount": str(10**16),
        }
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic x"}):
            answer = post(origin, "/api/signRelease", release, **headers)
            refused(answer, 401, "bearer token")
            assert answer.headers["www-authenticate"] == "Bearer"
        for changed, status, why in (
            ({"to": accounts.SPARE[1].address}, 403, "parties"),
            ({"amount": str(10**17 + 1)}, 422, "more than the escrow holds"),
            ({"amount": "0"}, 422, "greater than zero"),
        ):
            refused(post(origin, "/api/signRelease", {**release, **changed}, **token), status, why)
        elsewhere = {**release, "escrowAddress": variables["SANDBOX_FIXED_ESCROW"]}
        refused(post(origin, "/api/signRelease", elsewhere, **token), 403, "configured escrow")
        signature = post(origin, "/api/signRelease", release, **token).json()["signature"]
        signed = {**release, "signature": signature}

        early = post(origin, "/api/releaseFund", signed, **token)
        refused(early, 409, "execution reverted: Invalid state")
        confirm = "0x" + selector("confirmTrade()").hex()
        call = {"from": variables["SANDBOX_COUNTERPARTY"], "to": release["escrowAddress"]}
        rpc(node, "eth_sendTransaction", {**call, "data": confirm})

        forged = {**signed, "amount": str(10**17)}
        refused(post(origin, "/api/releaseFund", forged, **token), 409, "Invalid arbiter signature")
        before = int(rpc(node, "eth_getBalance", to, "latest"), 16)
        done = post(origin, "/api/releaseFund", signed, **token)
        assert (done.status, done.json()["status"]) == (200, "released")
        receipt = rpc(node, "eth_getTransactionReceipt", done.json()["txHash"])
        assert (receipt["status"], receipt["from"]) == ("0x1", accounts.ARBITER.address.lower())
        assert int(rpc(node, "eth_getBalance", to, "latest"), 16) == before + 10**16
        refused(post(origin, "/api/releaseFund", signed, **token), 409, "already used")
        refused(post(origin, "/api/releaseFund", signed), 401, "bearer token")
