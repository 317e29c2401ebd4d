"""A wallet signs what is declared, for who was connected, where it may; and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from pytest_metarelease.errors import UnreachableError
from pytest_metarelease.manifest.model import TypedData, TypedField
from pytest_metarelease.probes.chain.revert import Revert, RevertedError
from pytest_metarelease.probes.chain.signing import recover
from pytest_metarelease.probes.wallet import Wallet, plain

KEY = "0x" + "42" * 32
SHOP = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
ORDER = TypedData(
    domain={"name": "Shop", "version": "1", "chainId": 7, "verifyingContract": SHOP},
    primary="Order",
    types={"Order": (TypedField(name="maker", type="address"), TypedField(name="n", type="uint8"))},
)


def wallet(*, may_sign: bool = True) -> Wallet:
    return Wallet(KEY, 7, {"order": ORDER}, may_sign=may_sign)


def asked(one: Wallet, method: str, *parameters: Any) -> Any:
    """What the page gets: the result, or the code of the error."""
    answer = json.loads(one.answer(json.dumps({"method": method, "params": parameters})))
    return answer["result"] if "result" in answer else answer["error"]["code"]


def connected(*, may_sign: bool = True) -> Wallet:
    one = wallet(may_sign=may_sign)
    asked(one, "eth_requestAccounts")
    return one


def document(**changes: Any) -> dict[str, Any]:
    types = {"Order": [{"name": one.name, "type": one.type} for one in ORDER.types["Order"]]}
    found = {
        "types": types,
        "primaryType": "Order",
        "domain": dict(ORDER.domain),
        "message": {"maker": SHOP, "n": 5},
    }
    return found | changes


def domain(**changes: Any) -> dict[str, Any]:
    return document(domain={**ORDER.domain, **changes})


def test_nothing_is_signed_before_the_page_is_connected() -> None:
    one = wallet()
    assert asked(one, "eth_signTypedData_v4", one.address, document()) == 4100
    assert one.signed == []
    assert one.wrong == ["the page asked to sign before it was connected"]


def test_nothing_is_signed_where_nothing_may_be_written() -> None:
    one = connected(may_sign=False)
    assert asked(one, "eth_signTypedData_v4", one.address, document()) == 4001
    assert (one.signed, one.wrong) == ([], [])
    assert one.held == ["a signature over Order"]


OTHER_TYPE = {"Order": [{"name": "maker", "type": "address"}]}


@pytest.mark.parametrize(
    ("wrong", "code", "why"),
    [
        (domain(chainId=1), 4001, "for chain 1, not 7"),
        (domain(chainId="0x1"), 4001, "for chain 0x1, not 7"),
        (domain(name="Shop2"), 4001, "name is Shop2, not Shop"),
        (domain(verifyingContract="0x" + "11" * 20), 4001, "verifyingContract is 0x1111"),
        (document(domain={"name": "Shop", "version": "1"}), 4001, "chainId is None, not 7"),
        (document(types=OTHER_TYPE), 4001, "of another type or domain"),
        (
            document(primaryType="Permit", types={"Permit": []}),
            4001,
            "which is not declared; declared are order",
        ),
        (document(message={"maker": SHOP}), -32602, "to sign what is no Order"),
        (document(message={"maker": SHOP, "n": 300}), -32602, "to sign what is no Order"),
    ],
)
def test_what_is_not_declared_is_not_signed(wrong: Any, code: int, why: str) -> None:
    one = connected()
    assert asked(one, "eth_signTypedData_v4", one.address, json.dumps(wrong)) == code
    assert one.signed == []
    (told,) = one.wrong
    assert why in told


@pytest.mark.parametrize(
    "nonsense",
    ["{", None, [], {"types": {}}, document(types={"Order": "x"}), document(types={"Order": [1]})],
)
def test_nonsense_is_refused(nonsense: Any) -> None:
    one = connected()
    assert asked(one, "eth_signTypedData_v4", one.address, nonsense) == -32602
    assert one.signed == []


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "1", '{"method": 1}', " " * 300_000])
def test_what_is_no_request_is_refused(text: str) -> None:
    assert json.loads(wallet().answer(text))["error"]["code"] == -32602


def test_nobody_else_signs() -> None:
    one = connected()
    assert asked(one, "eth_signTypedData_v4", SHOP, document()) == 4100
    assert one.wrong == ["the page asked to sign with another account"]


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("personal_sign", 4001),
        ("eth_sign", 4001),
        ("eth_sendTransaction", 4001),
        ("eth_signTypedData_v3", 4001),
        ("eth_call", 4200),
        ("wallet_addEthereumChain", 4200),
    ],
)
def test_what_it_does_not_do_is_on_record(method: str, code: int) -> None:
    one = connected()
    assert asked(one, method, "0x00", one.address) == code
    assert one.unsupported == [method]
    assert one.wrong == []


def reading(read: Any) -> Wallet:
    return Wallet(KEY, 7, {"order": ORDER}, may_sign=False, read=read)


def test_what_only_reads_is_passed_on_to_the_node() -> None:
    seen: list[Any] = []

    def answers(*given: Any) -> str:
        seen.append(given)
        return "0x2a"

    one = reading(answers)
    assert asked(one, "eth_call", {"to": SHOP}, "latest") == "0x2a"
    assert asked(one, "eth_blockNumber") == "0x2a"
    assert seen == [("eth_call", [{"to": SHOP}, "latest"]), ("eth_blockNumber", [])]
    assert asked(one, "eth_chainId") == "0x7", "what the wallet knows itself"
    for method in ("eth_sendRawTransaction", "evm_mine", "debug_setHead", "eth_subscribe"):
        assert asked(one, method, "0x00") == 4200
    assert asked(one, "eth_sendTransaction", {}) == 4001
    assert len(seen) == 2
    assert len(one.unsupported) == 5


def test_a_revert_is_told_as_nodes_tell_it() -> None:
    def reverts(*_: Any) -> Any:
        raise RevertedError(Revert("too early", "0x08c379a0", "0x08c379a0ff"), "eth_call")

    one = reading(reverts)
    answer = json.loads(one.answer('{"method": "eth_call", "params": []}'))["error"]
    assert answer == {"code": 3, "message": "execution reverted: too early", "data": "0x08c379a0ff"}
    assert one.unsupported == []


def test_where_the_node_gives_no_answer_the_page_is_not_to_blame() -> None:
    def fails(*_: Any) -> Any:
        raise UnreachableError("http://127.0.0.1: refused")

    one = reading(fails)
    assert asked(one, "eth_call", {}) == -32603
    (said,) = one.unsupported
    assert said == "eth_call, to which the node gave no answer: http://127.0.0.1: refused"


def test_a_page_that_never_stops_reading_is_stopped() -> None:
    one = reading(lambda *_: "0x1")
    answers = {asked(one, "eth_blockNumber") for _ in range(2_001)}
    assert answers == {"0x1", -32603}
    assert one.unsupported == ["more than 2000 reads of the chain"]


def test_it_says_who_and_where_it_is() -> None:
    one = wallet()
    assert asked(one, "eth_accounts") == []
    assert asked(one, "eth_requestAccounts") == [one.address] == asked(one, "eth_accounts")
    assert (asked(one, "eth_chainId"), asked(one, "net_version")) == ("0x7", "7")
    assert asked(one, "wallet_switchEthereumChain", {"chainId": "0x7"}) is None
    assert asked(one, "wallet_switchEthereumChain", {"chainId": "0x1"}) == 4902
    assert one.wrong == ["the page asked to switch to chain 0x1, not 7"]


@pytest.mark.parametrize("as_text", [True, False])
def test_what_is_declared_is_signed(as_text: bool) -> None:
    one = connected()
    given = document(domain={**ORDER.domain, "chainId": "0x7", "verifyingContract": SHOP.lower()})
    signature = asked(
        one, "eth_signTypedData_v4", one.address.lower(), json.dumps(given) if as_text else given
    )
    assert recover(ORDER, {"maker": SHOP, "n": 5}, signature) == one.address
    assert one.signed == [given]
    assert (one.wrong, one.unsupported) == ([], [])


def test_only_what_the_domain_type_names_is_signed() -> None:
    """As wallets do: what stands in the domain beside its type is not part of the digest."""
    one = connected()
    named = [{"name": "name", "type": "string"}]
    types = {**document()["types"], "EIP712Domain": named}
    assert asked(one, "eth_signTypedData_v4", one.address, document(types=types)) == 4001
    named_only = replace(ORDER, domain={"name": "Shop"})
    other = Wallet(KEY, 7, {"order": named_only}, may_sign=True)
    asked(other, "eth_requestAccounts")
    signature = asked(other, "eth_signTypedData_v4", other.address, document(types=types))
    assert recover(named_only, {"maker": SHOP, "n": 5}, signature) == other.address


def test_the_key_is_not_shown() -> None:
    one = connected()
    asked(one, "eth_signTypedData_v4", one.address, document())
    assert KEY.removeprefix("0x") not in repr(one)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, "1", True),
        ("0x01", 1, True),
        (True, 1, False),
        (SHOP, SHOP.lower(), True),
        ("0x" + "00" * 20, 0, False),
        ("1.0", "1", False),
        (None, "None", False),
    ],
)
def test_values_are_compared_as_they_are_signed(one: Any, other: Any, same: bool) -> None:
    assert (plain(one) == plain(other)) is same
