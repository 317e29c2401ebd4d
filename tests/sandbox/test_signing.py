"""Our small signing code against eth-account and eth-abi, which others use and know."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from pytest_metarelease.sandbox import abi, accounts, signing
from pytest_metarelease.sandbox.plan import CHAIN_ID

ESCROW = "0xCf7Ed3AccA5a467e9e704C703E8D87F634fB0Fc9"
ORDER = signing.Order(
    accounts.TRADER.address, "0x" + "00" * 20, ESCROW, 5, 10**20, 2**255, 1_900_000_000
)


def signed_by_eth_account(
    key: str, domain: dict[str, object], types: dict[str, list[dict[str, str]]], message: object
) -> str:
    text = encode_typed_data(domain_data=domain, message_types=types, message_data=message)  # type: ignore[arg-type]
    return "0x" + bytes(Account.sign_message(text, key).signature).hex()


def test_an_order_signature_is_the_one_eth_account_makes() -> None:
    fields = [
        *({"name": name, "type": "address"} for name in ("maker", "sellToken", "buyToken")),
        *(
            {"name": name, "type": "uint256"}
            for name in ("sellAmount", "buyAmount", "nonce", "expiry")
        ),
    ]
    message = {
        "maker": ORDER.maker,
        "sellToken": ORDER.sell_token,
        "buyToken": ORDER.buy_token,
        "sellAmount": ORDER.sell_amount,
        "buyAmount": ORDER.buy_amount,
        "nonce": ORDER.nonce,
        "expiry": ORDER.expiry,
    }
    domain: dict[str, object] = {
        "name": "MetaAggregator",
        "version": "2",
        "chainId": CHAIN_ID,
        "verifyingContract": ESCROW,
    }
    theirs = signed_by_eth_account(accounts.TRADER.key, domain, {"Order": fields}, message)
    digest = ORDER.digest(signing.order_domain(CHAIN_ID, ESCROW))
    assert signing.sign(accounts.TRADER.key, digest) == theirs
    assert signing.signer(digest, theirs) == accounts.TRADER.address


def test_a_release_signature_is_the_one_eth_account_makes() -> None:
    fields = [
        {"name": "escrowAddress", "type": "address"},
        {"name": "to", "type": "address"},
        {"name": "token", "type": "address"},
        {"name": "amount", "type": "uint256"},
    ]
    to, token = accounts.COUNTERPARTY.address, "0x" + "00" * 20
    message = {"escrowAddress": ESCROW, "to": to, "token": token, "amount": 7}
    domain: dict[str, object] = {
        "name": "Escrow",
        "version": "1",
        "chainId": CHAIN_ID,
        "verifyingContract": ESCROW,
    }
    theirs = signed_by_eth_account(accounts.ARBITER.key, domain, {"Release": fields}, message)
    digest = signing.release_digest(CHAIN_ID, ESCROW, to, token, 7)
    assert signing.sign(accounts.ARBITER.key, digest) == theirs


@pytest.mark.parametrize("to", [None, accounts.ARBITER.address])
def test_a_transaction_is_the_one_eth_account_signs(to: str | None) -> None:
    ours = signing.Transaction(3, 10**9, 21_000, to, 5, b"\x01\x02").signed(
        accounts.SPENDER.key, CHAIN_ID
    )
    theirs = Account.sign_transaction(
        {
            "nonce": 3,
            "gasPrice": 10**9,
            "gas": 21_000,
            "value": 5,
            "data": "0x0102",
            "chainId": CHAIN_ID,
            **({} if to is None else {"to": to}),
        },
        accounts.SPENDER.key,
    )
    assert ours == bytes(theirs.raw_transaction)


def test_the_accounts_are_those_of_the_keys() -> None:
    every = (*accounts.FUNDED, accounts.ARBITER, accounts.WRONG_ARBITER)
    assert [Account.from_key(one.key).address for one in every] == [one.address for one in every]
    assert len({one.address for one in every}) == 12


@pytest.mark.parametrize(
    "bad", ["0x", "0x" + "11" * 64, "0x" + "zz" * 65, "0x" + "00" * 65, "0x" + "11" * 64 + "1d"]
)
def test_what_is_no_signature_has_no_signer(bad: str) -> None:
    assert signing.signer(b"\x01" * 32, bad) is None


def test_the_twin_of_a_signature_is_refused() -> None:
    digest = keccak(b"once")
    good = bytes.fromhex(signing.sign(accounts.TRADER.key, digest)[2:])
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    twin = good[:32] + (order - int.from_bytes(good[32:64], "big")).to_bytes(32, "big")
    assert signing.signer(digest, "0x" + (twin + bytes([55 - good[64]])).hex()) is None


def test_calls_are_encoded_as_eth_abi_does() -> None:
    inner = b"\x84\x56\xcb\x59"
    types = ["address", "uint256", "bytes"]
    theirs = encode(types, [ESCROW, 9, inner])
    assert abi.encode(tuple(types), (ESCROW, 9, inner)) == theirs
    text = ("string", "string", "uint256")
    assert abi.encode(text, ("Sandbox", "S" * 40, 1)) == encode(text, ["Sandbox", "S" * 40, 1])
    assert abi.checksum_address(ESCROW.lower()) == to_checksum_address(ESCROW)
