"""Differences in a trace, and which of them a transaction was not allowed to make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import MalformedError
from pytest_metarelease.probes.chain.changes import (
    Seen,
    Sent,
    beyond,
    created_in,
    differences,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

OWN, SENDER, OTHER, MINER = (f"0x{number:040x}" for number in range(1, 5))
SLOT_5 = f"0x{5:064x}"


def sent(may: Mapping[str, tuple[str, ...]] | None = None, *, creates: bool = False) -> Sent:
    return Sent("0x12", 1, SENDER, OWN, may or {}, creates)


def seen(**changes: set[str]) -> Seen:
    names = {"own": OWN, "sender": SENDER, "other": OTHER, "miner": MINER}
    return Seen({names[key]: frozenset(parts) for key, parts in changes.items()}, "a trace")


def test_what_changed_elsewhere_is_beyond() -> None:
    for part in ("balance", "nonce", "code", SLOT_5):
        assert beyond(seen(other={part}), sent(), MINER) != []


def test_nothing_is_beyond_in_what_every_transaction_changes() -> None:
    every = seen(sender={"balance", "nonce"}, own={"balance", SLOT_5}, miner={"balance"})
    assert beyond(every, sent(), MINER) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"sender": {SLOT_5}}, f"{SENDER}: slot 0x5"),
        ({"sender": {"code"}}, f"{SENDER}: code"),
        ({"miner": {"nonce"}}, f"{MINER}: nonce"),
    ],
)
def test_no_more_than_that(changes: dict[str, set[str]], told: str) -> None:
    assert beyond(seen(**changes), sent(), MINER) == [told]


def test_what_is_declared_of_the_own_contract_is_all_of_it() -> None:
    declared = {OWN: ("0", "balance")}
    assert beyond(seen(own={f"0x{0:064x}", "balance"}), sent(declared), MINER) == []
    assert beyond(seen(own={SLOT_5}), sent(declared), MINER) == [f"{OWN}: slot 0x5"]
    assert beyond(seen(own={SLOT_5}), sent({OWN: ("slots",)}), MINER) == []
    assert beyond(seen(own={"balance"}), sent({OWN: ("slots",)}), MINER) == [f"{OWN}: balance"]
    assert beyond(seen(own={SLOT_5, "code"}), sent(declared, creates=True), MINER) == []


@pytest.mark.parametrize("slot", ["5", "0x5", "0x05"])
def test_a_slot_is_a_number_however_it_is_written(slot: str) -> None:
    assert beyond(seen(other={SLOT_5}), sent({OTHER: (slot,)}), MINER) == []


TRACES: list[tuple[Any, Any, dict[str, set[str]]]] = [
    ({}, {}, {}),
    ({OWN: {"balance": "0x1"}}, {OWN: {"balance": "0x2"}}, {OWN: {"balance"}}),
    ({OWN: {"balance": "0x1", "nonce": 3}}, {OWN: {"balance": "0x1"}}, {}),
    ({OWN: {"nonce": 1}}, {OWN: {"nonce": 2}}, {OWN: {"nonce"}}),
    ({}, {OWN: {"code": "0x60", "nonce": 1}}, {OWN: {"code", "nonce"}}),
    ({OWN: {"storage": {"0x5": "0x1"}}}, {OWN: {}}, {OWN: {SLOT_5}}),
    ({OWN: {}}, {OWN: {"storage": {SLOT_5: "0x1"}}}, {OWN: {SLOT_5}}),
    ({OWN: {"storage": {SLOT_5: "0x1"}}}, {OWN: {"storage": {SLOT_5: "0x01"}}}, {}),
    # Gone afterwards: it was destroyed.
    ({OWN: {"balance": "0x1", "code": "0x60"}}, {}, {OWN: {"balance", "code"}}),
]


@pytest.mark.parametrize(("pre", "post", "changed"), TRACES)
def test_differences_of_a_trace(pre: Any, post: Any, changed: dict[str, set[str]]) -> None:
    assert differences({"pre": pre, "post": post}) == changed


@pytest.mark.parametrize("value", ["zero", [], {"a": 1}])
def test_what_is_no_number_is_malformed(value: Any) -> None:
    with pytest.raises(MalformedError):
        differences({"pre": {OWN: {"balance": value}}, "post": {OWN: {"balance": "0x0"}}})


def test_what_a_constructor_deploys_is_not_beyond_but_what_a_call_deploys_is() -> None:
    trace = {"pre": {SENDER: {"nonce": 1}}, "post": {OTHER: {"code": "0x60", "nonce": 1}}}
    assert created_in(trace) == {OTHER}
    made = Seen(differences(trace), "a trace", created=created_in(trace))
    assert [one for one in beyond(made, sent(creates=True), MINER) if OTHER in one] == []
    assert [one for one in beyond(made, sent(), MINER) if OTHER in one] != []
    # Code in place of other code, or at an account that was in use, is no creation.
    for before in ({"code": "0x61"}, {"nonce": 1}):
        assert created_in({"pre": {OTHER: before}, "post": {OTHER: {"code": "0x60"}}}) == set()
