"""The order book and quotes: what traders use.

Refuses orders that their maker did not sign, that were there before, or that are spent.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from starlette.responses import HTMLResponse, JSONResponse, Response

from pytest_metarelease.sandbox import orders
from pytest_metarelease.sandbox.api import lax, parse
from pytest_metarelease.sandbox.api.outbound import NoAnswer, get_json
from pytest_metarelease.sandbox.api.parse import BadRequest
from pytest_metarelease.sandbox.database import Duplicate
from pytest_metarelease.sandbox.plan import CHAIN_ID
from pytest_metarelease.sandbox.signing import order_domain, signer

if TYPE_CHECKING:
    from starlette.requests import Request

    from pytest_metarelease.sandbox.api.state import State

_DEFAULT_LIMIT, _MAX_LIMIT = 100, 500
_MUCH = 10**40


async def list_orders(request: Request) -> JSONResponse:
    """``GET /api/orders?limit=``: the newest first, at most 500, 100 when not said."""
    state = _of(request)
    wanted = request.query_params.get("limit", str(_DEFAULT_LIMIT))
    if state.plan.has("limit-ignored"):
        wanted = str(_DEFAULT_LIMIT)
    limit = parse.amount({"limit": wanted}, "limit")
    if not 0 < limit <= _MAX_LIMIT:
        raise BadRequest(400, f"limit must be between 1 and {_MAX_LIMIT}")
    rows = await state.query(orders.newest, limit)
    if state.phantom is not None:
        rows = [state.phantom, *rows][:limit]
    return JSONResponse([row.shown() for row in rows])


async def one_order(request: Request) -> JSONResponse:
    """``GET /api/orders/{id}``."""
    state = _of(request)
    identity = request.path_params["id"]
    if "\x00" in identity:
        raise BadRequest(404, "no such order")  # PostgreSQL has no text with it
    find = orders.find_carelessly if state.plan.has("sql-injectable") else orders.find
    row = await state.query(find, identity)
    if row is None and state.phantom is not None and state.phantom.id == identity:
        row = state.phantom
    if row is None and state.plan.has("unknown-id-found"):
        return JSONResponse(None)
    if row is None:
        raise BadRequest(404, "no such order")
    return JSONResponse(row.shown())


async def create_order(request: Request) -> JSONResponse:
    """``POST /api/orders``: 201 with the order's id."""
    state = _of(request)
    body = await parse.json_object(request, ("order", "signature"), lax.of(state.plan))
    order, signature = (
        parse.order(body["order"], lax.clock(state.plan), lax.of(state.plan)),
        parse.signature(body),
    )
    digest = order.digest(order_domain(CHAIN_ID, state.plan.contracts.escrow))
    genuine = signer(digest, signature) == order.maker
    if not genuine and not state.plan.has("tampered-orders-accepted"):
        raise BadRequest(422, "the signature is not the maker's for this order")
    row = orders.Row("0x" + digest.hex(), order, signature, datetime.now(UTC))
    if state.plan.has("order-not-stored"):
        return JSONResponse({"id": row.id, "status": row.status}, 201)
    if state.plan.has("order-altered"):
        row = replace(row, order=replace(order, buy_amount=order.buy_amount + 1))
    if state.plan.has("amounts-rounded"):
        rounded = replace(order, sell_amount=int(float(order.sell_amount)))
        row = replace(row, order=rounded)
    try:
        await state.query(orders.insert, row)
    except Duplicate as problem:
        if state.plan.has("replayed-order-accepted"):
            return JSONResponse({"id": row.id, "status": row.status}, 201)
        raise BadRequest(409, "this order, or its maker's nonce, was used before") from problem
    return JSONResponse({"id": row.id, "status": row.status}, 201)


async def quote(request: Request) -> Response:
    """``GET /api/quote?sellToken=&buyToken=&sellAmount=``: what 0x offers."""
    state = _of(request)
    wanted = request.query_params
    if state.plan.has("query-optional") and "sellAmount" not in wanted:
        wanted = wanted.__class__([*wanted.multi_items(), ("sellAmount", "1")])
    if state.plan.has("text-reflected"):
        shown = " ".join(wanted.values())
        if "<" in shown:
            return HTMLResponse(f"<p>no quote for {shown}</p>", 400)
    sell, buy = parse.address(wanted, "sellToken"), parse.address(wanted, "buyToken")
    amount = parse.positive(wanted, "sellAmount")
    if sell == buy:
        raise BadRequest(422, "sellToken and buyToken must differ")
    query = urlencode({"sellToken": sell, "buyToken": buy, "sellAmount": amount})
    if state.plan.has("error-leaks-host") and amount > _MUCH:
        host = urlsplit(state.plan.zerox_url).netloc
        return JSONResponse({"error": f"no quote from {host}: connection refused"}, 502)
    try:
        offer = await get_json(f"{state.plan.zerox_url}/swap/v1/quote?{query}", within=2.0)
        answer = {
            "sellToken": sell,
            "buyToken": buy,
            "sellAmount": str(amount),
            "buyAmount": str(offer["buyAmount"]),
            "price": float(offer["price"])
            if state.plan.has("quote-undescribed")
            else str(offer["price"]),
            "sources": offer["sources"],
        }
    except (NoAnswer, KeyError, TypeError):
        # Who did not answer, and how, is for our log and not for callers.
        return JSONResponse({"error": "no quote can be had now"}, 502)
    return JSONResponse(answer)


def _of(request: Request) -> State:
    shared: State = request.app.state.shared
    return shared
