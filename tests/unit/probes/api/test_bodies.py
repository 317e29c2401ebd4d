"""Nothing is wrong with nothing; each wrong body differs from the right one in one place."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from pytest_metarelease.probes.api import bodies

ADDRESS = "0x" + "1a" * 20
BODY: dict[str, Any] = {
    "order": {"maker": ADDRESS, "sellAmount": "12", "note": "hello", "limit": 3, "open": True},
    "signature": "0x" + "ab" * 65,
    "legs": [{"pair": "a"}],
}


@pytest.mark.parametrize("body", [None, {}, [], "text", 3])
def test_nothing_is_derived_from_nothing(body: Any) -> None:
    for derive in (bodies.wrong_types, bodies.malformed, bodies.amounts):
        assert list(derive(body)) == []
    assert list(bodies.missing(body, ())) == []


def test_the_right_body_stays_as_it_is() -> None:
    before = copy.deepcopy(BODY)
    kinds = (bodies.wrong_types, bodies.malformed, bodies.amounts)
    made = [wrong for derive in kinds for wrong in derive(BODY)]
    made += bodies.missing(BODY, ())
    assert before == BODY
    assert made
    assert [wrong.name for wrong in made if wrong.body == BODY] == []
    assert len({wrong.name for wrong in made}) == len(made)


def test_what_is_optional_may_be_missing_with_all_below_it() -> None:
    names = {wrong.name for wrong in bodies.missing(BODY, ("order.note", "legs"))}
    assert names == {
        "without order",
        "without signature",
        "without order.maker",
        "without order.sellAmount",
        "without order.limit",
        "without order.open",
    }


@pytest.mark.parametrize(
    ("value", "other"),
    [
        ("hello", None),
        (12, None),
        ("12", "12abc"),
        (ADDRESS, ADDRESS[:-2] + "zz"),
        ("2026-01-31", "2026-13-45"),
        ("00000000-0000-4000-8000-000000000000", "not-a-uuid"),
    ],
)
def test_only_sure_forms_are_broken(value: Any, other: str | None) -> None:
    assert bodies.misshapen(value) == other


@pytest.mark.parametrize(
    ("name", "value", "is_one"),
    [
        ("sellAmount", "12", True),
        ("price", 1.5, True),
        ("amount", "all", False),
        ("amount", True, False),
        ("nonce", "12", False),
        ("expiry", 12, False),
    ],
)
def test_an_amount_is_known_by_name_and_value(name: str, value: Any, is_one: bool) -> None:
    assert bodies.is_amount(name, value) is is_one


@pytest.mark.parametrize(
    "value", [ADDRESS, "17", "order-1", "00000000-0000-4000-8000-000000000000"]
)
def test_another_id_has_the_same_form(value: str) -> None:
    other = bodies.unlike(value)
    assert other != value
    assert other.startswith("0x") == value.startswith("0x")
    assert other.isdecimal() == value.isdecimal()
    if value.startswith("0x") or "-0000-" in value:
        assert len(other) == len(value)


def test_values_are_changed_at_their_places() -> None:
    changed = bodies.changed(BODY, {"order.maker": "x", "legs.0.pair": "b", "new.deep": 1})
    assert bodies.at(changed, "order.maker") == "x"
    assert bodies.at(changed, "legs.0.pair") == "b"
    assert bodies.at(changed, "new.deep") == 1
    assert bodies.at(BODY, "order.maker") == ADDRESS
    assert bodies.at(BODY, "no.such") is None
