"""Journeys in the manifest: what each step may be, and what a journey must not be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.manifest.conftest import Loading, Refusal

PAGE = """\
        page:
          browser:
            journeys:
              buy:
                wallet: {key: "${KEY}", signs: order}
                inp: 200ms
                steps:
                  - {click: "#connect"}
                  - {fill: "#amount", with: "2"}
                  - {click: "#buy", submits: true}
                  - {signed: {primaryType: Order, message.amount: 2}}
                  - {request: POST /orders, status: 201}
                  - {visible: "#done", text: Thank you}
"""


@pytest.fixture
def journey(shop: str) -> str:
    return shop.replace("        health:", f"{PAGE}        health:", 1)


def test_a_journey_is_read(journey: str, read: Loading, variables: dict[str, str]) -> None:
    loaded = read(journey)
    assert loaded.manifest.environments["staging"].journeys == ("api.buy",)
    resolved = loaded.resolve("staging", {**variables, "KEY": "0x" + "11" * 32})
    page = resolved.environment.services["api"].page
    assert page is not None
    assert page.browser is not None
    found = page.browser.journeys["buy"]
    assert found.steps[1].typed == "2"
    assert found.steps[4].status == (201,)
    assert "0x" + "11" * 32 in resolved.secrets


@pytest.mark.parametrize(
    ("written", "instead", "why"),
    [
        ('{visible: "#done", text: Thank you}', "{}", "is one of open, click, fill, visible"),
        ('{click: "#connect"}', '{click: "#a", visible: "#b"}', "not click and visible"),
        ('fill: "#amount", with: "2"', 'fill: "#amount"', "needs `with`"),
        ('{click: "#connect"}', '{click: "#a", with: "2"}', "means nothing beside click"),
        ('{click: "#connect"}', '{click: "#a", text: Hi}', "means nothing beside click"),
        ('{click: "#connect"}', '{click: "#a", status: 404}', "means nothing beside click"),
        ('{fill: "#amount", with: "2"}', "{fill: a, with: b, submits: true}", "only click"),
        ("POST /orders", "orders", "is a method and a path"),
        ('                  - {visible: "#done", text: Thank you}\n', "", None),
        ('{visible: "#done", text: Thank you}', '{click: "#done"}', "say what must be seen"),
        ('wallet: {key: "${KEY}", signs: order}', "deadline: 9s", "nothing is signed without"),
        ("signs: order", "signs: ordr", "no typed data ordr; did you mean order?"),
        ('key: "${KEY}"', 'key: "0x1234"', "secrets never live in the manifest"),
        ("status: 201", "status: 99", "100"),
    ],
)
def test_what_a_journey_may_not_be(
    journey: str, written: str, instead: str, why: str | None, refusal: Refusal
) -> None:
    changed = journey.replace(written, instead, 1)
    assert changed != journey
    found = refusal(changed)
    assert any(why in line for line in found) if why else found == []


def test_a_wallet_is_on_a_chain(journey: str, refusal: Refusal) -> None:
    start, end = journey.index("    chain:\n"), journey.index("    contracts:\n")
    without = journey[:start] + journey[end:]
    assert any("is on the declared chain, but none is" in line for line in refusal(without))
