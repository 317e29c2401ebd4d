"""Signed requests: what is tried with a signature that fits, and what stands for what in them."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import pytest

from pytest_metarelease.manifest.model import SignedRequest, TypedData, TypedField
from pytest_metarelease.manifest.scalars import ValuePath
from pytest_metarelease.probes.signed import Signer, forgeries, misuses, replays, reuses

KEY = "0x" + "11" * 32
TOKENS = ("0x" + "aa" * 20, "0x" + "bb" * 20)
KINDS = {
    "user": "address",
    "tokenIn": "address",
    "tokenOut": "address",
    "amountIn": "string",
    "nonce": "uint256",
    "deadline": "uint256",
}
TYPED = TypedData(
    domain={"name": "Book", "chainId": 1},
    primary="Order",
    types={"Order": tuple(TypedField(name=name, type=kind) for name, kind in KINDS.items())},
)
DECLARED = SignedRequest(
    endpoint="api.buy",
    typed_data="order",
    message={
        "user": "$signer",
        "tokenIn": TOKENS[0],
        "tokenOut": TOKENS[1],
        "amountIn": "1.5",
        "nonce": "$nonce_number",
        "deadline": "$expiry_ms",
    },
    message_at=ValuePath("order"),
    signature_at=ValuePath("signature"),
)


def signer(**changes: Any) -> Signer:
    return Signer(dataclasses.replace(DECLARED, **changes), TYPED, KEY)


def test_nothing_is_tried_again_where_nothing_counts_once() -> None:
    salted, lacking = signer(nonce="salt"), signer(message={"user": "$signer"})
    assert list(reuses(salted, salted.body())) == []
    assert list(reuses(lacking, {"order": {}, "signature": "0x"})) == []


def test_what_stands_for_what() -> None:
    message = signer().message()
    assert 0 <= message["nonce"] < 2**53
    assert message["deadline"] > time.time() * 1000
    texts = signer(message={**DECLARED.message, "nonce": "$nonce", "deadline": "$expiry"}).message()
    assert texts["nonce"].isdecimal()
    assert texts["deadline"] < time.time() * 2


def test_the_message_may_be_the_body_and_have_company() -> None:
    made = signer(message_at=None, beside={ValuePath("order.type"): "LIMIT"}).body()
    assert sorted(made) == sorted([*KINDS, "order", "signature"])
    assert made["order"] == {"type": "LIMIT"}


def test_amounts_that_are_texts_are_tried_as_what_javascript_reads() -> None:
    found = {one.name: one.body["order"]["amountIn"] for one in misuses(signer())}
    tried = {value for name, value in found.items() if name.startswith("amountIn is ")}
    assert tried == {"0", "-1", "Infinity", "1e400", "NaN"}


def test_a_time_in_milliseconds_is_over_in_milliseconds() -> None:
    (over,) = [one for one in misuses(signer()) if one.name.startswith("expired")]
    assert 0 < time.time() * 1000 - over.body["order"]["deadline"] < 2 * 3_600_000


def test_a_changed_amount_is_still_an_amount() -> None:
    (changed,) = [one for one in forgeries(signer()) if one.name.startswith("amountIn")]
    assert changed.body["order"]["amountIn"] == "1.51"


def test_a_replay_is_the_same_in_another_spelling() -> None:
    body = signer().body()
    spelled = [one for one in replays(signer(), body) if "addresses" in one.name]
    assert [one.name for one in spelled] == [
        "the same with addresses in lower case",
        "the same with addresses in upper case",
    ]
    for one in spelled:
        assert one.body["signature"] == body["signature"]
        assert one.body["order"]["user"].lower() == body["order"]["user"].lower()
        assert one.body["order"]["user"] != body["order"]["user"]


def test_a_nonce_is_used_again_for_something_else_and_rightly_signed() -> None:
    body = signer().body()
    (again,) = reuses(signer(), body)
    assert again.body["order"]["nonce"] == body["order"]["nonce"]
    assert again.body["order"]["amountIn"] != body["order"]["amountIn"]
    assert again.body["signature"] != body["signature"]


@pytest.mark.parametrize("place", ["order", None])
def test_what_was_sent_is_found_again_wherever_it_stands(place: str | None) -> None:
    one = signer(message_at=place)
    (again,) = reuses(one, one.body())
    shown = again.body if place is None else again.body[place]
    assert set(KINDS) <= set(shown)
