"""What an API with faults lets pass while it reads a request; an API without them lets nothing.

Refuses to read anything itself.
"""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_metarelease.sandbox.plan import API_TOKEN

if TYPE_CHECKING:
    from pytest_metarelease.sandbox.plan import Plan


@dataclass(frozen=True, slots=True)
class Lax:
    """Which defects the reading of requests has."""

    bad_json_fails: bool = False
    null_body_fails: bool = False
    bad_type_fails: bool = False
    any_media_type: bool = False
    extra_members: bool = False
    zero_order: bool = False
    equal_tokens: bool = False


STRICT = Lax()


def of(plan: Plan) -> Lax:
    """What the faults of this sandbox mean."""
    return Lax(
        bad_json_fails=plan.has("bad-json-fails"),
        null_body_fails=plan.has("null-body-fails"),
        bad_type_fails=plan.has("bad-type-fails"),
        any_media_type=plan.has("any-media-type-accepted"),
        extra_members=plan.has("extra-members-accepted"),
        zero_order=plan.has("zero-order-accepted"),
        equal_tokens=plan.has("equal-tokens-accepted"),
    )


def clock(plan: Plan) -> float:
    """What time it is, in Unix seconds, to who asks whether an order has expired."""
    return -1.0 if plan.has("expired-order-accepted") else time.time()


def lets_in(plan: Plan, given: str) -> bool:
    """Whether a fault lets in who shows ``given`` as Authorization."""
    kind, _, token = given.partition(" ")
    if kind.lower() != "bearer":
        return False
    if plan.has("any-bearer-accepted"):
        return bool(token)
    if plan.has("short-bearer-accepted") and len(token) > 8:
        return API_TOKEN.startswith(token)
    return plan.has("unsigned-jwt-accepted") and _claims(token).get("role") == "admin"


def _claims(token: str) -> dict[str, Any]:
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    padded = parts[1] + "=" * (-len(parts[1]) % 4)
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(padded))
    return found
