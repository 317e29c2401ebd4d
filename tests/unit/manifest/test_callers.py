"""Rules of what a manifest says about callers, slots and Safes."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_metarelease.manifest.contract_code import Difference, Initialiser
from pytest_metarelease.manifest.model import (
    CallerPolicy,
    Contract,
    Given,
    Pausing,
    Roles,
    Safe,
    SlotExpectation,
    ViewExpectation,
)
from pytest_metarelease.manifest.rules import broken_by
from pytest_metarelease.manifest.scalars import Address, RelativePath

WHO = Address("0x" + "11" * 20)
OTHER = Address("0x" + "22" * 20)


def contract(**values: Any) -> Contract:
    return Contract(artifact=RelativePath("a.json"), address=WHO, **values)


def safe(**values: Any) -> Safe:
    usual: dict[str, Any] = {"address": WHO, "version": "1.4.1", "owners": (WHO, OTHER)}
    return Safe(**{**usual, "threshold": 2, "singleton": OTHER, **values})


def until(expires: str) -> Difference:
    return Difference(facet="metadata", reason="x", expires=expires)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (CallerPolicy(), "who may call"),
        (CallerPolicy(only=("owner",), anyone="x", reverts=("y",)), "not only and anyone"),
        (CallerPolicy(only=("owner",)), "needs `reverts`"),
        (CallerPolicy(nobody="x"), "needs `reverts`"),
        (CallerPolicy(only=("owner",), reverts=("0x08c379a0",)), "every text of `require`"),
        (CallerPolicy(only=("owner",), reverts=("0x", "0x4E487B71")), "every panic"),
        (ViewExpectation(reverts=" 0x08C379A0"), "every text"),
        (Pausing(by="owner", blocks={"f": "0x08c379a0"}), "every text"),
        (Pausing(by="owner", blocks={"f": "x"}, stays_open={"f": "y"}), "one or the other"),
        (Pausing(by="owner", blocks={"f": "x"}, stays_open={"g": " "}), "needs a reason"),
        (Roles(holders={"A": ()}, unchecked={"A": "x"}), "one or the other"),
        (Roles(holders={"A": ()}, unchecked={"B": ""}), "needs a reason"),
        (Initialiser(call="initialize", reverts="0x4e487b71"), "every panic"),
        *((until(text), "is no day") for text in ("20270131", "2027-1-31", "2027-02-30", "", "x")),
        (until("2027-W05-1"), "is no day"),
        (until("\u0662\u0660\u0662\u0667-01-31"), "is no day"),
        (Given(slot="first", value=0), "no slot"),
        (Given(slot="0", value=256, size=1), "does not fit"),
        (Given(slot="0", value=0, offset=20, size=20), "beyond"),
        (contract(storage={"x": SlotExpectation(unchecked="y")}), "no slot"),
        (contract(hidden_selectors={"deadbeef": "y"}), "no selector"),
        (safe(threshold=3), "can never agree"),
        (safe(singleton=None), "needs its singleton"),
        (safe(owners=(WHO, WHO)), "named twice"),
        (ViewExpectation(), "states nothing"),
        (ViewExpectation(unconfirmed="adopted"), "states nothing"),
        (ViewExpectation(holds=("1",)), "no relation"),
        (ViewExpectation(reverts="x", holds=("== 1",)), "one of the two"),
    ],
)
def test_what_means_nothing_is_refused(value: object, why: str) -> None:
    assert [text for _, text in broken_by(value) if why in text]


@pytest.mark.parametrize(
    "value",
    [
        CallerPolicy(only=("owner",), reverts=("0x",)),
        CallerPolicy(only=("owner",), reverts=("Panic(0x11)", "missing {caller}")),
        until("2027-01-31"),
        CallerPolicy(anyone="x"),
        CallerPolicy(unchecked="x"),
        Given(slot="0x10", value=255, size=1, offset=31),
        contract(hidden_selectors={"0xdeadbeef": "y"}),
        safe(),
        safe(singleton=None, proxy=False),
        ViewExpectation(holds=(">= 1 ether", "== ${X}")),
        ViewExpectation(reverts="Paused"),
    ],
)
def test_what_means_something_is_taken(value: object) -> None:
    assert list(broken_by(value)) == []
