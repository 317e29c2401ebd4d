"""Numbers with units, checksums, and what unquoted scalars mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from Crypto.Hash import keccak
from hypothesis import given
from hypothesis import strategies as st

from pytest_metarelease.manifest.amounts import (
    is_wei,
    read_rate,
    read_seconds,
    read_share,
    read_wei,
)
from pytest_metarelease.manifest.checksum import checksummed, has_wrong_checksum, keccak_256
from pytest_metarelease.manifest.plain import ambiguous, not_text, number_of, truth_of

if TYPE_CHECKING:
    from decimal import Decimal


@pytest.mark.parametrize("text", ["", "5", "-5s", "5 weeks", "s", "1e3s", "٣s", "9" * 31 + "s"])
def test_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        read_seconds(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("1.5s", 1.5), ("15m", 900), ("1 h", 3600), ("90d", 7776000)],
)
def test_durations(text: str, seconds: float) -> None:
    assert read_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "101%", "-1%", "%", "nan%"])
def test_no_share(text: str) -> None:
    with pytest.raises(ValueError, match="not a share"):
        read_share(text)


def test_shares() -> None:
    assert [read_share(text) for text in ("0%", "0.1%", "5%", "100 %")] == [0, 0.001, 0.05, 1]


@pytest.mark.parametrize("text", ["", "5", "5/m", "/s", "-1/s"])
def test_no_rate(text: str) -> None:
    with pytest.raises(ValueError, match="not a rate"):
        read_rate(text)


def test_rates() -> None:
    assert [read_rate(text) for text in ("200/s", "600/min", "36 / h")] == [200, 10, 0.01]


@pytest.mark.parametrize("text", ["", "1", "-1 ether", "0.5 wei", "1.0000000001 gwei", "1 eth"])
def test_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        read_wei(text)


@given(st.integers(min_value=0, max_value=2**256 - 1))
def test_amounts_are_exact(wei: int) -> None:
    whole, rest = divmod(wei, 10**18)
    if len(str(whole)) <= 30:
        assert read_wei(f"{whole}.{rest:018d} ether") == wei
    assert not is_wei(str(wei))


@given(st.decimals(min_value=0, max_value=10**9, places=18, allow_nan=False, allow_infinity=False))
def test_amounts_agree_with_decimal(amount: Decimal) -> None:
    assert read_wei(f"{amount:f} ether") == int(amount.scaleb(18))


@given(st.binary(max_size=400))
def test_keccak_is_that_of_the_library(data: bytes) -> None:
    assert keccak_256(data) == keccak.new(digest_bits=256, data=data).digest()


EIP_55 = (
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0xde709f2102306220921060314715629080e2fb77",
)


@pytest.mark.parametrize("address", EIP_55)
def test_the_examples_of_eip_55(address: str) -> None:
    assert checksummed(address.lower()) == address
    assert not has_wrong_checksum(address)
    assert not has_wrong_checksum(address.lower())


def test_every_letter_in_the_other_case_is_wrong() -> None:
    right = EIP_55[0]
    for at, letter in enumerate(right):
        if letter.isalpha() and at > 1:
            assert has_wrong_checksum(right[:at] + letter.swapcase() + right[at + 1 :])


@pytest.mark.parametrize(
    "text",
    [
        "no",
        "No",
        "NO",
        "n",
        "N",
        "y",
        "yes",
        "on",
        "off",
        "Off",
        "0x1f",
        "010",
        "0o17",
        "0b1",
        "1_000",
        "12:30",
        ".5",
        "5.",
        ".inf",
        "-.inf",
        ".nan",
        "1e999",
        "+.5",
    ],
)
def test_what_reads_differently_is_nothing(text: str) -> None:
    assert ambiguous(text)
    assert not_text(text)
    assert truth_of(text) is None
    assert number_of(text) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("-7", -7), ("1.50", 1.5), ("1e3", 1000.0), ("9" * 100, int("9" * 100))],
)
def test_plain_decimals_are_numbers(text: str, number: float) -> None:
    assert number_of(text) == number
    assert not_text(text)


@pytest.mark.parametrize(
    "text", ["1.2.3", "2.0.0", "15m", "5%", "a", "-", "0x", "0xzz", "2026-01-31", "9" * 101 + "x"]
)
def test_texts_are_texts(text: str) -> None:
    assert not_text(text) is None
    assert ambiguous(text) is None
