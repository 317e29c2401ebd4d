"""Minimal proxies, form by form."""

from __future__ import annotations

import pytest

from pytest_metarelease.probes.chain.minimal import Minimal, minimal_code, read_minimal

LOGIC = "0x" + "ab" * 20
FORMS = ("EIP-1167", "0age", "Solady with PUSH0", "EIP-7511")


@pytest.mark.parametrize("code", ["", "00", "6001", "ef0100" + "ab" * 20])
def test_other_code_is_no_minimal_proxy(code: str) -> None:
    assert read_minimal(bytes.fromhex(code)) is None


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_read(form: str) -> None:
    assert read_minimal(minimal_code(LOGIC, form)) == Minimal(form, LOGIC)


@pytest.mark.parametrize("form", FORMS)
def test_one_byte_more_less_or_other_is_something_else(form: str) -> None:
    code = minimal_code(LOGIC, form)
    assert read_minimal(code + b"\0") is None
    assert read_minimal(code[:-1]) is None
    assert read_minimal(b"\x5b" + code[1:]) is None
    assert read_minimal(code[:-1] + b"\xf4") is None


def test_an_address_with_leading_zeros_may_be_written_shorter() -> None:
    shorter = bytes.fromhex("363d3d373d3d3d363d6f" + "ab" * 16 + "5af43d82803e903d91602757fd5bf3")
    assert read_minimal(shorter) == Minimal("EIP-1167", "0x" + "00" * 4 + "ab" * 16)
    wrong = shorter.replace(bytes.fromhex("6027"), bytes.fromhex("602b"))
    assert read_minimal(wrong) is None
