"""Forgeries as values: which there are, what each carries, and which reasons count for it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from pytest_metarelease.errors import UsageError
from pytest_metarelease.manifest.model import TypedData, TypedField
from pytest_metarelease.manifest.trials import Forged
from pytest_metarelease.probes.chain.abi import Entry, Parameter
from pytest_metarelease.probes.chain.altering import other, other_domain_value
from pytest_metarelease.probes.chain.codec import decode
from pytest_metarelease.probes.chain.forging import (
    SIGNATURE,
    Signed,
    compact,
    forgeries,
    malleated,
    replays,
)
from pytest_metarelease.probes.chain.signing import (
    address_of,
    digest_of,
    recover,
    recover_digest,
)

KEY = "0x" + "11" * 32
SELF = "0x00000000000000000000000000000000000BeeF0"
TYPED = TypedData(
    domain={"name": "Till", "version": "1", "chainId": 1, "verifyingContract": SELF},
    primary="Pay",
    types={"Pay": (TypedField(name="to", type="address"), TypedField(name="sum", type="uint256"))},
)
SIGNED = Signed(TYPED, {"to": SELF, "sum": "7"}, KEY)
PAY = Entry(
    "function",
    "pay",
    (
        Parameter("to", "address", indexed=False),
        Parameter("sum", "uint256", indexed=False),
        Parameter("", "bytes", indexed=False),
    ),
)
ARGS = (SELF, 7, SIGNATURE)
DECLARED = Forged(
    reverts=("Wrong",),
    replay=("Again",),
    high_s=("High",),
    length=("Length",),
    recovery=("Nobody",),
    arguments={"sum": ("TooMuch",)},
)


def made(declared: Forged = DECLARED) -> dict[str, tuple[tuple[Any, ...], tuple[str, ...]]]:
    found = {}
    for one in forgeries(SIGNED, PAY, ARGS, declared):
        values = decode(["address", "uint256", "bytes"], bytes.fromhex(one.data[10:]), "pay")
        found[one.title] = (values, one.refusals)
    return found


@cache
def usual() -> dict[str, tuple[tuple[Any, ...], tuple[str, ...]]]:
    """Make them once: signing takes milliseconds."""
    return made()


def test_a_call_without_a_signature_has_no_forgeries() -> None:
    with pytest.raises(UsageError, match=r"no argument is \$signature"):
        list(forgeries(SIGNED, PAY, (SELF, 7, "0x"), DECLARED))


def test_none_of_them_is_the_signature_itself() -> None:
    genuine = (SELF, 7, SIGNED.signature())
    assert genuine not in [values for values, _ in usual().values()]


def test_no_forged_signature_is_the_signers_over_the_message() -> None:
    strict = [
        recover_digest(digest_of(TYPED, SIGNED.message), bytes.fromhex(values[2][2:]))
        for values, _ in usual().values()
        if values[:2] == (SELF, 7)
    ]
    assert len(strict) >= 15
    assert address_of(KEY) not in strict


@pytest.mark.parametrize(
    ("title", "reasons"),
    [
        ("signed by another key", ("Wrong",)),
        ("signed with another to", ("Wrong",)),
        ("signed with another sum", ("Wrong",)),
        ("signed for another name", ("Wrong",)),
        ("signed for another version", ("Wrong",)),
        ("signed for another chain (chainId)", ("Wrong",)),
        ("signed for another contract (verifyingContract)", ("Wrong",)),
        ("with the high s", ("High",)),
        ("in 64 bytes (EIP-2098)", ("Length",)),
        ("without a signature", ("Length",)),
        ("with a byte too many", ("Length",)),
        ("with v 29", ("Nobody",)),
        ("with v 255", ("Nobody",)),
        ("with a signature of zeros", ("Nobody",)),
        ("with another r", ("Wrong", "Nobody")),
        ("to changed after signing", ("Wrong",)),
        ("sum changed after signing", ("TooMuch",)),
    ],
)
def test_each_has_the_reasons_that_are_declared_for_it(
    title: str, reasons: tuple[str, ...]
) -> None:
    assert usual()[title][1] == reasons


def test_what_is_not_declared_apart_is_refused_as_all_else() -> None:
    plain = Forged(reverts=("Wrong",), replay=("Again",))
    assert {reasons for _, reasons in made(plain).values()} == {("Wrong",)}


def test_the_members_of_the_message_are_changed_in_what_is_signed_and_in_what_is_called() -> None:
    found = usual()
    values, _ = found["sum changed after signing"]
    assert values == (SELF, 8, SIGNED.signature())
    values, _ = found["signed with another sum"]
    assert values[:2] == (SELF, 7)
    assert recover(TYPED, {"to": SELF, "sum": 8}, values[2]) == address_of(KEY)


def test_another_chain_is_signed_with_the_right_key() -> None:
    values, _ = usual()["signed for another chain (chainId)"]
    elsewhere = replace(TYPED, domain={**TYPED.domain, "chainId": 2})
    assert recover(elsewhere, SIGNED.message, values[2]) == address_of(KEY)


def test_the_other_forms_are_of_the_same_key() -> None:
    genuine = SIGNED.signature()
    assert malleated(malleated(genuine)) == genuine
    assert malleated(genuine) != genuine
    # Without a bound on s they are the same signer's.
    assert recover(TYPED, SIGNED.message, malleated(genuine)) == address_of(KEY)
    assert len(compact(genuine)) == 2 + 128


def test_replays_may_be_refused_as_replays_or_by_their_form() -> None:
    found = {one.title: one.refusals for one in replays(SIGNED, PAY, ARGS, DECLARED)}
    assert found == {
        "a replay": ("Again",),
        "a replay with the high s": ("Again", "High"),
        "a replay in 64 bytes": ("Again", "Length"),
    }


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (SELF, "address"),
        ("0x000000000000000000000000000000000000dEaD", "address"),
        (True, "bool"),
        (0, "uint8"),
        (255, "uint8"),
        ("0xff", "uint8"),
        (2**256 - 1, "uint256"),
        pytest.param(str(2**256 - 1), "uint256", id="largest-as-text"),
        (127, "int8"),
        ("1 ether", "uint256"),
        ("text", "string"),
        ("0x", "bytes"),
        ("0x" + "00" * 32, "bytes32"),
        ([SELF, SELF], "address[]"),
        ([[1, 2], [3]], "uint256[][]"),
    ],
)
def test_another_value_is_another_one(value: Any, kind: str) -> None:
    from pytest_metarelease.probes.chain.codec import encode

    takes = Entry("function", "f", (Parameter("x", kind, indexed=False),))
    changed = encode(takes, [other(value, kind)])
    assert changed != encode(takes, [value])


@pytest.mark.parametrize(("value", "kind"), [([], "uint256[]"), ((1, 2), "(uint8,uint8)")])
def test_what_has_no_other_value_is_wrong_usage(value: Any, kind: str) -> None:
    with pytest.raises(UsageError, match="no forgery is known"):
        other(value, kind)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("chainId", 1),
        pytest.param("chainId", "1", id="text"),
        ("name", ""),
        ("salt", "0x" + "5a" * 32),
    ],
)
def test_another_field_of_a_domain_is_another_one(name: str, value: Any) -> None:
    assert str(other_domain_value(name, value)) != str(value)


def test_a_call_that_takes_three_numbers_is_forged_as_well() -> None:
    inputs = [("to", "address"), ("v", "uint8"), ("r", "bytes32"), ("s", "bytes32")]
    claim = Entry("function", "claim", tuple(Parameter(*one, indexed=False) for one in inputs))
    args = (SELF, "$v", "$r", "$s")
    found = {
        one.title: one for one in forgeries(SIGNED, claim, args, replace(DECLARED, arguments={}))
    }
    assert "with the high s" in found
    assert "to changed after signing" in found
    # Numbers have no length that could be another.
    assert not {"in 64 bytes (EIP-2098)", "without a signature", "with a byte too many"} & set(
        found
    )
    again = {one.title: one for one in replays(SIGNED, claim, args, DECLARED)}
    assert set(again) == {"a replay", "a replay with the high s"}
    kinds = [kind for _, kind in inputs]
    values = decode(kinds, bytes.fromhex(again["a replay"].data[10:]), "claim")
    v, r, s = values[1:]
    assert f"{r}{s[2:]}{v:02x}" == SIGNED.signature()


def timed(name: str, value: Any = 2**40) -> dict[str, Any]:
    """Return the forgeries of a payment with an end, by title."""
    types = {"Pay": (*TYPED.types["Pay"], TypedField(name=name, type="uint256"))}
    signed = Signed(replace(TYPED, types=types), {**SIGNED.message, name: 2**40}, KEY)
    entry = replace(PAY, inputs=(*PAY.inputs, Parameter(f"{name}_", "uint256", indexed=False)))
    declared = replace(DECLARED, expired=("TooLate",))
    return {one.title: one for one in forgeries(signed, entry, (*ARGS, value), declared)}


def test_what_has_no_end_is_never_over() -> None:
    assert not any("over" in title for title in (*made(), *timed("start"), *timed("deadlines")))


@pytest.mark.parametrize("name", ["deadline", "expiry", "validBefore", "valid_until", "expiresAt"])
def test_a_right_signature_that_is_over_is_tried(name: str) -> None:
    found = timed(name)[f"signed with a {name} that is over"]
    assert found.refusals == ("TooLate",)
    kinds = ["address", "uint256", "bytes", "uint256"]
    to, sum_, signature, end = decode(kinds, bytes.fromhex(found.data[10:]), "pay")
    assert (to.lower(), sum_, end) == (SELF.lower(), 7, 1)
    types = {"Pay": (*TYPED.types["Pay"], TypedField(name=name, type="uint256"))}
    message = {**SIGNED.message, name: 1}
    right = Signed(replace(TYPED, types=types), message, KEY)
    assert signature == right.signature()


def test_an_end_that_the_call_does_not_take_cannot_be_tried() -> None:
    assert "signed with a deadline that is over" not in timed("deadline", value=2**41)
