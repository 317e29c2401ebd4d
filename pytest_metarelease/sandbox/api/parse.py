"""Reads what callers send: JSON bodies, addresses, amounts.

Refuses everything that is not exactly of the declared shape; a refusal names the field.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from pytest_metarelease.sandbox.abi import checksum_address
from pytest_metarelease.sandbox.api.lax import STRICT, Lax
from pytest_metarelease.sandbox.signing import Order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_SIGNATURE = re.compile(r"0x[0-9a-fA-F]{130}")
_AMOUNT = re.compile(r"0|[1-9][0-9]{0,77}")
_MAX = 2**256 - 1
_MAX_EXPIRY = 2**63 - 1
_ORDER_FIELDS = ("maker", "sellToken", "buyToken", "sellAmount", "buyAmount", "nonce", "expiry")


class BadRequest(Exception):  # noqa: N818 - named after its status
    """The caller's fault: HTTP status and what to change."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


async def json_object(
    request: Request, fields: tuple[str, ...], lax: Lax = STRICT
) -> dict[str, Any]:
    """The body, which must be a JSON object with exactly these fields."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not lax.any_media_type:
        raise BadRequest(415, "Content-Type must be application/json")
    try:
        body = json.loads(await request.body(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as problem:
        if lax.bad_json_fails:
            raise
        raise BadRequest(400, "the body is not JSON") from problem
    if body is None and lax.null_body_fails:
        raise TypeError("null has no members")
    return exactly(body, fields, "the body")


def exactly(value: Any, fields: tuple[str, ...], where: str) -> dict[str, Any]:
    """``value``, if it is an object with these fields and no others."""
    if not isinstance(value, dict):
        raise BadRequest(400, f"{where} must be a JSON object")
    missing = [name for name in fields if name not in value]
    unknown = sorted(set(value) - set(fields))
    if missing:
        raise BadRequest(400, f"{where} lacks {', '.join(missing)}")
    if unknown:
        raise BadRequest(400, f"{where} has unknown fields: {', '.join(unknown)[:100]}")
    return value


def address(source: Mapping[str, Any], name: str) -> str:
    """An address, in whatever case; returned with its EIP-55 checksum."""
    value = source.get(name)
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        raise BadRequest(400, f"{name} must be an address: 0x and 40 hex digits")
    return checksum_address(value)


def signature(source: Mapping[str, Any]) -> str:
    """A 65 byte signature as hex."""
    value = source.get("signature")
    if not isinstance(value, str) or not _SIGNATURE.fullmatch(value):
        raise BadRequest(400, "signature must be 0x and 130 hex digits")
    return value.lower()


def amount(source: Mapping[str, Any], name: str, largest: int = _MAX) -> int:
    """An unsigned integer, as decimal text or as a JSON number."""
    value = source.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not _AMOUNT.fullmatch(value) or int(value) > largest:
        raise BadRequest(400, f"{name} must be an unsigned integer in decimal digits")
    return int(value)


def positive(source: Mapping[str, Any], name: str) -> int:
    """An amount that is not zero."""
    value = amount(source, name)
    if value == 0:
        raise BadRequest(422, f"{name} must be greater than zero")
    return value


def order(raw: Any, now: float, lax: Lax = STRICT) -> Order:
    """A well-formed order that has not expired at ``now`` (Unix seconds)."""
    if lax.extra_members and isinstance(raw, dict):
        raw = {name: value for name, value in raw.items() if name in _ORDER_FIELDS}
    source = exactly(raw, _ORDER_FIELDS, "order")
    if lax.bad_type_fails and isinstance(source["sellAmount"], dict | list):
        raise TypeError("an object is no number")
    least = amount if lax.zero_order else positive
    parsed = Order(
        maker=address(source, "maker"),
        sell_token=address(source, "sellToken"),
        buy_token=address(source, "buyToken"),
        sell_amount=least(source, "sellAmount"),
        buy_amount=least(source, "buyAmount"),
        nonce=amount(source, "nonce"),
        expiry=amount(source, "expiry", _MAX_EXPIRY),
    )
    if parsed.sell_token == parsed.buy_token and not lax.equal_tokens:
        raise BadRequest(422, "sellToken and buyToken must differ")
    if parsed.expiry <= now:
        raise BadRequest(422, "the order has expired")
    return parsed


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
