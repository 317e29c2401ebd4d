"""Releases: the arbiter's signature, and the transaction that pays out.

Refuses callers without the operator's token, other escrows than the configured one, whoever is no
party to it, more than it holds, and to call anything released before its receipt says so.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.responses import JSONResponse

from pytest_metarelease.sandbox.abi import call
from pytest_metarelease.sandbox.accounts import ARBITER, COUNTERPARTY, DEPOSITOR
from pytest_metarelease.sandbox.api import parse
from pytest_metarelease.sandbox.api.lax import lets_in
from pytest_metarelease.sandbox.api.outbound import NoAnswer, NodeError, ask_node
from pytest_metarelease.sandbox.api.parse import BadRequest
from pytest_metarelease.sandbox.orders import written
from pytest_metarelease.sandbox.plan import AMOUNT, API_TOKEN, CHAIN_ID
from pytest_metarelease.sandbox.signing import Transaction, release_digest, sign

if TYPE_CHECKING:
    from starlette.requests import Request

    from pytest_metarelease.sandbox.api.state import State
    from pytest_metarelease.sandbox.database import Database

_FIELDS = ("escrowAddress", "to", "token", "amount")
_RELEASE = "releaseWithSignature(address,address,uint256,bytes)"
#: Seconds to wait for a receipt.
_PATIENCE = 10.0
_GAS = 250_000


@dataclass(frozen=True, slots=True)
class Release:
    """What shall leave the escrow; ``amount`` in the token's smallest unit."""

    escrow: str
    to: str
    token: str
    amount: int


async def sign_release(request: Request) -> JSONResponse:
    """``POST /api/signRelease``: the arbiter's EIP-712 signature of the release."""
    state = _of(request)
    if not state.plan.has("sign-unprotected"):
        _authorise(request)
    if state.plan.has("form-signs") and "form" in request.headers.get("content-type", ""):
        body = dict(parse_qsl((await request.body()).decode(errors="replace")))
        body = parse.exactly(body, _FIELDS, "the form")
    else:
        body = await parse.json_object(request, _FIELDS)
    release = _parse(state, body)
    version = "2" if state.plan.has("domain-mismatch") else "1"
    digest = release_digest(
        CHAIN_ID, release.escrow, release.to, release.token, release.amount, version
    )
    return JSONResponse({"signature": sign(ARBITER.key, digest)})


async def release_fund(request: Request) -> JSONResponse:
    """``POST /api/releaseFund``: sends the release and answers when its receipt is there."""
    _authorise(request)
    state = _of(request)
    body = await parse.json_object(request, (*_FIELDS, "signature"))
    release, signature = _parse(state, body), parse.signature(body)
    data = call(_RELEASE, release.to, release.token, release.amount, bytes.fromhex(signature[2:]))
    try:
        async with state.releasing:
            receipt = await _send(state, release.escrow, data)
    except NodeError as refusal:
        raise BadRequest(409, f"the release was refused: {refusal}") from refusal
    except (NoAnswer, TimeoutError) as problem:
        return JSONResponse({"error": f"the chain gave no answer: {problem}"}, 502)
    digest = receipt["transactionHash"]
    if receipt["status"] != "0x1":
        return JSONResponse({"error": "the release reverted", "txHash": digest}, 409)
    await state.query(_record, digest, release)
    return JSONResponse({"status": "released", "txHash": digest})


async def _send(state: State, escrow: str, data: str) -> dict[str, Any]:
    url, sender = state.plan.rpc_url, ARBITER.address
    # Asked first, so that a release that must fail costs nothing and gives its reason.
    await ask_node(url, "eth_call", {"from": sender, "to": escrow, "data": data}, "latest")
    nonce = int(await ask_node(url, "eth_getTransactionCount", sender, "pending"), 16)
    price = int(await ask_node(url, "eth_gasPrice"), 16)
    transaction = Transaction(nonce, price, _GAS, escrow, 0, bytes.fromhex(data[2:]))
    raw = transaction.signed(ARBITER.key, CHAIN_ID)
    digest = await ask_node(url, "eth_sendRawTransaction", "0x" + raw.hex(), within=_PATIENCE)
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        receipt: dict[str, Any] | None = await ask_node(url, "eth_getTransactionReceipt", digest)
        if receipt is not None:
            return receipt
        await asyncio.sleep(0.02)
    raise TimeoutError(f"no receipt for {digest}")


def _parse(state: State, body: dict[str, Any]) -> Release:
    release = Release(
        escrow=parse.address(body, "escrowAddress"),
        to=parse.address(body, "to"),
        token=parse.address(body, "token"),
        amount=_amount(state, body),
    )
    if release.escrow != state.plan.contracts.escrow and not state.plan.has("any-escrow-signed"):
        raise BadRequest(403, "the arbiter signs for the configured escrow only")
    parties = {DEPOSITOR.address, COUNTERPARTY.address}
    if release.to not in parties and not state.plan.has("any-recipient-signed"):
        raise BadRequest(403, "only the parties of the escrow can be paid")
    if release.amount > AMOUNT:
        raise BadRequest(422, "amount is more than the escrow holds")
    return release


def _amount(state: State, body: dict[str, Any]) -> int:
    if state.plan.has("zero-amount-signed"):
        return parse.amount(body, "amount")
    return parse.positive(body, "amount")


def _authorise(request: Request) -> None:
    given = request.headers.get("authorization", "")
    if lets_in(_of(request).plan, given):
        return
    if not hmac.compare_digest(given.encode(), f"Bearer {API_TOKEN}".encode()):
        raise BadRequest(401, "a bearer token is required")


def _record(database: Database, digest: str, release: Release) -> None:
    database.run(
        "INSERT INTO releases (tx_hash, recipient, token, amount, created_at) "
        "VALUES (?, ?, ?, ?, ?)",
        (digest, release.to, release.token, str(release.amount), written(datetime.now(UTC))),
    )


def _of(request: Request) -> State:
    shared: State = request.app.state.shared
    return shared
