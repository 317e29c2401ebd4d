"""Plain words are read as the library reads them, and left to it where they are not plain."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from pytest_metarelease.errors import MalformedError
from pytest_metarelease.probes.chain.codec import decode
from pytest_metarelease.probes.chain.words import read_words

KINDS = {
    "uint8": st.integers(0, 2**8 - 1),
    "uint256": st.integers(0, 2**256 - 1),
    "bool": st.booleans(),
    "bytes32": st.binary(min_size=32, max_size=32),
    "address": st.binary(min_size=20, max_size=20).map(lambda one: "0x" + one.hex()),
}


def test_nothing_is_not_plain() -> None:
    assert read_words([], b"") is None
    assert read_words(["uint256"], b"") is None


@given(st.data())
def test_what_is_plain_is_read_as_it_was_written(data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=4))
    values = [data.draw(KINDS[kind]) for kind in kinds]
    shown = tuple("0x" + one.hex() if isinstance(one, bytes) else one for one in values)
    found = read_words(kinds, encode(kinds, values))
    assert found == shown
    assert [type(one) for one in found or ()] == [type(one) for one in shown]


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("bool", "02".rjust(64, "0")),
        ("uint8", "0100".rjust(64, "0")),
        ("address", "01" + "ab" * 31),
        ("int8", "00" * 32),
        ("bytes4", "00" * 32),
        ("uint7", "00" * 32),
        ("string", "00" * 32),
        ("uint256[]", "00" * 32),
    ],
)
def test_what_is_not_plain_is_left_to_the_library(kind: str, word: str) -> None:
    assert read_words([kind], bytes.fromhex(word)) is None


@pytest.mark.parametrize("kind", ["bool", "uint8", "address"])
def test_bad_padding_is_malformed_as_ever(kind: str) -> None:
    with pytest.raises(MalformedError):
        decode([kind], b"\xff" * 32, "a view")


def test_more_than_was_asked_for_is_read_as_ever() -> None:
    assert decode(["uint8"], bytes(31) + b"\x07" + bytes(32), "a view") == (7,)
