from __future__ import annotations

import pytest

from pytest_metarelease.manifest.relations import Reference, read_relation

NONE = ("", "1 ether", "=", "= 1", ">=", "=> 1", "== ", "== one two", "< true", "== f(g(1))")


@pytest.mark.parametrize("text", [*NONE, "== balance()", "== address(a, b)", "== 1.5", "~= 1"])
def test_what_is_no_relation_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"relation|order|takes one"):
        read_relation(text)


@pytest.mark.parametrize(
    ("text", "operator", "other"),
    [
        (">= 1 ether", ">=", 10**18),
        ("== 0xAb", "==", "0xAb"),
        ("!= true", "!=", True),
        ("<5", "<", 5),
        ("== balance(self)", "==", Reference(None, "balance", ("self",))),
        ("== token.totalSupply()", "==", Reference("token", "totalSupply", ())),
        ("<= my-token.balanceOf(self)", "<=", Reference("my-token", "balanceOf", ("self",))),
        ("== allowance(self, 0x01)", "==", Reference(None, "allowance", ("self", "0x01"))),
    ],
)
def test_a_relation_is_read(text: str, operator: str, other: object) -> None:
    found = read_relation(text)
    assert (found.operator, found.other) == (operator, other)
