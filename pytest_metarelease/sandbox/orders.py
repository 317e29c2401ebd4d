"""The rows of the order book: how an order is kept, listed and seeded.

Refuses to verify anything; the API does that before a row is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pytest_metarelease.sandbox.accounts import TRADER
from pytest_metarelease.sandbox.database import Unavailable
from pytest_metarelease.sandbox.plan import CHAIN_ID, ZERO_ADDRESS, Plan
from pytest_metarelease.sandbox.signing import Order, order_domain, sign

if TYPE_CHECKING:
    from pytest_metarelease.sandbox.database import Database

_COLUMNS = (
    "id, maker, sell_token, buy_token, sell_amount, buy_amount, nonce, expiry, signature, "
    "created_at, status"
)
_SEEDED = 5


@dataclass(frozen=True, slots=True)
class Row:
    """An order in the book; ``id`` is the hash its maker signed, so no order is there twice."""

    id: str
    order: Order
    signature: str
    created_at: datetime
    status: str = "open"

    def shown(self) -> dict[str, Any]:
        """As the API shows it: numbers as decimal strings, times in ISO 8601."""
        return {
            "id": self.id,
            "maker": self.order.maker,
            "sellToken": self.order.sell_token,
            "buyToken": self.order.buy_token,
            "sellAmount": str(self.order.sell_amount),
            "buyAmount": str(self.order.buy_amount),
            "nonce": str(self.order.nonce),
            "expiry": self.order.expiry,
            "signature": self.signature,
            "status": self.status,
            "createdAt": written(self.created_at),
        }


def written(moment: datetime) -> str:
    """UTC with milliseconds: 2026-01-31T12:00:00.000Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def insert(database: Database, row: Row) -> None:
    """Add an order.

    Raises:
        Duplicate: the order, or its maker's nonce, is there already.
    """
    order = row.order
    database.run(
        f"INSERT INTO orders ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (
            row.id,
            order.maker,
            order.sell_token,
            order.buy_token,
            str(order.sell_amount),
            str(order.buy_amount),
            str(order.nonce),
            order.expiry,
            row.signature,
            written(row.created_at),
            row.status,
        ),
    )


def newest(database: Database, limit: int) -> list[Row]:
    """At most ``limit`` orders, newest first."""
    sql = f"SELECT {_COLUMNS} FROM orders ORDER BY created_at DESC, id LIMIT ?"  # noqa: S608
    return [_row(fields) for fields in database.rows(sql, (limit,))]


def find(database: Database, identity: str) -> Row | None:
    """The order with that id."""
    sql = f"SELECT {_COLUMNS} FROM orders WHERE id = ?"  # noqa: S608
    rows = database.rows(sql, (identity,))
    return _row(rows[0]) if rows else None


def find_carelessly(database: Database, identity: str) -> Row | None:
    """The order with that id, put into the query as it came: a defect, for a fault."""
    sql = f"SELECT {_COLUMNS} FROM orders WHERE id = '{identity}'"  # noqa: S608
    try:
        rows = database.rows(sql)
    except Unavailable:
        rows = []
    return _row(rows[0]) if rows else None


def seed(database: Database, plan: Plan) -> None:
    """A few orders that the trader really signed."""
    for number in range(_SEEDED):
        insert(database, signed_row(plan, number))


def signed_row(plan: Plan, number: int) -> Row:
    """The ``number``-th order of the trader, valid for a day, the newest a minute old."""
    now = datetime.now(UTC)
    order = Order(
        maker=TRADER.address,
        sell_token=ZERO_ADDRESS,
        buy_token=plan.contracts.token,
        sell_amount=(number + 1) * 10**16,
        buy_amount=(number + 1) * 25 * 10**18,
        nonce=number + 1,
        expiry=int((now + timedelta(days=1)).timestamp()),
    )
    digest = order.digest(order_domain(CHAIN_ID, plan.contracts.escrow))
    made = now - timedelta(minutes=_SEEDED + 1 - number)
    return Row("0x" + digest.hex(), order, sign(TRADER.key, digest), made)


def _row(fields: tuple[Any, ...]) -> Row:
    identity, maker, sell, buy, sold, bought, nonce, expiry, signature, created, status = fields
    if isinstance(created, str):  # SQLite keeps what it was given
        created = datetime.fromisoformat(created)
    elif created.tzinfo is None:  # PostgreSQL's timestamp without zone; all of ours are UTC
        created = created.replace(tzinfo=UTC)
    order = Order(maker, sell, buy, int(sold), int(bought), int(nonce), int(expiry))
    return Row(identity, order, signature, created, status)
