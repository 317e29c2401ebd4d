"""Hidden selectors behind every kind of proxy, from a scripted node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from pytest_metarelease.errors import MalformedError, ProbeError, UnmetError
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.model import Contract
from pytest_metarelease.manifest.scalars import Address, RelativePath
from pytest_metarelease.probes.chain.abi import read_abi
from pytest_metarelease.probes.chain.hidden import judge_hidden
from pytest_metarelease.probes.chain.measuring import Asking
from pytest_metarelease.probes.chain.minimal import minimal_code
from pytest_metarelease.probes.chain.proxies import BEACON, IMPLEMENTATION, PROXIABLE
from pytest_metarelease.probes.chain.snapshot import Snapshot
from pytest_metarelease.probes.chain.storage import slot_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_metarelease.probes.chain.contracts import ContractProbe
    from pytest_metarelease.probes.chain.rpc import Ask

PROXY, LOGIC, A_BEACON = ("0x" + one * 20 for one in ("11", "22", "33"))
PLAIN = "0x00"
HIDING = "0x5f3560e01c63deadbeef1460005700"
WORD = "0x" + "00" * 12


@dataclass(slots=True)
class Scripted:
    """Code by address and storage of the proxy by slot; the beacon answers ``says``."""

    code: Mapping[str, str]
    slots: Mapping[str, str] = field(default_factory=dict)
    says: str = WORD + LOGIC[2:]
    masked: str = "http://node"

    def batch(self, asks: Sequence[Ask]) -> list[Any]:
        return [self._one(one.method, one.params) for one in asks]

    def _one(self, method: str, params: Sequence[Any]) -> str:
        if method == "eth_getCode":
            return self.code.get(params[0].lower(), "0x")
        if method == "eth_getStorageAt":
            found = {slot_number(key): one for key, one in self.slots.items()}
            return found.get(slot_number(params[1]), WORD + "00" * 20)
        assert params[0]["to"] == A_BEACON
        return self.says


def judge(node: Scripted) -> set[Judgement]:
    notebook = Notebook()
    notebook.check = "check"
    contract = SimpleNamespace(
        name="box",
        address=PROXY,
        declared=Contract(artifact=RelativePath("a.json"), address=Address(PROXY)),
        interface=read_abi("Box", []),
        snapshot=Snapshot(1, 2, "0x" + "00" * 32, 3, by_hash=True),
        rpc=node,
        asking=Asking(notebook, "contract:box"),
    )
    judge_hidden(cast("ContractProbe", contract))
    return {one.judgement for one in notebook.citations["check"]} - {Judgement.NONE}


BEHIND = {
    "implementation": (PLAIN, {IMPLEMENTATION: WORD + LOGIC[2:]}),
    "EIP-1822": (PLAIN, {PROXIABLE: WORD + LOGIC[2:]}),
    "beacon": (PLAIN, {BEACON: WORD + A_BEACON[2:]}),
    **{
        form: ("0x" + minimal_code(LOGIC, form).hex(), {})
        for form in ("EIP-1167", "0age", "Solady with PUSH0", "EIP-7511")
    },
    "a second slot": (PLAIN, {IMPLEMENTATION: WORD + PROXY[2:], PROXIABLE: WORD + LOGIC[2:]}),
}


def test_no_code_is_a_finding() -> None:
    with pytest.raises(UnmetError, match="no code"):
        judge(Scripted({}))


@pytest.mark.parametrize("kind", BEHIND)
def test_what_stands_behind_is_looked_at(kind: str) -> None:
    own, slots = BEHIND[kind]
    with pytest.raises(UnmetError, match="0xdeadbeef"):
        judge(Scripted({PROXY: own, LOGIC: HIDING}, slots))
    assert judge(Scripted({PROXY: own, LOGIC: PLAIN}, slots)) == {Judgement.MET}


@pytest.mark.parametrize("says", ["0x", "0x01", WORD])
def test_a_beacon_that_names_nothing_is_unknown(says: str) -> None:
    slots = {BEACON: WORD + A_BEACON[2:]}
    with pytest.raises(MalformedError, match="no address"):
        judge(Scripted({PROXY: PLAIN}, slots, says))


def test_a_node_without_an_answer_is_unknown() -> None:
    class Failing(Scripted):
        def batch(self, asks: Sequence[Ask]) -> list[Any]:
            raise ProbeError("no connection")

    with pytest.raises(ProbeError, match="no connection"):
        judge(Failing({}))
