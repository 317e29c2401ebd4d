"""Amounts as they are shown: none of nothing, and exact to the last digit that is there."""

from __future__ import annotations

import pytest

from pytest_metarelease.errors import MalformedError, UsageError
from pytest_metarelease.probes.chain.moving import amount_shown, as_shown, told_now

ETHER = 10**18


@pytest.mark.parametrize("value", [None, "", "some ETH", "-1", "1e18", True, [1], "0x10", "1,5"])
def test_what_is_no_amount_is_none(value: object) -> None:
    with pytest.raises(MalformedError, match="no amount in ether"):
        amount_shown(value, "ether")


def test_an_amount_has_no_more_places_than_its_unit() -> None:
    with pytest.raises(MalformedError):
        amount_shown("1.5", "wei")


@pytest.mark.parametrize(
    ("shown", "wei", "agrees"),
    [
        ("10.5 ETH", 21 * ETHER // 2, True),
        ("0.1", ETHER // 10, True),
        ("0.1", ETHER // 5, False),
        ("0.333", ETHER // 3, True),
        ("0.67 ETH", 2 * ETHER // 3, True),
        ("0.66 ETH", 2 * ETHER // 3, True),
        ("0.65 ETH", 2 * ETHER // 3, False),
        (3, 3 * ETHER, True),
        ("100000000000000000000000000001", 100000000000000000000000000001 * ETHER, True),
    ],
)
def test_an_amount_agrees_cut_off_or_rounded(shown: object, wei: int, agrees: bool) -> None:
    said, step = amount_shown(shown, "ether")
    assert (as_shown(wei, said, step) == said) is agrees


@pytest.mark.parametrize("text", ["12", "balance(escrow)", "owner()"])
def test_of_no_contracts_nothing_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="of declared contracts"):
        told_now(text, {})
