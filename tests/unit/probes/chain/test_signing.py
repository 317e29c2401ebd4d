from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pytest_metarelease.errors import UsageError
from pytest_metarelease.manifest.model import TypedData, TypedField
from pytest_metarelease.probes.chain.companions import contract_of
from pytest_metarelease.probes.chain.signing import address_of, check_key, fresh_key, recover, sign

# The example of EIP-712 itself, with its key (keccak of "cow") and its signature.
MAIL = TypedData(
    domain={
        "name": "Ether Mail",
        "version": "1",
        "chainId": "1",
        "verifyingContract": "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC",
    },
    primary="Mail",
    types={
        "Person": (
            TypedField(name="name", type="string"),
            TypedField(name="wallet", type="address"),
        ),
        "Mail": (
            TypedField(name="from", type="Person"),
            TypedField(name="to", type="Person"),
            TypedField(name="contents", type="string"),
        ),
    },
)
MESSAGE: dict[str, Any] = {
    "from": {"name": "Cow", "wallet": "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"},
    "to": {"name": "Bob", "wallet": "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"},
    "contents": "Hello, Bob!",
}
COW = "0xc85ef7d79691fe79573b1a7064c19c1a9819ebdbd1faaab1a8ec92344438aaf4"
SIGNATURE = (
    "0x4355c47d63924e8a72e509b65029052eb6c299d53a04e167c5775fd466751c9d"
    "07299936d304c153f6443dfa05f40ff007d72911b6f72307f996231605b91562"
    "1c"
)
AMOUNTS = replace(
    MAIL,
    primary="Amounts",
    types={"Amounts": (TypedField(name="values", type="uint256[]"),)},
)


def test_the_example_of_the_standard() -> None:
    assert sign(MAIL, MESSAGE, COW) == SIGNATURE
    assert recover(MAIL, MESSAGE, SIGNATURE) == "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"


def test_another_message_is_signed_by_nobody_we_know() -> None:
    other = {**MESSAGE, "contents": "Hello, Eve!"}
    assert recover(MAIL, other, SIGNATURE) != address_of(COW)


@pytest.mark.parametrize("signature", ["0x", "0x12", "0x" + "00" * 65, "0x" + "ff" * 65, "none"])
def test_what_is_no_signature_recovers_to_nobody(signature: str) -> None:
    assert recover(MAIL, MESSAGE, signature) is None


def test_integers_may_be_written_as_text() -> None:
    signed = {sign(AMOUNTS, {"values": one}, COW) for one in ([1, 16], ["1", "0x10"], ("1", 16))}
    assert len(signed) == 1


@pytest.mark.parametrize(
    "message",
    [
        {},
        {key: MESSAGE[key] for key in ("from", "to")},
        {**MESSAGE, "cc": "Eve"},
        {**MESSAGE, "to": "Bob"},
        {**MESSAGE, "to": None},
        {**MESSAGE, "to": {"name": "Bob"}},
        {**MESSAGE, "contents": None},
    ],
)
def test_a_message_that_does_not_fit_is_not_signed(message: Any) -> None:
    with pytest.raises(UsageError, match="typed data"):
        sign(MAIL, message, COW)


@pytest.mark.parametrize("values", [None, "1", [True], ["many"], [1.5], [None]])
def test_integers_that_are_none_are_not_signed(values: Any) -> None:
    with pytest.raises(UsageError, match="typed data"):
        sign(AMOUNTS, {"values": values}, COW)


def test_a_type_or_domain_that_is_not_there() -> None:
    with pytest.raises(UsageError, match="primary type Letter"):
        sign(replace(MAIL, primary="Letter"), MESSAGE, COW)
    with pytest.raises(UsageError, match="no chain_id"):
        sign(replace(MAIL, domain={"chain_id": 1}), MESSAGE, COW)


@pytest.mark.parametrize("key", ["", "0x12", "secret-words-of-mine", "0x" + "g" * 64])
def test_a_key_that_is_none_is_not_shown(key: str) -> None:
    with pytest.raises(UsageError, match="no private key") as caught:
        check_key(key, "chain.spending_key")
    assert len(key) < 5 or key not in str(caught.value)


def test_fresh_keys_are_keys_and_differ() -> None:
    keys = {fresh_key() for _ in range(50)}
    assert len(keys) == 50
    assert all(check_key(key, "x") == key for key in keys)


def test_where_a_first_contract_stands() -> None:
    # Hardhat's and anvil's first account puts its first contract here, as everybody knows.
    assert (
        contract_of("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", 0)
        == "0x5FbDB2315678afecb367f032d93F642f64180aa3"
    )
