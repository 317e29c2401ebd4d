"""Immutables that stand behind the code, as Vyper's do: what it writes of them, and real nodes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import UnmetError
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.probes.chain.artifact import load
from pytest_metarelease.probes.chain.codec import encode
from pytest_metarelease.probes.chain.spans import Span
from pytest_metarelease.probes.chain.vyper import immutables_behind
from pytest_metarelease.sandbox.accounts import ARBITER, COUNTERPARTY
from tests.probes.chain.nodes import chain_at, door
from tests.probes.chain.test_published import at, put

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_metarelease.probes.chain.rpc import Rpc

# As 0.4.3 and 0.3.10 write it: code of 1001 or 979 bytes, data of 24, immutables of 128.
NEWER = bytes.fromhex(f"855820{'6a' * 32}1903e98118181880a16576797065728300040300" + "38")
OLDER = bytes.fromhex("841903d38118181880a16576797065728300030a0016")
WORDS = {f"word_{at}": 32 * at for at in range(4)}


def test_what_is_no_list_of_vypers_says_nothing() -> None:
    wrong = [
        b"",
        b"\0\0",
        NEWER[:-1],
        NEWER + b"\0",
        NEWER.replace(b"vyper", b"viper"),
        NEWER[:-2] + b"\0\x37",
        NEWER.replace(b"\x81\x18\x18", b"\x18\x18\x18"),
        b"\x81" * 60 + b"\0\x3e",
        b"\xff" * 22 + b"\0\x18",
    ]
    assert [immutables_behind(b"code" + one, bytes(1001)) for one in wrong] == [{}] * len(wrong)
    assert immutables_behind(NEWER, bytes(1000)) == {}


@pytest.mark.parametrize(
    ("tail", "size"), [(NEWER, 1001), (NEWER, 1025), (OLDER, 979), (OLDER, 979 + 24)]
)
def test_the_immutables_stand_behind_the_code(tail: bytes, size: int) -> None:
    found = immutables_behind(b"code" + tail, bytes(size))
    assert found == {name: Span(size + at, 32) for name, at in WORDS.items()}


def test_the_last_word_may_be_shorter() -> None:
    tail = OLDER.replace(b"\x18\x80", b"\x18\x28")
    assert immutables_behind(tail, bytes(979)) == {
        "word_0": Span(979, 32),
        "word_1": Span(1011, 8),
    }


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A contract that answers nothing, with its one argument behind its code."""
    runtime = "60006000fd"
    tail = "840580" + "1820" + "a1657679706572830004030012"
    head = 22
    size = head + (len(runtime) + len(tail)) // 2
    code = f"600560{head:02x}600039"  # CODECOPY(0, the runtime code, 5)
    code += f"602060{size:02x}600539"  # CODECOPY(5, the argument, 32)
    code = f"{code}60256000f3"
    creation = f"{code:0<{head * 2}}{runtime}{tail}"
    path = tmp_path_factory.mktemp("vyper") / "Kept.json"
    abi = [{"type": "constructor", "inputs": [{"name": "to", "type": "address"}]}]
    document = {
        "contractName": "Kept",
        "abi": abi,
        "bytecode": {"object": "0x" + creation},
        "deployedBytecode": {"object": "0x" + runtime},
    }
    path.write_text(json.dumps(document))
    return path


@pytest.fixture(scope="module")
def rpc(either: str) -> Iterator[Rpc]:
    with door(chain_at(either), Access.TRANSACT) as opened:
        yield opened


def test_the_declared_argument_is_met_and_another_is_unmet(rpc: Rpc, artifact: Path) -> None:
    built = load(artifact)
    argument = encode(built.interface.constructor, (ARBITER.address,))
    found = put(rpc, built.creation + argument)
    other = at(rpc, found, built, (COUNTERPARTY.address,))
    with pytest.raises(UnmetError, match=f"immutable word_0 .*{COUNTERPARTY.address[2:].lower()}"):
        other.probe.code()
    right = at(rpc, found, built, (ARBITER.address,))
    right.probe.code()
    assert right.verdicts == {Judgement.MET}
