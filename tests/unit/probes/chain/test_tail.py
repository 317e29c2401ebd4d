"""The compiler's metadata at the end of code, and what only looks like it."""

from __future__ import annotations

import pytest

from pytest_metarelease.errors import MalformedError
from pytest_metarelease.probes.chain.bytecode import compare, metadata_words
from pytest_metarelease.probes.chain.spans import Span
from pytest_metarelease.probes.chain.tail import metadata_start, read_map, read_tail, why_no_tail

CODE = bytes.fromhex("6001600255fe")


def tail(byte: str = "aa") -> bytes:
    cbor = bytes.fromhex("a2646970667358221220" + byte * 32 + "64736f6c634300081e")
    return cbor + len(cbor).to_bytes(2, "big")


def test_no_code_has_no_tail() -> None:
    assert read_tail(b"") is None
    assert metadata_start(CODE) == len(CODE)
    assert compare(CODE, b"").body is not None
    assert compare(b"", CODE).body is not None


def test_a_tail_is_read() -> None:
    found = read_tail(CODE + tail())
    assert found is not None
    assert (found.start, set(found.values)) == (len(CODE), {"ipfs", "solc"})
    assert metadata_words(CODE + tail()) == f"ipfs 0x1220{'aa' * 32}, solc 0.8.30"


def test_the_oldest_form_is_read() -> None:
    old = bytes.fromhex("a165627a7a72305820" + "bb" * 32 + "0029")
    assert metadata_start(CODE + old) == len(CODE)


@pytest.mark.parametrize(
    "broken",
    [
        "a0",  # an empty map
        "a1646970667341",  # its value is cut off
        "a16469706673410064736f6c63",  # bytes behind the map
        "a1646576696c4100",  # a key that no compiler writes
        "a264697066734100646970667341ff",  # a key twice
        "a14100",  # a key that is no text
        "81646970667341",  # a list
        "a1646970667300ff",  # one byte more
        "a16469706673f6",  # null
        "bf6469706673410aff",  # of indefinite length
    ],
)
def test_what_only_looks_like_metadata(broken: str) -> None:
    data = bytes.fromhex(broken)
    with pytest.raises(MalformedError):
        read_map(data)
    code = CODE + data + len(data).to_bytes(2, "big")
    assert metadata_start(code) == len(code)


def test_what_differs_is_told_apart() -> None:
    released = CODE + tail()
    assert compare(released, released).metadata == "exact"
    other = compare(released, CODE + tail("cc"))
    assert (other.body, other.metadata, other.why) == (None, "same-code", "")
    changed = compare(released, b"\x61" + CODE[1:] + tail())
    assert changed.body is not None
    assert changed.metadata == "exact"
    assert compare(released, b"\x61" + CODE[1:] + tail(), [Span(0, 1)]).body is None


@pytest.mark.parametrize("extra", [b"\x00", b"\x5b\x33\xff", tail("dd"), b"\x00" * 64])
def test_bytes_after_the_marker_are_told(extra: bytes) -> None:
    why = compare(CODE + tail(), CODE + tail() + extra).why
    assert why.startswith(f"{len(extra)} bytes after the metadata marker, from offset 59")


def test_a_missing_or_foreign_tail_is_told() -> None:
    released = CODE + tail()
    assert compare(released, CODE).why == "no metadata where the artifact has some"
    assert "no compiler's metadata" in compare(released, CODE + b"\x5b" * 20).why
    assert why_no_tail(released, len(CODE)) is None
