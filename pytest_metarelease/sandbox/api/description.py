"""The API's OpenAPI description, served at ``/openapi.json``.

Refuses to say more than is so: every status and member that an answer may have is in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from starlette.requests import Request

_Schema = dict[str, Any]


def _text(pattern: str | None = None, **more: Any) -> _Schema:
    return {"type": "string", **({"pattern": pattern} if pattern else {}), **more}


def _object(**members: _Schema) -> _Schema:
    return {
        "type": "object",
        "properties": members,
        "required": sorted(members),
        "additionalProperties": False,
    }


_ADDRESS = _text("^0x[0-9a-fA-F]{40}$")
_AMOUNT = _text("^[1-9][0-9]{0,30}$")
_HASH = _text("^0x[0-9a-f]{64}$")
_SIGNATURE = _text("^0x[0-9a-f]{130}$")
_STATE = _text(enum=["healthy", "degraded", "unhealthy"])
_ORDER = {
    "maker": _ADDRESS,
    "sellToken": _ADDRESS,
    "buyToken": _ADDRESS,
    "sellAmount": _AMOUNT,
    "buyAmount": _AMOUNT,
    "nonce": _text("^(0|[1-9][0-9]{0,30})$"),
    "expiry": {"type": "integer", "minimum": 1, "maximum": 2**53},
}
_RELEASE = {"escrowAddress": _ADDRESS, "to": _ADDRESS, "token": _ADDRESS, "amount": _AMOUNT}
_HEALTH = _object(
    status=_STATE,
    timestamp=_text(format="date-time"),
    version=_text(),
    commit=_text("^[0-9a-f]{40}$"),
    dependencies=_object(database=_STATE, external_apis=_STATE, smart_contracts=_STATE),
)
_SCHEMAS = {
    "Error": _object(error=_text(minLength=1)),
    "Health": _HEALTH,
    "Status": {"type": "object", "required": ["api", "contracts", "database"]},
    "NewOrder": _object(**_ORDER),
    "Order": _object(
        **_ORDER,
        id=_HASH,
        signature=_SIGNATURE,
        status=_text(),
        createdAt=_text(format="date-time"),
    ),
    "Placed": _object(id=_HASH, status=_text(enum=["open"])),
    "Quote": _object(
        sellToken=_ADDRESS,
        buyToken=_ADDRESS,
        sellAmount=_text("^[1-9][0-9]*$"),
        buyAmount=_text("^[0-9]+$"),
        price=_text("^[0-9]+([.][0-9]+)?$"),
        sources={"type": "array"},
    ),
}


def _json(schema: _Schema) -> _Schema:
    return {"application/json": {"schema": schema}}


def _named(name: str) -> _Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _operation(right: int, schema: _Schema, *refusals: int, **more: Any) -> _Schema:
    answers = {str(right): {"description": "done", "content": _json(schema)}}
    for status in refusals:
        answers[str(status)] = {"description": "refused", "content": _json(_named("Error"))}
    return {"responses": answers, **more}


def _query(name: str, schema: _Schema, *, required: bool = True) -> _Schema:
    return {"name": name, "in": "query", "required": required, "schema": schema}


def _body(schema: _Schema) -> _Schema:
    return {"required": True, "content": _json(schema)}


def description(version: str) -> _Schema:
    """The document, OpenAPI 3.0.3."""
    limit = {"type": "integer", "minimum": 1, "maximum": 500}
    tokens = [_query(name, _ADDRESS) for name in ("sellToken", "buyToken")]
    signed = _object(order=_named("NewOrder"), signature=_SIGNATURE)
    orders = {"type": "array", "maxItems": 500, "items": _named("Order")}
    known = {"name": "id", "in": "path", "required": True, "schema": _HASH}
    paths = {
        "/api/health": {"get": _operation(200, _named("Health"), 503)},
        "/api/status": {"get": _operation(200, _named("Status"))},
        "/api/orders": {
            "get": _operation(
                200, orders, 400, parameters=[_query("limit", limit, required=False)]
            ),
            "post": _operation(
                201, _named("Placed"), 400, 409, 413, 415, 422, requestBody=_body(signed)
            ),
        },
        "/api/orders/{id}": {"get": _operation(200, _named("Order"), 404, parameters=[known])},
        "/api/quote": {
            "get": _operation(
                200,
                _named("Quote"),
                400,
                422,
                502,
                parameters=[*tokens, _query("sellAmount", _AMOUNT)],
            )
        },
        "/api/signRelease": {
            "post": _operation(
                200,
                _object(signature=_SIGNATURE),
                *(400, 401, 403, 413, 415, 422),
                requestBody=_body(_object(**_RELEASE)),
            )
        },
        "/api/releaseFund": {
            "post": _operation(
                200,
                _object(status=_text(), txHash=_HASH),
                *(400, 401, 403, 409, 413, 415, 422, 502),
                requestBody=_body(_object(**_RELEASE, signature=_SIGNATURE)),
            )
        },
    }
    return {
        "openapi": "3.0.3",
        "info": {"title": "Meta Aggregator", "version": version},
        "paths": paths,
        "components": {"schemas": _SCHEMAS},
    }


async def show(request: Request) -> JSONResponse:
    """``GET /openapi.json``."""
    return JSONResponse(description(request.app.state.shared.version))
