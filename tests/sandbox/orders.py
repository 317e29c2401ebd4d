"""Orders for tests, valid or signed for the wrong domain; test_signing.py vouches for the code."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pytest_metarelease.sandbox import accounts
from pytest_metarelease.sandbox.signing import Domain, Order, order_domain, sign

if TYPE_CHECKING:
    from pytest_metarelease.sandbox import Running


def signed_order(running: Running, nonce: int, domain: Domain | None = None) -> dict[str, Any]:
    """The body of a valid ``POST /api/orders``, or of one signed for another domain."""
    escrow, token = running.variables["SANDBOX_ESCROW"], running.variables["SANDBOX_TOKEN"]
    order = Order(
        accounts.TRADER.address,
        "0x" + "00" * 20,
        token,
        10**16,
        10**18,
        nonce,
        int(time.time()) + 600,
    )
    digest = order.digest(domain or order_domain(31337, escrow))
    shown = {
        "maker": order.maker,
        "sellToken": order.sell_token,
        "buyToken": order.buy_token,
        "sellAmount": str(order.sell_amount),
        "buyAmount": str(order.buy_amount),
        "nonce": str(order.nonce),
        "expiry": order.expiry,
    }
    return {"order": shown, "signature": sign(accounts.TRADER.key, digest)}
