"""Bodies whose amounts need every digit, and what nobody who creates a thing may decide."""

from __future__ import annotations

from typing import Any, cast

import pytest

from pytest_metarelease.manifest.interface import Created
from pytest_metarelease.manifest.scalars import ValuePath
from pytest_metarelease.probes.api.keeping import decided, exact, is_kept


class Unsigned:
    """An endpoint whose bodies nobody signs."""

    signer = None


def made(body: Any, *same: str) -> Any:
    created = Created(
        id=ValuePath("id"), read="one", same={ValuePath(one): ValuePath(one) for one in same}
    )
    return exact(cast("Any", Unsigned()), created, body)


@pytest.mark.parametrize(
    "body",
    [
        {"amount": 12},  # JSON's numbers may lose digits on their way
        {"amount": "0.00"},
        {"amount": "1e5"},
        {"amount": "0"},
        {"nonce": "12"},
        {"amount": "0x12"},
        {},
    ],
)
def test_what_is_no_amount_in_digits_is_left_alone(body: Any) -> None:
    assert made(body, "amount", "nonce") is None


def test_amounts_that_are_compared_become_such_that_no_double_can_hold() -> None:
    body = {"sellAmount": "10", "deep": {"buyAmount": "20"}, "minAmount": "30"}
    found = made(body, "sellAmount", "deep.buyAmount")
    for value in (found["sellAmount"], found["deep"]["buyAmount"]):
        assert str(int(float(value))) != value
    assert found["sellAmount"] != found["deep"]["buyAmount"]
    assert found["minAmount"] == "30"


@pytest.mark.parametrize(
    ("value", "other"), [("1.25", "9007199254740993.25"), ("0.5", "9007199254740993.5")]
)
def test_as_many_digits_follow_the_point(value: str, other: str) -> None:
    assert made({"amount": value}, "amount") == {"amount": other}
    assert repr(float(other)) != other


def test_what_the_product_decides() -> None:
    body = {"note": "hello", "role": "maker"}
    read = {
        "data": {
            "id": "7",
            "note": "hello",
            "role": "maker",
            "status": "OPEN",
            "createdAt": "2026-11-27T12:00:00.000Z",
            "filled_amount": "0",
            "isSettled": False,
            "memo": "free",
        }
    }
    assert list(decided(body, read)) == [
        ("status", "data.status", "FILLED"),
        ("createdAt", "data.createdAt", "2001-01-01T00:00:00.000Z"),
        ("filled_amount", "data.filled_amount", "1"),
        ("isSettled", "data.isSettled", True),
    ]


@pytest.mark.parametrize(
    ("name", "value", "other"),
    [
        ("status", "filled", "completed"),
        ("status", "Open", "Filled"),
        ("status", None, None),
        ("status", "", None),
        ("created_at", 1_764_000_000, 978_307_200),
        ("created_at", 1_764_000_000_000, 978_307_200_000),
        ("role", "user", "admin"),
        ("userId", 4, 5),
    ],
)
def test_another_value_of_the_same_form(name: str, value: Any, other: Any) -> None:
    found = [one for _, _, one in decided({}, {name: value})]
    assert found == ([] if other is None else [other])


@pytest.mark.parametrize(
    ("sent", "value", "kept"),
    [
        ("filled", "FILLED", True),
        ("filled", "open", False),
        ("2001-01-01T00:00:00.000Z", "2001-01-01 00:00:00", True),
        ("2001-01-01T00:00:00.000Z", "2026-01-01 00:00:00", False),
        (True, True, True),
        (True, 1, False),
        ("1", None, False),
    ],
)
def test_whether_it_was_believed(sent: Any, value: Any, kept: bool) -> None:
    assert is_kept(sent, value) is kept
