"""The purse of a run, and what a signed transaction may cost."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_metarelease.errors import ForbiddenError
from pytest_metarelease.probes.chain.purse import Purse
from pytest_metarelease.probes.chain.raw import Signed, read_signed
from pytest_metarelease.probes.chain.signing import sign_transaction

if TYPE_CHECKING:
    from pathlib import Path

KEY = "0x" + "11" * 32
ACCESS = {"address": "0x" + "22" * 20, "storageKeys": ["0x" + "00" * 32]}
_TAKER = """
import sys, pathlib
from pytest_metarelease.errors import ForbiddenError
from pytest_metarelease.probes.chain.purse import Purse
purse, got = Purse(100, pathlib.Path(sys.argv[1])), 0
for _ in range(80):
    try:
        purse.take(1, "it")
        got += 1
    except ForbiddenError:
        pass
print(got)
"""


def test_trivially_an_empty_purse_pays_nothing(tmp_path: Path) -> None:
    for purse in (Purse(0), Purse(0, tmp_path / "spent.wei")):
        with pytest.raises(ForbiddenError, match="spending_cap"):
            purse.take(1, "it")


@pytest.mark.parametrize("text", ["", "-1", "1e3", "x", "9" * 100, "\x00", "²"])
def test_a_purse_that_cannot_be_read_pays_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "spent.wei").write_text(text, encoding="utf-8")
    with pytest.raises(ForbiddenError, match="nobody can tell"):
        Purse(10**30, tmp_path / "spent.wei").take(1, "it")


def test_what_was_taken_is_taken_for_everybody(tmp_path: Path) -> None:
    one, other = Purse(10, tmp_path / "spent.wei"), Purse(10, tmp_path / "spent.wei")
    one.take(7, "it")
    with pytest.raises(ForbiddenError, match="7 of it are taken"):
        other.take(4, "it")
    one.give_back(3)
    other.take(6, "it")
    with pytest.raises(ForbiddenError):
        one.take(1, "it")


def test_nothing_is_taken_by_what_is_refused() -> None:
    purse = Purse(10)
    for amount in (11, -1):
        with pytest.raises(ForbiddenError):
            purse.take(amount, "it")
    purse.take(10, "it")


def test_never_more_than_was_in_it_comes_back() -> None:
    purse = Purse(10)
    purse.give_back(100)
    purse.give_back(-100)
    purse.take(10, "it")
    with pytest.raises(ForbiddenError):
        purse.take(1, "it")


def test_processes_share_one_purse(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _TAKER, str(tmp_path / "spent.wei")]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    got = [int(one.communicate(timeout=60)[0]) for one in started]
    assert sum(got) == 100


# ---------------------------------------------------------------------- signed transactions


def signed(**changes: Any) -> str:
    fields = {"nonce": 3, "gas": 21_000, "to": "0x" + "22" * 20, "value": 10**18, "data": "0x"}
    return sign_transaction({**fields, **changes}, KEY)[0]


@pytest.mark.parametrize(
    "fees",
    [
        {"gasPrice": 7, "chainId": 31337},
        {"type": 1, "gasPrice": 7, "chainId": 31337, "accessList": []},
        {"type": 2, "maxFeePerGas": 7, "maxPriorityFeePerGas": 2, "chainId": 31337},
        {"type": 2, "maxFeePerGas": 7, "maxPriorityFeePerGas": 2, "chainId": 31337}
        | {"data": "0x" + "ab" * 3000, "accessList": [ACCESS]},
    ],
)
def test_cost_is_value_and_gas_at_its_highest(fees: dict[str, Any]) -> None:
    assert read_signed(signed(**fees)) == Signed(31337, 10**18 + 7 * 21_000)


def test_a_creation_is_counted_too() -> None:
    raw = signed(gasPrice=1, chainId=1, to="", data="0x60", value=0)
    assert read_signed(raw) == Signed(1, 21_000)


@pytest.mark.parametrize(
    "raw",
    [
        None, "", "0x", "0x0", "zz", "0x00", "0x02", "0x02c0", "0xc0", "0xff" + "ff" * 8, "0x7f",
        "0x03c0", "0x04c0", {"raw": 1}, "0xf8", "0xc9" + "80" * 9, "0x" + "ab" * 300_000,
    ],
    ids=lambda raw: str(raw)[:12],
)  # fmt: skip
def test_what_cannot_be_counted_is_not_sent(raw: object) -> None:
    with pytest.raises(ForbiddenError, match="not sent"):
        read_signed(raw)


def test_a_transaction_for_any_chain_is_not_sent() -> None:
    with pytest.raises(ForbiddenError, match="bound to no chain"):
        read_signed(signed(gasPrice=1))


@given(st.binary(max_size=120) | st.binary(max_size=80).map(lambda rest: b"\x02\xf8" + rest))
def test_any_bytes_are_counted_or_refused(data: bytes) -> None:
    try:
        found = read_signed("0x" + data.hex())
    except ForbiddenError:
        return
    assert found.most >= 0
